"""An IPython shell whose every output is kept as notebook outputs, within a bound."""

from __future__ import annotations

import ast
import contextlib
import json
import sys
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

TEXT_CHARS = 200_000
DISPLAY_CHARS = 4_000_000  # as they are sent
SHORT = 100  # of a value that is shown all the same
OUTPUTS = 1000  # a notebook of 200 plots has a fifth of them in all


class Recorder:
    """Collects one cell's outputs in nbformat's shape. What exceeds the bound is dropped, and said once."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self._text = 0
        self._display = 0
        self.cut = False

    def _add(self, output: dict[str, Any], most: int = OUTPUTS) -> None:
        if len(self.outputs) < most:
            self.outputs.append(output)
        else:
            self._note_cut()

    def _note_cut(self) -> None:
        if not self.cut:
            self.cut = True
            self.outputs.append({"output_type": "stream", "name": "stdout", "text": "\n[output cut: too long]\n"})

    def stream(self, name: str, text: str) -> None:
        if self.cut:
            return
        left = TEXT_CHARS - self._text
        self._text += len(text)
        kept = text[: max(left, 0)]
        if self.outputs and self.outputs[-1]["output_type"] == "stream" and self.outputs[-1]["name"] == name:
            self.outputs[-1]["text"].append(kept)
        else:
            self._add({"output_type": "stream", "name": name, "text": [kept]})
        if left < len(text):
            self._note_cut()

    def show(self, output_type: str, data: dict[str, Any], metadata: dict[str, Any], count: int | None = None) -> None:
        if self.cut and (output_type != "execute_result" or len(str(data.get("text/plain"))) > SHORT):
            return
        data = {kind: value if isinstance(value, str) else str(value) for kind, value in data.items()}
        if self.cut:  # a test's score may be the value of its last line
            data = {"text/plain": data.get("text/plain", "")}
        self._display += len(json.dumps(data))
        if self._display > DISPLAY_CHARS and not self.cut:
            return self._note_cut()
        output: dict[str, Any] = {"output_type": output_type, "data": data, "metadata": {}}
        if output_type == "execute_result":
            output["execution_count"] = count
        self._add(output, OUTPUTS + 1 if self.cut else OUTPUTS)

    def error(self, name: str, value: str, lines: list[str]) -> None:
        told = {"ename": name[:200], "evalue": value[:2000], "traceback": [line[:5000] for line in lines[-40:]]}
        self._add({"output_type": "error", **told}, OUTPUTS + 10)  # why a cell ended is worth more than its last plot

    def finished(self) -> list[dict[str, Any]]:
        for output in self.outputs:
            if isinstance(output.get("text"), list):
                output["text"] = "".join(output["text"])
        return self.outputs


class Stream:
    """A text stream that writes into the recorder."""

    encoding = "utf-8"
    errors = "replace"
    closed = False

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self.name = name

    def write(self, text: str) -> int:
        self._recorder.stream(self.name, str(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        return None

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False


class _Publisher(DisplayPublisher):
    recorder: Recorder

    def publish(self, data: Any, metadata: Any = None, **_: Any) -> None:
        self.recorder.show("display_data", dict(data), dict(metadata or {}))

    def clear_output(self, wait: bool = False) -> None:
        self.recorder.outputs.clear()


class _Hook(DisplayHook):
    recorder: Recorder

    def __call__(self, result: Any = None) -> None:
        if result is None or self.quiet():
            return
        self.update_user_ns(result)
        data, metadata = self.compute_format_data(result)
        self.recorder.show("execute_result", dict(data), dict(metadata), self.shell.execution_count)


class Shell(InteractiveShell):
    """IPython without history, terminal or threads; outputs go to `recorder`.

    error   what the last cell raised, None where it ended well
    """

    recorder: Recorder
    error: BaseException | None = None
    goes_on: Callable[[], bool] = staticmethod(lambda: False)
    """Whether the statements behind one that fails are run: it may have failed for what is missing here alone."""

    @classmethod
    def recording(cls) -> Shell:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.automagic = False
        config.InteractiveShell.cache_size = 0
        shell = cls.instance(config=config, displayhook_class=_Hook, display_pub_class=_Publisher)
        shell.recorder = shell.displayhook.recorder = shell.display_pub.recorder = Recorder()
        return shell

    def record_streams(self) -> None:
        """From here on, what Python prints is recorded."""
        sys.stdout = Stream(self.recorder, "stdout")
        sys.stderr = Stream(self.recorder, "stderr")

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no event loop to enable; figures are drawn inline."""

    def system(self, cmd: str) -> None:
        """Run a line that begins with `!`. As in Jupyter it ends no cell, not even where no program can be started."""
        try:
            super().system(cmd)
        except OSError as error:
            print(f"{cmd}: {error.strerror or error}", file=sys.stderr)

    def getoutput(self, cmd: str, *options: Any, **named: Any) -> Any:
        """What such a line prints, as `lines = !ls` takes it."""
        try:
            return super().getoutput(cmd, *options, **named)
        except OSError as error:
            print(f"{cmd}: {error.strerror or error}", file=sys.stderr)
            return []

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.recorder.error(str(etype.__name__), str(evalue), stb)

    def run(self, source: str, number: int) -> tuple[list[dict[str, Any]], bool]:
        """Run one cell; returns its outputs and whether it ended without an error."""
        self.recorder.start()
        self.execution_count = number
        self.error = None
        try:
            parts = self._plain_python(source)
            if parts is None:
                result = self.run_cell(source, store_history=False, silent=False)
                self.error, succeeded = result.error_before_exec or result.error_in_exec, bool(result.success)
            else:
                succeeded = self._run_parts(parts)
            if not succeeded and self.goes_on():
                self._run_rest(source if parts is not None else self.transform_cell(source))
        except BaseException as error:  # an interrupt that came a little early or late
            self.error = error
            self.showtraceback()
            succeeded = False
        return self.recorder.finished(), succeeded

    def _plain_python(self, source: str) -> list[CodeType] | None:
        """The statements of a cell, and a last expression apart; None where there is more to do than to run them.

        IPython reads a cell three times over and compiles each statement by itself: for the 15 cells of a stage that
        takes 11 ms more, one in eleven of a submission's time.
        """
        transformed = self.input_transformers_post or self.ast_transformers or "In [" in source
        watched = self.events.callbacks["pre_run_cell"] or self.events.callbacks["post_run_cell"]
        if transformed or watched or not source.strip():
            return None
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            name = self.compile.cache(source, self.execution_count, raw_code=source)
            *statements, last = self.compile.ast_parse(source, filename=name).body
            if not isinstance(last, ast.Expr):
                return [self.compile(ast.Module([*statements, last], []), name, "exec")]
            shown = self.compile(ast.Interactive([last]), name, "single")
            return [self.compile(ast.Module(statements, []), name, "exec"), shown]
        return None

    def _run_rest(self, source: str) -> None:
        """Run the statements of a cell that stand behind the one that failed, each whether or not others fail."""
        error = self.error
        frames = traceback.walk_tb(error.__traceback__) if isinstance(error, Exception) else iter(())
        failed = next((line for frame, line in frames if frame.f_code.co_name == "<module>"), None)
        if failed is None:
            return
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            name = self.compile.cache(source, self.execution_count, raw_code=source)
            for node in self.compile.ast_parse(source, filename=name).body:
                if node.lineno > failed:
                    self._run_parts([self.compile(ast.Module([node], []), name, "exec")])
        self.error = error

    def _run_parts(self, parts: list[CodeType]) -> bool:
        """Run them one after the other as IPython does; returns whether all ended without an error."""
        self.events.trigger("pre_execute")
        try:
            with self.builtin_trap, self.display_trap:
                for part in parts:  # noqa: SIM110 - all() is the student's, who may have replaced it
                    if self._fails(part):
                        return False
                return True
        finally:
            self.events.trigger("post_execute")

    def _fails(self, part: CodeType) -> bool:
        result = ExecutionResult(None)
        try:
            self.run_code(part, result).send(None)
        except StopIteration as ended:  # nothing in it is awaited
            self.error = result.error_in_exec
            return bool(ended.value)
        return True

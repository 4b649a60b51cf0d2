"""Carry out one request on the names of a notebook: a call, an attribute or a scenario.

The worker does so with the student's names; the grader does so with its own implementations when it looks for the
misconception behind a wrong answer.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.codecs import Block, Codecs, Ref

MESSAGE_CHARS = 400
Response = tuple[dict[str, Any], dict[str, Block]]
"""The answer to a request, and the blocks that it names."""


class Names:
    """The names of a notebook as attributes, for scenarios, and the dtype of the floating-point numbers of a call.

    dtype   of the first of the course's libraries that has dtypes; Python's float where none has
    """

    def __init__(self, names: Mapping[str, Any], dtype: Any) -> None:
        self._names = names
        self.dtype = dtype

    def __getattr__(self, name: str) -> Any:
        try:
            return self._names[name]
        except KeyError:
            raise MissingName(name) from None


class MissingName(Exception):
    """The notebook defines no such name."""


class Scenarios:
    """What runs beside a student's names, where a plain call would not show enough.

    A scenario calls a student's function, records what happens, and returns values that cross. It holds no
    expected value and decides nothing; the hidden test outside does. Its first argument, `names`, has the student's
    names as attributes, and `names.dtype`, in which to build what they take: float64, or float32 where a call in
    float64 has failed.

    modules   that hold them, by their names
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self._modules = [importlib.import_module(name) for name in modules]

    def __getitem__(self, name: str) -> Any:
        for module in self._modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise KeyError(f"There is no scenario {name}.")


class Performer:
    """Answers requests on `names`, keeping what cannot cross the wall.

    A request is {"do": "call" | "each" | "scenario" | "get", "target": name or ref number, "attribute": dotted path or
    "", "args": tree, "kwargs": tree, "seed": int, "single": bool}; the answer {"value": tree}, {"missing": name} or
    {"raised": type, "message": text, "where": [source lines]}. "each" calls with every one of its args. With "single",
    all that is float64 in the arguments is float32 instead.
    """

    def __init__(self, names: Mapping[str, Any], scenarios: Scenarios, codecs: Codecs) -> None:
        self.names = names
        self.scenarios = scenarios
        self.codecs = codecs
        self.kept: list[Any] = []

    def _keep(self, value: Any) -> Ref:
        self.kept.append(value)
        return Ref(len(self.kept) - 1, type(value).__name__[:200])

    def _target(self, request: Mapping[str, Any]) -> Any:
        target = request["target"]
        value = self.kept[target] if isinstance(target, int) else getattr(Names(self.names, None), target)
        for part in filter(None, request.get("attribute", "").split(".")):
            value = getattr(value, part)
        return value

    def perform(self, request: dict[str, Any], blocks: dict[str, Block]) -> Response:
        try:
            tree, out = self.codecs.encode(self.examined(self._carry_out(request, blocks)), self._keep)
        except MissingName as error:
            return {"missing": str(error)}, {}
        except BaseException as error:
            return self.described(error), {}
        return {"value": tree}, out

    def examined(self, value: Any) -> Any:
        """What a call returned, before it is handed over; may raise."""
        return value

    def described(self, error: BaseException) -> dict[str, Any]:
        """What to answer where a call raised."""
        return describe(error)

    def _carry_out(self, request: Mapping[str, Any], blocks: dict[str, Block]) -> Any:
        self.codecs.seed(int(request["seed"]))
        single = bool(request.get("single"))
        args, kwargs = (
            self.codecs.decode(request.get(which, nothing), blocks, lambda ref: self.kept[ref.number], single)
            for which, nothing in (("args", []), ("kwargs", {"$dict": []}))
        )
        if request["do"] == "scenario":
            names = Names(self.names, self.codecs.dtype(single))
            return self.scenarios[request["target"]](names, *args, **kwargs)
        target = self._target(request)
        if request["do"] == "each":
            return [target(*call) for call in args]
        return target if request["do"] == "get" else target(*args, **kwargs)


def describe(error: BaseException, of_cell: bool = False) -> dict[str, Any]:
    """An exception as plain text: its type, its message, and the student's own lines that led to it.

    of_cell   of the lines only those in the cell that was run, and under "line" the number of the last
    """
    try:
        message = str(error)[:MESSAGE_CHARS]
    except Exception:
        message = ""
    # The lines of all other files would be read only to be left out.
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
    own = [frame for frame in frames if "ipython-input" in frame.filename or "cell " in frame.filename]
    if of_cell:
        own = [frame for frame in own if frame.filename == own[0].filename]
    described: dict[str, Any] = {
        "raised": type(error).__name__[:100],
        "message": message,
        "where": [f"{frame.line}"[:200] for frame in own[-3:]],
    }
    if of_cell and isinstance(error, SyntaxError) and not own:
        described |= {"message": f"{error.msg}"[:MESSAGE_CHARS], "line": error.lineno}
        described["where"] = [f"{error.text}".strip()[:200]] if error.text else []
    elif of_cell and own:
        described["line"] = own[-1].lineno
    return described

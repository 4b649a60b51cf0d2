"""The grader's side of the sandbox: a warm worker, and the process of one submission in it."""

from __future__ import annotations

import contextlib
import io
import math
import os
import pwd
import select
import signal
import socket
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from autograder.codecs import Block
from autograder.remote.perform import Response
from autograder.remote.wire import Channel, Closed, Overdue, TooLarge, WireError

from . import cgroups
from .bubblewrap import SandboxMissing, command, command_without_sandbox, environment_without_sandbox
from .cgroups import ControlGroup
from .contents import Contents
from .device_names import KINDS
from .limits import Limits
from .ready_made import ALL, Parts

START_SECONDS = 120.0
END_SECONDS = 60.0
_ON_CPU = "which the machine that grades does not have; it ran on the CPU, and that costs no points"
ATTEMPTS = {
    "network": "tried the network, which is not there",
    "program": "tried to start another program",
    **{kind: f"asked for the device {kind}, {_ON_CPU}" for kind in KINDS},
    "pinned memory": f"asked for pinned memory for a GPU, {_ON_CPU}",
}
ENDED_FROM_OUTSIDE = (
    "The sandbox was ended from outside while a submission ran in it; the kernel does so where the machine's memory is "
    "full. Run the same command again."
)
MOST_NAMES = 64
MOST_INTERPRETERS = 3  # each holds some 300 MiB; a stage needs one or two
CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class ProcessEnded(Exception):
    """The submission's process is gone.

    kind    crashed (it ended itself), out of memory, timed out, too much output or failed (it was ended)
    """

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class SandboxDied(Exception):
    """The warm interpreter was ended from outside, and with it what it ran: that says nothing of the submission."""


class CallTimedOut(Exception):
    """A call had to be interrupted; the process goes on."""


class _Interpreter:
    """A warm interpreter that is forked for each submission.

    parts   what it has of ready-made parts
    trust   run without bubblewrap: as the user who grades, only for code that this user would run anyway, or as the
            user of that name, for which the grader must be root
    libraries   distributions that it has whatever its parts
    contents    what it has of a course

    Raises SandboxMissing.
    """

    def __init__(
        self,
        parts: Parts,
        trust: bool | str,
        group: ControlGroup | None,
        libraries: frozenset[str],
        contents: Contents,
    ) -> None:
        ours, theirs = socket.socketpair()
        # The kernel then says with each message which process sent it; asked for later, it may miss the first.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        # What bubblewrap or the interpreter says on start-up goes to a file: a pipe nobody reads would fill.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the interpreter
        with tempfile.TemporaryDirectory() as cut, theirs:
            number = theirs.fileno()
            user = pwd.getpwnam(trust) if isinstance(trust, str) else None
            self.process = subprocess.Popen(
                command_without_sandbox(number, contents)
                if trust
                else command(number, parts, contents, Path(cut), libraries),
                env=environment_without_sandbox(contents) if trust else None,
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )
            theirs.close()
            self.control = Channel(ours, 1 << 20)
            interpreter = self._started(ours)
        if group is not None:
            # Now that its own memory is counted elsewhere, so that what it forks is born in the group.
            with contextlib.suppress(OSError):  # it may have ended already
                group.add(interpreter)

    def _started(self, ours: socket.socket) -> int:
        """Its process number, when it is warm. Raises SandboxMissing."""
        try:
            interpreter, _ = _said(ours, socket.MSG_PEEK)
            message, _ = self.control.receive(START_SECONDS)
        except (OSError, WireError):
            self.process.kill()
            self.process.wait()
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip().splitlines()
            self.stop()
            raise SandboxMissing(
                "The sandbox could not be started: " + (said[-1] if said else "no answer from bubblewrap") + ". "
                "Unprivileged user namespaces must be allowed (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu "
                "24.04 an AppArmor profile for bwrap)."
            ) from None
        if message.get("threads") != 1:
            self.stop()
            raise SandboxMissing(f"The warm interpreter runs {message.get('threads')} threads and cannot be forked.")
        return interpreter

    def stop(self) -> None:
        """End it, and everything in its sandbox."""
        self.control.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()


class Worker:
    """Warm interpreters under bubblewrap, of which each has other ready-made parts. `open()` a process per submission.

    parts       of the interpreter that is started at once; another is when it is asked for, and the last few are kept
    trust       run without bubblewrap and with all parts: as the user who grades, only for code that this user would
                run anyway, or as the user of that name, for which the grader must be root
    libraries   distributions that all of them have, beside those that every interpreter has
    contents    what all of them have of a course

    Raises SandboxMissing where bubblewrap is missing or the kernel does not allow what it needs.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        trust: bool | str = False,
        parts: Parts = ALL,
        libraries: frozenset[str] = frozenset(),
        contents: Contents | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.trust = trust
        self._libraries = libraries
        self._contents = contents or Contents()
        self._last: Process | None = None
        self.group = cgroups.make(self.limits.memory_bytes, self.limits.processes, self.limits.cores)
        self._interpreters: dict[Parts, _Interpreter] = {}
        self._interpreter_with(parts)

    def _interpreter_with(self, parts: Parts) -> _Interpreter:
        """The interpreter that has these parts; one that has died is replaced."""
        parts = ALL if self.trust else parts
        found = self._interpreters.pop(parts, None)
        if found is not None and found.process.poll() is not None:
            found.stop()
            found = None
        if found is None:
            while len(self._interpreters) >= MOST_INTERPRETERS:
                self._interpreters.pop(next(iter(self._interpreters))).stop()
            found = _Interpreter(parts, self.trust, self.group, self._libraries, self._contents)
        self._interpreters[parts] = found
        return found

    @property
    def interpreters(self) -> list[subprocess.Popen[bytes]]:
        """The processes of the interpreters that are warm, the one that was used last at the end."""
        return [interpreter.process for interpreter in self._interpreters.values()]

    def open(self, parts: Parts = ALL, files: Sequence[tuple[str, bytes]] = ()) -> Process:
        """A fresh process for one submission, in name spaces of its own, with these ready-made parts.

        files   (path, content) of what its working folder holds at the start; the paths stay below it
        """
        if self._last is not None:
            self._last.wait_if_killed()
        for attempt in (0, 1):
            interpreter = self._interpreter_with(parts)
            data, their_data = socket.socketpair()
            orders, their_orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            orders.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            with their_data, their_orders, contextlib.ExitStack() as stack:
                beside = [stack.enter_context(_packed(files)).fileno()] if files else []
                try:
                    interpreter.control.send(
                        {"limits": self.limits.inside()},
                        fds=[their_data.fileno(), their_orders.fileno(), *beside],
                    )
                except Closed:
                    if attempt:
                        raise
                    interpreter.process.kill()
                    interpreter.process.wait()
                    continue
            channel = Channel(data, self.limits.message_bytes, self.limits.text_bytes)
            process = Process(channel, orders, self.limits, self.group)
            process.begin()
            self._last = process
            return process
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the interpreters and everything in their sandboxes."""
        if self._last is not None:
            self._last.close()
        for interpreter in self._interpreters.values():
            interpreter.stop()
        self._interpreters.clear()
        if self.group is not None:
            self.group.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Process:
    """One submission's process: runs cells, and answers calls on their names."""

    def __init__(
        self, channel: Channel, orders: socket.socket, limits: Limits, group: ControlGroup | None = None
    ) -> None:
        self._channel = channel
        self._orders = orders
        self._limits = limits
        self._group = group
        self._kills = group.memory_kills() if group else 0
        self._refused = group.refused_processes() if group else 0
        self._attempts: list[str] = []
        self._met: list[str] = []
        self._error: dict[str, Any] | None = None
        self._open = True
        self._over = False
        self._first: int | None = None  # a file that can be read from when the first process is over

    def begin(self) -> None:
        """Take hold of the process, and let it read what it is sent. Raises SandboxMissing or SandboxDied."""
        try:
            pid, said = _said(self._orders)
        except OSError:
            pid, said = 0, b""
        if said != b"p":
            raise self._ended(said)
        self._first = _watched(pid)
        with contextlib.suppress(OSError):  # it may have ended already
            self._orders.sendall(b"g")

    def attempts(self) -> list[str]:
        """What the student's code has tried in vain since this was asked last, in words that follow its name.

        The submission's own process says so, and may keep silent: it is told to people and decides nothing.
        """
        found = [ATTEMPTS[name] for name in dict.fromkeys(self._attempts) if name in ATTEMPTS]
        self._attempts.clear()
        refused = self._group.refused_processes() if self._group else 0
        if refused > self._refused:
            found.append(f"tried to start more than {self._limits.processes} processes and threads")
        self._refused = refused
        return found

    def refused(self) -> list[str]:
        """Ready-made parts that were asked for in vain since this was asked last, by the process's own word."""
        found, self._met = list(dict.fromkeys(self._met)), []
        return found

    def received(self) -> int:
        """Bytes of this process's memory that outputs and answers took since this was asked last."""
        found, self._channel.received = self._channel.received, 0
        return found

    def error(self) -> dict[str, Any] | None:
        """What the last cell raised, by the process's own word: see `autograder.remote.perform.describe`."""
        return self._error

    def run(self, source: str, number: int, seconds: float) -> tuple[list[dict[str, Any]], bool, str | None]:
        """Run one cell.

        Returns its outputs in nbformat's shape, whether it succeeded, and a sentence if it had to be interrupted.
        Raises ProcessEnded.
        """
        message, _, in_time = self._ask({"op": "run", "source": source, "number": number}, {}, seconds)
        outputs, error = message.get("outputs"), message.get("error")
        self._error = error if isinstance(error, dict) else None
        interrupted = None if in_time else f"timed out after {seconds:.0f} s"
        return outputs if isinstance(outputs, list) else [], message.get("succeeded") is True, interrupted

    def perform(self, request: dict[str, Any], blocks: dict[str, Block], seconds: float) -> Response:
        """Answer one call. Raises CallTimedOut where it had to be interrupted, or ProcessEnded."""
        answer, out, in_time = self._ask(request, blocks, seconds)
        if not in_time:
            raise CallTimedOut(f"did not return within {seconds:.0f} s")
        return answer, out

    def _ask(
        self, message: dict[str, Any], blocks: dict[str, Block], seconds: float
    ) -> tuple[dict[str, Any], dict[str, Block], bool]:
        in_time = True
        try:
            self._channel.send(message, blocks)
            try:
                answer, out = self._channel.receive(seconds)
            except Overdue:
                in_time = False
                self._signal(signal.SIGINT)
                answer, out = self._channel.receive(self._limits.interrupt_seconds)
            if (count := sum(math.prod(block.shape) for block in out.values())) > self._limits.answer_numbers:
                raise TooLarge(f"{count:,} numbers; the limit is {self._limits.answer_numbers:,}")
        except Overdue:
            self.close()
            raise ProcessEnded(f"timed out after {seconds:.0f} s and did not heed an interrupt", "timed out") from None
        except Closed:
            raise self._ended() from None
        except TooLarge as error:
            self.close()
            raise ProcessEnded(f"gave too much to be handed over: {error}", "too much output") from None
        except WireError as error:
            self.close()
            raise ProcessEnded(f"returned something that cannot be read ({error})", "failed") from None
        self._attempts += _names(answer.pop("tried", None))
        self._met += _names(answer.pop("refused", None))
        return answer, out, in_time

    def _signal(self, number: int) -> None:
        if self._first is not None:
            with contextlib.suppress(OSError):  # it may have ended already
                signal.pidfd_send_signal(self._first, number)

    def _ended(self, said: bytes = b"") -> Exception:
        """What happened to the process, by the word of the warm interpreter and of the kernel.

        Raises SandboxMissing, or SandboxDied where the interpreter has ended too: no submission can bring that about.
        """
        if not said and select.select([self._orders], [], [], 2.0)[0]:
            with contextlib.suppress(OSError):
                said = self._orders.recv(4096)
        killed = self._group is not None and self._group.memory_kills() > self._kills
        silent = not said and (self._first is None or bool(select.select([self._first], [], [], 1.0)[0]))
        self.close()
        if killed:
            size = f"{self._limits.memory_bytes / 2**30:g} GiB"
            return ProcessEnded(f"ran out of memory: it may use {size}", "out of memory")
        if said.startswith(b"e"):
            raise SandboxMissing(
                f"The kernel does not allow what the sandbox needs: {said[1:].decode(errors='replace')}."
            )
        if silent:
            raise SandboxDied(ENDED_FROM_OUTSIDE)
        # The kernel's word comes through the interpreter, which the submission cannot speak for.
        code = said[1:].decode(errors="replace") if said.startswith(b"d") else "unknown"
        how = f"was killed by signal {code[1:]}" if code.startswith("-") else f"ended its own process (exit {code})"
        return ProcessEnded(how, "crashed")

    def close(self) -> None:
        """End the submission's processes, and wait until they are over; its scratch files go with them."""
        self.kill()
        self.wait_if_killed()

    def kill(self) -> None:
        """End the submission's processes, and go on: the kernel takes milliseconds to clear up behind them."""
        if self._open:
            self._open = False
            self._signal(signal.SIGKILL)
            self._channel.close()

    def wait_if_killed(self) -> None:
        """Wait until all of its processes are over, if they are to be: the next submission's limits count them."""
        if self._open or self._over:
            return
        self._over = True
        # Process 1 of a name space is over after all others in it; its files are closed before they are killed.
        if self._first is not None:
            select.select([self._orders], [], [], END_SECONDS)
            os.close(self._first)
        self._orders.close()


def _packed(files: Sequence[tuple[str, bytes]]) -> IO[bytes]:
    """A file without a name, an archive of others. Raises ValueError for a path that leads elsewhere."""
    packed = os.fdopen(os.memfd_create("beside"), "w+b")
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files:
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise ValueError(f"{path} does not lie below the working folder")
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _said(sock: socket.socket, flags: int = 0) -> tuple[int, bytes]:
    """The number of the process that sent the next message, and the message. Raises OSError, also for none in time."""
    sock.settimeout(START_SECONDS)
    said, ancillary, _, _ = sock.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size), flags)
    sock.settimeout(None)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return CREDENTIALS.unpack(data[: CREDENTIALS.size])[0], said
    raise OSError("the kernel does not say who sent a message")


def _watched(pid: int) -> int:
    """A file that can be read from when a process is over. Raises SandboxMissing or SandboxDied."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise SandboxDied(ENDED_FROM_OUTSIDE) from None
    except OSError as error:
        raise SandboxMissing(f"The kernel cannot watch a process ({error.strerror}): it takes Linux 5.3.") from None


def _names(value: Any) -> list[str]:
    """Names that the sandboxed side told: more than there are to be told of, and not as many as it likes."""
    return [name for name in value[:MOST_NAMES] if isinstance(name, str)] if isinstance(value, list) else []


def workers_wanted() -> int:
    """One worker per core this process may use."""
    return len(os.sched_getaffinity(0))

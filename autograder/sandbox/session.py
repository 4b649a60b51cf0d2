"""The runner's side of a submission: it runs cells and answers calls, as the grader asks."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from autograder.codecs import Block, Codecs
from autograder.remote.perform import Performer, Response, Scenarios, describe
from autograder.remote.wire import Channel, Closed, WireError

from . import refusals
from .device_names import is_named_in

if TYPE_CHECKING:
    from .devices import OnCpu
    from .recorder import Shell


# Audit events of Python (PEP 578) that are worth telling the instructor.
WATCHED = {
    "socket.connect": "network",
    "socket.getaddrinfo": "network",
    "socket.sendto": "network",
    "subprocess.Popen": "program",
    "os.system": "program",
    "os.exec": "program",
    "os.posix_spawn": "program",
}


class _ByHand(Performer):
    """A performer where ready-made parts may be missing."""

    def examined(self, value: Any) -> Any:
        """What a call returned. Raises Refused for what stands in the place of a part."""
        if isinstance(value, refusals.Absent):
            refusals.refuse(object.__getattribute__(value, "_part"))
        return value

    def described(self, error: BaseException) -> dict[str, Any]:
        return _described(error)


def _described(error: BaseException, of_cell: bool = False) -> dict[str, Any]:
    """An exception as plain text; under "ready_made" the part that is not there, if that led to it."""
    told = describe(error, of_cell)
    refused = refusals.refused_in(error)
    return told if refused is None else {**told, "ready_made": str(refused.part)[:200]}


class Session:
    """Serves one submission until its channel closes.

    {"op": "run", "source", "number"} runs a cell, and anything else is a request for the performer. An interrupt
    reaches the student's code and nothing else, so that no frame is ever cut short by one.
    """

    def __init__(self, shell: Shell, scenarios: Scenarios, codecs: Codecs, channel: Channel) -> None:
        self.shell = shell
        self.channel = channel
        self.codecs = codecs
        self.performer = _ByHand(shell.user_ns, scenarios, codecs)
        self.in_students_code = False
        self.tried: list[str] = []
        self.hiding = False
        self.devices: OnCpu | None = None
        self.random_state: list[Any] | None = None

    def serve(self) -> None:
        """Answer one message after the other."""
        # Modules that a notebook writes can be imported, as in Jupyter; last, so that they pass for no other.
        sys.path.append(os.getcwd())
        self.shell.record_streams()
        self.hiding = refusals.hiding()
        self.shell.goes_on = lambda: bool(refusals.ever)
        signal.signal(signal.SIGINT, self._interrupt)
        sys.addaudithook(self._audit)
        while True:
            try:
                message, blocks = self.channel.receive(None)
            except (Closed, WireError):
                return
            if message.get("op") == "run":
                self._send(*self._run(message))
            else:
                self._send(*self._answer(message, blocks))

    def _audit(self, event: str, _: object) -> None:
        if event in WATCHED:
            self._note(WATCHED[event])
            if self.hiding and WATCHED[event] == "program":
                refusals.note("another program")

    def _note(self, what: str) -> None:
        if what not in self.tried:
            self.tried.append(what)

    def _interrupt(self, *_: object) -> None:
        if self.in_students_code:
            raise KeyboardInterrupt

    def _run(self, message: dict[str, Any]) -> Response:
        if self.devices is None and "torch" in self.codecs.names and is_named_in(message["source"]):
            from .devices import OnCpu

            self.devices = OnCpu(self._note)
            self.devices.install()
        if self.random_state is not None:  # once per grade cell: to take and restore it takes longer than a call
            self.codecs.restore(self.random_state)
            self.random_state = None
        self.in_students_code = True
        outputs, succeeded = self.shell.run(message["source"], message["number"])
        self.in_students_code = False
        answer: dict[str, Any] = {"outputs": outputs, "succeeded": succeeded}
        if self.shell.error is not None:
            answer["error"] = _described(self.shell.error, of_cell=True)
        return answer, {}

    def _answer(self, request: dict[str, Any], blocks: dict[str, Block]) -> Response:
        """Perform a request; the cells that follow find the random state as it was."""
        self.shell.recorder.start()
        if self.random_state is None:
            self.random_state = self.codecs.state()
        self.in_students_code = True
        answer, out = self.performer.perform(request, blocks)
        self.in_students_code = False
        return answer, out

    def _send(self, message: dict[str, Any], blocks: dict[str, Block]) -> None:
        if self.tried:
            message = {**message, "tried": self.tried}
            self.tried = []
        if refusals.met:
            message = {**message, "refused": list(refusals.met)}
            refusals.met.clear()
        try:
            self.channel.send(message, blocks)
        except (TypeError, ValueError):
            self.channel.send({"raised": "TypeError", "message": "the value could not be handed over", "where": []})

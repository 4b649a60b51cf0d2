"""The runner's side of a submission: it runs cells and answers calls, as the grader asks."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import torch

from . import devices, refusals
from .perform import Performer, Scenarios, describe
from .wire import Channel, Closed, WireError

if TYPE_CHECKING:
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


class Session:
    """Serves one submission until its channel closes.

    {"op": "run", "source", "number"} runs a cell, and anything else is a request for the performer. An interrupt
    reaches the student's code and nothing else, so that no frame is ever cut short by one.
    """

    def __init__(self, shell: Shell, scenarios: Scenarios, channel: Channel) -> None:
        self.shell = shell
        self.channel = channel
        self.performer = Performer(shell.user_ns, scenarios)
        self.in_students_code = False
        self.tried: list[str] = []
        self.hiding = False
        self.devices: devices.OnCpu | None = None

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
                message, tensors = self.channel.receive(None)
            except (Closed, WireError):
                return
            if message.get("op") == "run":
                self._send(*self._run(message))
            else:
                self._send(*self._answer(message, tensors))

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

    def _run(self, message: dict[str, Any]) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        if self.devices is None and devices.is_named_in(message["source"]):
            self.devices = devices.OnCpu(self._note)
            self.devices.install()
        self.in_students_code = True
        outputs, succeeded = self.shell.run(message["source"], message["number"])
        self.in_students_code = False
        answer: dict[str, Any] = {"outputs": outputs, "succeeded": succeeded}
        if self.shell.error is not None:
            answer["error"] = describe(self.shell.error, of_cell=True)
        return answer, {}

    def _answer(
        self, request: dict[str, Any], tensors: dict[str, torch.Tensor]
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Perform a request; the cells that follow find the random state as it was."""
        self.shell.recorder.start()
        state = torch.get_rng_state()
        self.in_students_code = True
        answer, out = self.performer.perform(request, tensors)
        self.in_students_code = False
        torch.set_rng_state(state)
        return answer, out

    def _send(self, message: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        if self.tried:
            message = {**message, "tried": self.tried}
            self.tried = []
        if refusals.met:
            message = {**message, "refused": list(refusals.met)}
            refusals.met.clear()
        try:
            self.channel.send(message, tensors)
        except (TypeError, ValueError):
            self.channel.send({"raised": "TypeError", "message": "the value could not be handed over", "where": []})

"""The runner's side of a submission: it runs cells and answers calls, as the grader asks."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import scenarios

from .perform import Performer
from .wire import Channel, Closed, WireError

if TYPE_CHECKING:
    from .recorder import Shell


class Session:
    """Serves one submission until its channel closes.

    {"op": "run", "source", "number"} runs a cell. {"op": "push"} brings a new socket and forks: the copy answers calls
    there, on the names as they now stand, and ends when that socket closes; meanwhile nothing runs here.
    """

    def __init__(self, shell: Shell, channel: Channel) -> None:
        self.shell = shell
        self.channel = channel

    def serve(self) -> None:
        self.shell.record_streams()
        while True:
            try:
                message, _, fds = self.channel.receive_fds(None)
            except (Closed, WireError):
                return
            if message["op"] == "run":
                outputs, succeeded = self.shell.run(message["source"], message["number"])
                self._reply(outputs, succeeded)
            else:
                self._push(fds[0])

    def _reply(self, outputs: list[dict[str, Any]], succeeded: bool) -> None:
        try:
            self.channel.send({"outputs": outputs, "succeeded": succeeded})
        except (TypeError, ValueError):
            self.channel.send({"outputs": [], "succeeded": succeeded})

    def _push(self, fd: int) -> None:
        pid = os.fork()
        if pid:
            os.close(fd)
            os.waitpid(pid, 0)
            self.channel.send({"popped": True})
            return
        try:
            self.channel.close()
            self._answer(Channel(socket.socket(fileno=fd), self.channel.max_bytes))
        finally:
            os._exit(0)

    def _answer(self, calls: Channel) -> None:
        performer = Performer(self.shell.user_ns, scenarios)
        while True:
            try:
                request, tensors = calls.receive(None)
            except (Closed, WireError):
                return
            self.shell.recorder.start()
            answer, out = performer.perform(request, tensors)
            try:
                calls.send(answer, out)
            except (TypeError, ValueError):
                calls.send({"raised": "TypeError", "message": "the value could not be handed over", "where": []})

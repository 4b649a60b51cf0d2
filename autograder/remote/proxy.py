"""The student's names as the hidden tests see them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from autograder.codecs import PLAIN, Block, CodecError, Codecs, Ref
from autograder.codecs.blocks import write_blocks

from .artefacts import Artefact, HandedIn
from .errors import CallRaised, Missing, NotDone, ReadyMade, Unreadable, remedy
from .perform import Performer, Response, Scenarios

STUB = re.compile(r"raise NotImplementedError(\(\))?\s*(#|;|$)")


class Answering(Protocol):
    """Whatever carries out requests: a sandboxed process, or the grader's own performer."""

    def perform(self, request: dict[str, Any], blocks: dict[str, Block]) -> Response: ...


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, kept so that a misconception can be asked the same.

    test    name of the hidden test that made it
    """

    request: dict[str, Any]
    request_blocks: dict[str, Block]
    answer: dict[str, Any]
    answer_blocks: dict[str, Block]
    test: str = ""

    @cached_property
    def digest(self) -> bytes:
        """A hash of the request; two requests that have the same are the same."""
        found = hashlib.sha256(json.dumps(self.request, sort_keys=True).encode())
        found.update(write_blocks(self.request_blocks) if self.request_blocks else b"")
        return found.digest()


class RemoteValue:
    """A value that stayed with the student: it can be called, and its attributes read."""

    def __init__(self, submission: Submission, ref: Ref, attribute: str = "") -> None:
        self._submission = submission
        self._ref = ref
        self._attribute = attribute

    @property
    def type_name(self) -> str:
        return self._ref.type_name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._submission._ask("call", self._ref.number, self._attribute, args, kwargs, self.type_name)

    def __getattr__(self, name: str) -> RemoteValue:
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._attribute}.{name}" if self._attribute else name
        return RemoteValue(self._submission, self._ref, path)

    def get(self) -> Any:
        """The attribute's value itself, where it can cross."""
        return self._submission._ask("get", self._ref.number, self._attribute, (), {}, self.type_name)


class Submission:
    """Calls the student's functions by name: `submission.scale(2.0)`.

    Arguments and results are copies: plain values of Python, and what the course's codecs own (`autograder.codecs`).
    Anything else comes back as a RemoteValue. Every call is seeded from the run's seed and a counter.

    What fails with float64 is asked again with float32: its dtype is the business of the one test that asks for it by
    `as_given`, and not of all.

    Raises a StudentError where no answer comes.
    """

    def __init__(
        self, answering: Answering, seed: int, handed_in: HandedIn | None = None, codecs: Codecs = PLAIN
    ) -> None:
        self._answering = answering
        self._codecs = codecs
        self._seed = seed
        self._handed_in = handed_in or HandedIn()
        self.noted: list[str] = []
        self._count = 0
        self._test = ""  # name of the test that calls
        self._exercise = ""  # the one that it tests
        self._exchanges: list[Exchange] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._ask("call", name, "", args, kwargs, name)

    def each(self, name: str, *calls: tuple[Any, ...]) -> list[Any]:
        """Call a function with one tuple of arguments after the other; returns the results.

        They cross in one message, which takes longer than a small call, and have the time of one call together. The
        first of them that raises ends them all.
        """
        results = self._ask("each", name, "", calls, {}, name)
        if not isinstance(results, list) or len(results) != len(calls):
            raise Unreadable(f"What `{name}` returned could not be read.")
        return results

    @property
    def in_single(self) -> bool:
        """Whether a call of this test was answered in float32 alone."""
        return any(exchange.request["single"] for exchange in self._exchanges if exchange.test == self._test)

    def as_given(self, name: str, *args: Any) -> Any:
        """Call a function with these arguments and no others, in float64 even where it fails with that."""
        return self._ask("call", name, "", args, {}, name, again=False)

    def scenario(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Run a scenario of the stage beside the student's names and return what it recorded."""
        return self._ask("scenario", name, "", args, kwargs, name)

    def note(self, sentence: str) -> None:
        """Tell the instructor something that decides no score."""
        self.noted.append(sentence)

    def artefact(self, name: str) -> Artefact:
        """What a safetensors file beside the notebook holds. Raises NotDone, Unreadable or CodecMissing."""
        return self._handed_in.read(name, self._codecs)

    def _ask(
        self,
        do: str,
        target: str | int,
        attribute: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        shown: str,
        again: bool = True,
    ) -> Any:
        self._count += 1
        tree, blocks = self._codecs.encode([list(args), kwargs], _refuse_local)
        request = {
            "do": do,
            "target": target,
            "attribute": attribute,
            "args": tree[0],
            "kwargs": tree[1],
            "seed": self._seed_of_call(),
            "single": False,
        }
        answer, answer_blocks = self._answering.perform(request, blocks)
        doubles = do == "scenario" or any(block.dtype == "float64" for block in blocks.values())
        if again and doubles and "raised" in answer and not _is_stub(answer):
            in_single = {**request, "single": True}
            second, second_blocks = self._answering.perform(in_single, blocks)
            if (second.get("raised"), second.get("message")) != (answer["raised"], answer.get("message")):
                request, answer, answer_blocks = in_single, second, second_blocks
        # A call that only failed for its dtype would hide from the diagnosis what else is wrong.
        if again or "raised" not in answer:
            self._exchanges.append(Exchange(request, blocks, answer, answer_blocks, self._test))
        return self._read(answer, answer_blocks, shown)

    def _seed_of_call(self) -> int:
        """It crosses to the student's process, and must not tell the run's seed: the tests' inputs follow from that."""
        digest = hashlib.sha256(f"call {self._count} of {self._seed}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1

    def _read(self, answer: dict[str, Any], blocks: dict[str, Block], shown: str) -> Any:
        if "missing" in answer:
            why = f" {answer['why']}" if "why" in answer else ""
            raise Missing(f"`{answer['missing']}` is not defined when its grade cell is reached.{why}")
        if "ready_made" in answer:
            raise ReadyMade(self._exercise or shown, str(answer["ready_made"]))
        if "raised" in answer:
            if _is_stub(answer):
                raise NotDone("Not done yet.")
            where = "".join(f" at `{line}`" for line in answer.get("where", [])[-1:])
            raised = str(answer["raised"])
            message = " ".join(str(answer.get("message", "")).split())
            told = f"`{shown}` raised {raised}{where}: {message}".removesuffix(": ")[:600]
            more = str(answer.get("why", "")) or remedy(raised, message)
            raise CallRaised(f"{told.removesuffix('.')}. {more}" if more else told, raised)
        try:
            return self._codecs.decode(answer["value"], blocks, lambda ref: RemoteValue(self, ref))
        except (KeyError, CodecError):
            raise Unreadable(f"What `{shown}` returned could not be read.") from None


class LocalSubmission(Submission):
    """The same surface over names of this process; for trusted implementations only."""

    def __init__(
        self,
        names: Mapping[str, Any],
        seed: int,
        handed_in: HandedIn | None = None,
        scenarios: Scenarios | None = None,
        codecs: Codecs = PLAIN,
    ) -> None:
        super().__init__(Performer(names, scenarios or Scenarios(), codecs), seed, handed_in, codecs)


def _is_stub(answer: dict[str, Any]) -> bool:
    """Whether it is the stub's own `raise NotImplementedError()` that was met; torch raises the same type."""
    if answer["raised"] != "NotImplementedError" or answer.get("message"):
        return False
    # Where there are no cells, there is no line of theirs: in this process.
    return all(STUB.match(str(line)) for line in answer.get("where", [])[-1:])


def _refuse_local(value: Any) -> Ref:
    if isinstance(value, RemoteValue):
        return value._ref
    raise TypeError(f"a hidden test passed a {type(value).__name__}, which cannot cross to the student's process")

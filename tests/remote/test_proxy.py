"""Several calls in one message: the results in order, the first error for all, and no forged number of results."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from whole_course import COURSE, LocalSubmission

from autograder.codecs import Block
from autograder.remote import CallRaised, Missing, NotDone, Submission, Unreadable
from autograder.sandbox import Worker

SOURCE = """
def halved(x, by=2):
    x /= by
    return x, by

def drawn(n):
    import torch
    return torch.rand(n)

def refuses(n):
    if n > 1:
        raise ValueError(f"{n} is too much")
    return n

def undone(n):
    raise NotImplementedError
"""


@pytest.fixture(params=["in the grader", "in the sandbox"])
def submission(request: pytest.FixtureRequest, worker: Worker) -> Any:
    if request.param == "in the grader":
        names: dict[str, Any] = {}
        exec(SOURCE, names)
        yield LocalSubmission(names, 7)
        return
    process = worker.open()
    process.run(SOURCE, 1, 5)

    class Sandboxed:
        def perform(self, asked: dict[str, Any], blocks: dict[str, Block]) -> Any:
            return process.perform(asked, blocks, 5)

    yield Submission(Sandboxed(), 7, codecs=COURSE.codecs)
    process.close()


def test_each_call_gets_its_own_arguments(submission: Submission) -> None:
    x = torch.ones(2)
    first, second, third = submission.each("halved", (x,), (x, 4), (torch.ones(3),))
    assert torch.equal(first[0], torch.full((2,), 0.5))
    assert torch.equal(second[0], torch.full((2,), 0.25))
    assert second[1] == 4
    assert third[0].shape == (3,)
    assert torch.equal(x, torch.ones(2))
    assert submission.each("halved") == []


def test_each_call_draws_other_numbers_and_the_same_in_every_run(submission: Submission) -> None:
    one, other = submission.each("drawn", (3,), (3,))
    assert not torch.equal(one, other)
    again = type(submission).__new__(type(submission))
    again.__dict__.update(submission.__dict__, _count=0)
    assert [drawn.tolist() for drawn in again.each("drawn", (3,), (3,))] == [one.tolist(), other.tolist()]


def test_the_first_call_that_fails_is_told_by_the_functions_name(submission: Submission) -> None:
    with pytest.raises(CallRaised, match=r"`refuses` raised ValueError.*: 2 is too much"):
        submission.each("refuses", (1,), (2,), (3,))
    with pytest.raises(NotDone):
        submission.each("undone", (1,), (2,))
    with pytest.raises(Missing):
        submission.each("nowhere", (1,))


@pytest.mark.parametrize("value", [[1], [1, 2, 3], None, "ab", {"$tuple": [1, 2]}, {"$dict": [[0, 1], [1, 2]]}])
def test_another_number_of_results_than_calls_cannot_be_read(value: object) -> None:
    class Forging:
        def perform(self, asked: dict[str, Any], blocks: dict[str, Block]) -> Any:
            return {"value": value}, {}

    with pytest.raises(Unreadable, match="`halved`"):
        Submission(Forging(), 7).each("halved", (1,), (2,))


NOT_THE_STUB = {
    "import torch\ndef f():\n    return torch.arange(3).softmax(0)": r"softmax\(0\)`: .*not implemented for 'Long'",
    "import torch\ndef f():\n    return torch.nn.Module()(1)": r"at `return torch.nn.Module\(\)\(1\)`: .*forward",
    "import torch\ndef f():\n    torch.optim.Optimizer([torch.ones(1)], {}).step()": r"step\(\)`$",
    "def f():\n    raise NotImplementedError('later')": "at `raise NotImplementedError.*: later",
}
THE_STUB = [
    "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "def f():\n    x = 3\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    "def g():\n    raise NotImplementedError  # for now\ndef f():\n    return g()",
    "class f:\n    def __init__(self):\n        raise NotImplementedError()",
]


class InSandbox:
    """A notebook of one cell in the sandbox."""

    def __init__(self, worker: Worker, source: str) -> None:
        self.process = worker.open()
        self.process.run(source, 1, 5)

    def perform(self, asked: dict[str, Any], blocks: dict[str, Block]) -> Any:
        return self.process.perform(asked, blocks, 5)


@pytest.mark.parametrize("source", NOT_THE_STUB)
def test_a_not_implemented_error_of_somebody_else_is_an_error_like_any_other(worker: Worker, source: str) -> None:
    cell = InSandbox(worker, source)
    with pytest.raises(CallRaised, match=f"`f` raised NotImplementedError.*{NOT_THE_STUB[source]}"):
        Submission(cell, 7).f()
    cell.process.close()


@pytest.mark.parametrize("source", THE_STUB)
def test_the_stubs_own_error_means_not_done(worker: Worker, source: str) -> None:
    cell = InSandbox(worker, source)
    with pytest.raises(NotDone):
        Submission(cell, 7).f()
    cell.process.close()

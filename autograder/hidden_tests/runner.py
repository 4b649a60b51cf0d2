"""Runs the hidden tests of a stage on one submission, with pytest, and says what each was worth."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeGuard

import pytest

from autograder.answers import bank_of
from autograder.answers.diagnosis import diagnose
from autograder.course import Stage
from autograder.remote import Exchange, HandedIn, LocalSubmission, StudentError, Submission, TooMuchOutput
from autograder.sandbox import SandboxDied, SandboxMissing

from . import ResourceMissing, Told

HERE = Path(__file__).parent
# Parts of pytest that cost time and do nothing here; two of them collect garbage twice at each end.
NOT_NEEDED = (
    "unraisableexception", "threadexception", "cacheprovider", "terminal", "junitxml", "debugging", "logging",
    "warnings", "doctest", "unittest", "faulthandler", "pastebin", "setuponly", "setupplan", "stepwise", "recwarn",
    "tmpdir", "monkeypatch", "skipping", "legacypath", "capture",
)  # fmt: skip


@dataclass
class Target:
    """What the fixtures of a run work on: the submission, and how to bring it to a grade cell.

    only         grade_ids whose tests are run; all where None
    class_seed   the same for all submissions of a class, where drawing anew for each would take too long
    """

    submission: Submission
    seed: int
    enter: Callable[[str], None] = lambda grade_id: None
    order: Sequence[str] = ()
    only: Set[str] | None = None
    class_seed: int = 0


TARGET = pytest.StashKey[Target]()


@dataclass
class TestResult:
    """One hidden test on one submission. `status` is passed, failed, not done, timed out, crashed or test error."""

    __test__: ClassVar[bool] = False  # pytest would collect it by its name

    name: str
    grade_id: str
    title: str
    points: float
    earned: float
    status: str
    message: str | None = None
    misconception: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class HiddenTestError(Exception):
    """The hidden tests could not be run at all; no submission is to blame."""


def test_file(stage: Stage) -> Path:
    """The hidden tests of a stage. Raises HiddenTestError where there are none."""
    path = stage.hidden_tests
    if not path.exists():
        raise HiddenTestError(f"There are no hidden tests for {stage.name}: {path} does not exist.")
    return path


def _points_of(item: pytest.Item) -> tuple[str, float]:
    marker = item.get_closest_marker("points")
    if marker is None:
        raise HiddenTestError(f"{item.nodeid} has no @points(grade_id, value).")
    return marker.args[0], marker.args[1]


def grade_cell_of(item: pytest.Item) -> str:
    """The grade_id that a test's points count for."""
    return _points_of(item)[0]


def collected_points(stage: Stage) -> list[tuple[str, str, float]]:
    """Name, grade_id and value of each hidden test of a stage, as pytest collects them. Raises HiddenTestError."""
    return [(item.name, *_points_of(item)) for item in _collected(stage).items]


def submission_for(target: Target, item: pytest.Item) -> Submission:
    """What the `submission` fixture is: the names as they stood when the test's grade cell was reached."""
    target.enter(grade_cell_of(item))
    target.submission._test = item.name
    target.submission._exercise = grade_cell_of(item)
    return target.submission


def rng_for(target: Target, item: pytest.Item) -> Any:
    """What the `rng` fixture is: the course's generator of random numbers, from the run's seed and the test's name."""
    digest = hashlib.sha256(f"{target.seed} {item.name}".encode()).digest()
    return target.submission._codecs.rng_for(int.from_bytes(digest[:7], "big"))


def class_seed_for(target: Target, item: pytest.Item) -> int:
    """What the `class_seed` fixture is."""
    return target.class_seed


FIXTURES: dict[str, Callable[[Target, pytest.Item], Any]] = {
    "submission": submission_for,
    "rng": rng_for,
    "class_seed": class_seed_for,
}
OWN_FIXTURES = {*FIXTURES, "_target", "request"}


@dataclass
class _Findings:
    """What the hidden tests found on one submission.

    lacking   names of the tests for which the grading machine lacks something
    """

    target: Target
    results: list[TestResult] = field(default_factory=list)
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)

    def take(self, item: pytest.Item, error: BaseException | None) -> None:
        """Note the result of a test, and the calls that it made. Raises what is no fault of the submission's."""
        if isinstance(error, (SandboxDied, SandboxMissing)):
            raise error
        if isinstance(error, ResourceMissing):
            self.lacking.add(item.name)
        grade_id, value = _points_of(item)
        log = self.target.submission._exchanges
        self.exchanges.setdefault(grade_id, []).extend(log)
        log.clear()
        self.results.append(_result(item, grade_id, value, error))
        if self.results[-1].status == TooMuchOutput.status:
            self.exchanges[grade_id].clear()  # of so large answers none is compared


class _HiddenTests:
    """Sits in pytest's own hooks, so that nothing is parsed from its output.

    items       the tests, in the order of their module
    findings    takes the results of whatever is run
    """

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.errors: list[str] = []
        self.config: pytest.Config
        self.findings: _Findings

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longrepr))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items, self.config = session.items, session.config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Take the result, and answer with a report without the traceback, which takes longest and nobody reads."""
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            self.findings.take(item, call.excinfo.value if call.excinfo else None)
        outcome: Literal["passed", "failed"] = "failed" if call.excinfo else "passed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]


def _result(item: pytest.Item, grade_id: str, value: float, error: BaseException | None) -> TestResult:
    name = item.name
    title = name.removeprefix("test_").replace("_", " ")
    if error is None:
        return TestResult(name, grade_id, title, value, value, "passed")
    if isinstance(error, Told):
        return TestResult(name, grade_id, title, value, value * error.share, "failed", str(error))
    if isinstance(error, StudentError):
        return TestResult(name, grade_id, title, value, 0.0, error.status, str(error))
    if isinstance(error, ResourceMissing):
        return TestResult(name, grade_id, title, value, value, "test error", str(error))
    if isinstance(error, KeyboardInterrupt):
        raise error
    return TestResult(name, grade_id, title, value, 0.0, "test error", f"{type(error).__name__}: {error}"[:500])


def _run(stage: Stage, target: Target) -> _Findings:
    collected = _collected(stage)
    findings = _Findings(target)
    collected.findings = findings
    collected.config.stash[TARGET] = target
    items = [item for item in collected.items if target.only is None or grade_cell_of(item) in target.only]
    place = {grade_id: index for index, grade_id in enumerate(target.order)}
    items.sort(key=lambda item: place.get(grade_cell_of(item), len(place)))
    with _silence():
        try:
            others = deque(item for item in items if not _needs_only_ours(item))
            for item in items:
                if _needs_only_ours(item):
                    findings.take(item, _error_in(item, target))
                else:
                    others.popleft()
                    item.ihook.pytest_runtest_protocol(item=item, nextitem=others[0] if others else None)
        except BaseException:
            _collected.cache_clear()  # fixtures may be left half made
            raise
    return findings


def _needs_only_ours(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Whether a test can be called as it stands.

    pytest's own protocol takes longer than most of the tests: 17 ms more, an eighth of a submission's time.
    """
    return (
        isinstance(item, pytest.Function)
        and item.parent is item.getparent(pytest.Module)
        and (not hasattr(item, "callspec") and OWN_FIXTURES.issuperset(item.fixturenames))
    )


def _error_in(item: pytest.Function, target: Target) -> BaseException | None:
    try:
        item.obj(**{name: make(target, item) for name, make in FIXTURES.items() if name in item.fixturenames})
    except BaseException as error:
        return error
    return None


@cache
def _collected(stage: Stage) -> _HiddenTests:
    """The hidden tests of a stage, collected by pytest once for all submissions. Raises HiddenTestError."""
    from . import plugin

    path, collected = test_file(stage), _HiddenTests()
    arguments = [
        str(path),
        "--collect-only",
        f"--rootdir={HERE}",
        f"--config-file={HERE / 'pytest.ini'}",
        f"--confcutdir={path.parent}",
        "--disable-plugin-autoload",
        "--assert=plain",
        *(f"-pno:{name}" for name in NOT_NEEDED),
    ]
    with _silence() as printed, _no_options_from_outside():
        code = pytest.main(arguments, plugins=[collected, plugin])
    if code != pytest.ExitCode.OK or collected.errors:
        said = " ".join(collected.errors) or printed.getvalue() or str(code)
        raise HiddenTestError(f"The hidden tests of {stage.name} could not be run: {said}")
    return collected


@contextlib.contextmanager
def _silence() -> Iterator[io.StringIO]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        yield printed


@contextlib.contextmanager
def _no_options_from_outside() -> Iterator[None]:
    """Whoever grades may have options of pytest in the environment, for tests of their own."""
    kept = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def run_hidden_tests(
    stage: Stage,
    submission: Submission,
    seed: int,
    enter: Callable[[str], None] = lambda grade_id: None,
    order: Sequence[str] = (),
    only: Set[str] | None = None,
    diagnosis_seconds: float = math.inf,
    class_seed: int = 0,
) -> list[TestResult]:
    """Run the hidden tests of `stage` on `submission`.

    enter  called with a test's grade_id before the test, to bring the submission there
    order  grade_ids as they come in the notebook; the tests are run in that order
    only   grade_ids whose tests are run; all where None
    diagnosis_seconds   of this thread's processor, for all exercises together
    class_seed          of what is drawn once for all submissions of a class

    Returns a result per test, failures with their diagnosis. Raises HiddenTestError where pytest could not run them.
    """
    findings = _run(stage, Target(submission, seed, enter, order, only, class_seed))
    broken = [r for r in findings.results if r.status == "test error" and r.name not in findings.lacking]
    if broken:
        _settle_test_errors(stage, broken)
    _add_diagnoses(stage, findings.results, findings.exchanges, time.thread_time() + diagnosis_seconds)
    return findings.results


def _settle_test_errors(stage: Stage, results: list[TestResult]) -> None:
    """Tell faulty tests, which cost nobody anything, from answers so odd that a test could not cope with them."""
    faulty = faulty_tests(stage)
    for result in results:
        if result.status != "test error":
            continue
        if result.name in faulty:
            result.earned = result.points
            result.message = "This test has a fault of its own and takes no points; your instructor has been told."
        else:
            result.status = "failed"
            result.message = "What came back is not what this test can work with. Check its type and its contents."


def make_ready(
    stage: Stage, handed_in: Sequence[HandedIn], class_seed: int, tell: Callable[[str], None]
) -> list[ResourceMissing]:
    """Let the hidden tests of a stage prepare what they need once for a class, if their module has a `make_ready`.

    handed_in    what the students whose work will be graded handed in beside their notebooks
    class_seed   as for `run_hidden_tests`
    tell         is given a sentence now and then, where that takes long

    Returns what this machine lacks. Raises HiddenTestError.
    """
    path = test_file(stage)
    if "def make_ready(" not in path.read_text(encoding="utf-8"):  # to collect them takes longer than to look
        return []
    module = _collected(stage).items[0].getparent(pytest.Module)
    assert module is not None
    lacking: list[ResourceMissing] = module.obj.make_ready(handed_in, class_seed, tell)
    return lacking


@cache
def faulty_tests(stage: Stage) -> frozenset[str]:
    """Names of the hidden tests that stop with an error of their own even on the right answers."""
    bank = bank_of(stage)
    right = {exercise: bank.right(exercise).function for exercise in bank.answered}
    findings = _run(
        stage, Target(LocalSubmission(right, 0, scenarios=stage.loaded_scenarios(), codecs=stage.course.codecs), 0)
    )
    return frozenset(result.name for result in findings.results if result.status == "test error") - findings.lacking


def _add_diagnoses(stage: Stage, results: list[TestResult], exchanges: dict[str, list[Exchange]], until: float) -> None:
    for grade_id, log in exchanges.items():
        lost = [result for result in results if result.grade_id == grade_id and result.status == "failed"]
        found = diagnose(stage, grade_id, log, lost={result.name for result in lost}, until=until) if lost else None
        if found is None:
            continue
        meant = [result for result in lost if result.name == found.caught_by] or lost[:1]
        for result in meant:
            result.message, result.misconception = found.sentence, found.name

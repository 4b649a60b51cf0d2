"""A sentence for each thing that an author of a stage has forgotten, each with its file and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.answers import Answer, Bank, Misconception, bank_of
from autograder.course import SOURCES, Stage
from autograder.demo.trained import trained_files
from autograder.hidden_tests.runner import TestResult, collected_points, faulty_tests, run_hidden_tests
from autograder.release.agreement import disagreements
from autograder.release.notebooks import read_text_notebook
from autograder.remote import HandedIn, LocalSubmission
from autograder.remote.artefacts import find

from .hints import telling_hints
from .public import public_disagreements
from .silence import silence

SEEDS = (1, 2, 3)


@dataclass
class Lost:
    """What an exercise's hidden tests took from its answers.

    by_answer   name of an answer → names of the tests in which it lost points, whatever the seed
    taken_for   name of a wrong answer → name of the one that it was recognised as, "" for none
    untested    names of the tests that could not be tried here, for lack of what they measure on
    """

    by_answer: dict[str, set[str]] = field(default_factory=dict)
    taken_for: dict[str, str] = field(default_factory=dict)
    untested: set[str] = field(default_factory=set)


def check_stage(stage: Stage, folder: Path, tell: Callable[[str], None] = lambda sentence: None) -> Iterator[str]:
    """What is wrong in a stage, sentence by sentence as it is found; nothing where all is well.

    folder   where files that made-up students hand in may be kept for the next time
    tell     is given a sentence before what takes long

    Raises ReleaseError for a text notebook that is none, HiddenTestError for hidden tests that cannot be collected.
    """
    yield from _missing_files(stage)
    if not stage.text.is_file():
        return
    yield from disagreements([stage.name], stage.course)
    if not stage.hidden_tests.is_file():
        return
    tests: dict[str, set[str]] = {}
    for name, grade_id, _ in collected_points(stage):
        tests.setdefault(grade_id, set()).add(name)
    bank, handed_in = bank_of(stage), _handed_in(stage, folder)
    for name in sorted(faulty_tests(stage)):
        where = _at(stage, stage.hidden_tests.name)
        yield f"{where}: {name} stops with an error of its own, even on the right answers: mend it."
    for exercise, names in tests.items():
        if exercise not in bank.exercises:
            yield _undeclared(stage, exercise, "has no answers.")
        else:
            tell(f"{exercise}: trying {len(bank.wrong(exercise)) + len(bank.alternatives(exercise)) + 1} answers …")
            yield from _answers(stage, bank, exercise, names, handed_in)
    notebook = read_text_notebook(stage.text)
    yield from (f"{_at(stage, 'public_checks.py')}: {each}" for each in telling_hints(stage, notebook))


def _missing_files(stage: Stage) -> Iterator[str]:
    needed = {
        stage.text: "the notebook, as text",
        stage.hidden_tests: "the tests that give the points",
        stage.folder / "public_checks.py": "what students can try their answers with",
        stage.folder / "README.md": "what the stage teaches, for its next author",
    }
    for path, what in needed.items():
        if not path.is_file():
            yield f"{_at(stage, path.name)} is missing: {what}."


def _answers(stage: Stage, bank: Bank, exercise: str, tests: set[str], handed_in: HandedIn) -> Iterator[str]:
    """What the answers to an exercise show of its tests, and the tests of the answers."""
    try:
        right = [bank.right(exercise), *bank.alternatives(exercise)]
    except KeyError:
        yield _undeclared(stage, exercise, "has no right answer.")
        return
    wrong = bank.wrong(exercise)
    lost = Lost()
    for answer in (*right, *wrong):
        _try(stage, answer, handed_in, lost)
    where = _at(stage, stage.hidden_tests.name)
    for answer in right:
        for test in sorted(lost.by_answer[answer.name]):
            yield f"{where}: {test} takes points from {answer.name}, a right answer to {exercise}: mend one of the two."
    caught = set().union(*(lost.by_answer[answer.name] for answer in wrong)) if wrong else set()
    for test in sorted(tests - caught - lost.untested):
        yield (
            f"{where}: no wrong answer to {exercise} loses points in {test}: declare one in "
            f"{_at(stage, 'answers')} that does, or the test may test nothing."
        )
    yield from _uncaught(stage, wrong, lost)
    yield from public_disagreements(stage, bank, exercise, lost.by_answer)


def _undeclared(stage: Stage, exercise: str, what: str) -> str:
    return f'{_at(stage, "answers")}: {exercise} {what} Declare one with @reference("{exercise}").'


def _uncaught(stage: Stage, wrong: list[Misconception], lost: Lost) -> Iterator[str]:
    for answer in wrong:
        found, where = lost.by_answer[answer.name], f"{_at(stage, 'answers')}: {answer.name}, a wrong answer to"
        if not found:
            yield f"{where} {answer.exercise}, loses no points: write a test that takes them."
        elif answer.caught_by not in found:
            yield (
                f"{where} {answer.exercise}, should lose points in {answer.caught_by}, and loses them in "
                f"{', '.join(sorted(found))}: correct caught_by, or the test."
            )
        elif lost.taken_for.get(answer.name, answer.name) not in (answer.name, ""):
            yield (
                f"{where} {answer.exercise}, does what {lost.taken_for[answer.name]} does in every test: its author "
                "would be told the other's sentence. Write a test that tells them apart, or take one of them out."
            )


def _try(stage: Stage, answer: Answer, handed_in: HandedIn, lost: Lost) -> None:
    """Note in which tests an answer loses points with every seed; a right answer: with any."""
    found: list[set[str]] = []
    for seed in SEEDS:
        results = _tested(stage, answer, handed_in, seed)
        lost.untested |= {each.name for each in results if each.status == "test error" and each.earned == each.points}
        found.append({each.name for each in results if each.earned < each.points})
        told = {each.misconception for each in results if each.misconception}
        lost.taken_for[answer.name] = answer.name if answer.name in told else next(iter(sorted(told)), "")
    both = set.intersection if isinstance(answer, Misconception) else set.union
    lost.by_answer[answer.name] = both(*found)


def _tested(stage: Stage, answer: Answer, handed_in: HandedIn, seed: int) -> list[TestResult]:
    scenarios = stage.loaded_scenarios()
    submission = LocalSubmission({answer.exercise: answer.function}, seed, handed_in, scenarios, stage.course.codecs)
    with silence():
        return run_hidden_tests(stage, submission, seed, only={answer.exercise})


def _handed_in(stage: Stage, folder: Path) -> HandedIn:
    """What made-up students hand in beside their notebooks."""
    beside = folder / stage.name
    for name, content in trained_files(stage, folder / "trained").items():
        beside.mkdir(parents=True, exist_ok=True)
        (beside / name).write_bytes(content)
    return find(beside) if beside.is_dir() else HandedIn()


def _at(stage: Stage, file: str) -> str:
    return f"{SOURCES}/{stage.name}/{file}"

"""What the numbers of a class say: misconceptions, failed tests, discrimination, what to talk about."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from .scores import Assignment, Exercise

FEWEST = 3  # below this many students a correlation says nothing


@dataclass(frozen=True)
class Shared:
    """A misconception of the bank, the sentence its authors read, and who they are."""

    exercise: Exercise
    name: str
    sentence: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class FailedTest:
    """A hidden test: who failed it, of `tried` students whose work it could judge."""

    exercise: Exercise
    name: str
    title: str
    students: tuple[str, ...]
    tried: int

    @property
    def everyone(self) -> bool:
        """Whether nobody who tried passed."""
        return 0 < len(self.students) == self.tried


@dataclass(frozen=True)
class ExerciseNumbers:
    """One exercise in the class. `mean` is None where nothing is graded yet, `discrimination` where it says nothing."""

    exercise: Exercise
    mean: float | None
    full: int
    part: int
    none: int
    not_done: int
    waiting: int
    discrimination: float | None


@dataclass(frozen=True)
class Topic:
    """An exercise worth five minutes: the facts, and what the class should hear."""

    exercise: Exercise
    facts: tuple[str, ...]
    sentences: tuple[str, ...]


def misconceptions(assignment: Assignment) -> list[Shared]:
    """Which occurred, the most frequent first."""
    authors: dict[tuple[int, str], list[str]] = {}
    sentences: dict[tuple[int, str], str] = {}
    for place, exercise in enumerate(assignment.exercises):
        for submission, cell in assignment.column(exercise.grade_id):
            for test in cell.lost:
                if test.misconception is None:
                    continue
                key = (place, test.misconception)
                sentences.setdefault(key, test.message or "")
                if submission.student not in authors.setdefault(key, []):
                    authors[key].append(submission.student)
    shared = [
        Shared(assignment.exercises[key[0]], key[1], sentences[key], tuple(students))
        for key, students in authors.items()
    ]
    places = {exercise.grade_id: place for place, exercise in enumerate(assignment.exercises)}
    return sorted(shared, key=lambda one: (-len(one.students), places[one.exercise.grade_id], one.name))


def failed_tests(assignment: Assignment) -> list[FailedTest]:
    """Tests that somebody failed: first those that everyone failed, then by how many.

    A stub that was left alone was not tried, and a test with a fault of its own judges nobody.
    """
    found = []
    for exercise in assignment.exercises:
        failed: dict[str, list[str]] = {}
        tried: dict[str, int] = {}
        titles: dict[str, str] = {}
        for submission, cell in assignment.column(exercise.grade_id):
            for test in cell.tests:
                if test.status in ("not done", "test error") or not submission.readable:
                    continue
                titles[test.name] = test.title
                tried[test.name] = tried.get(test.name, 0) + 1
                if test.status != "passed":
                    failed.setdefault(test.name, []).append(submission.student)
        found += [
            FailedTest(exercise, name, titles[name], tuple(failed[name]), tried[name])
            for name in titles
            if name in failed
        ]
    return sorted(found, key=lambda test: (not test.everyone, -len(test.students)))


def faulty_tests(assignment: Assignment) -> dict[tuple[str, str], list[str]]:
    """Title of each hidden test that could judge nothing, and the message it left → on whose work."""
    found: dict[tuple[str, str], list[str]] = {}
    for exercise in assignment.exercises:
        for submission, cell in assignment.column(exercise.grade_id):
            for test in cell.tests:
                if test.status == "test error":
                    told = f"{exercise.label}: {test.title}", test.message or ""
                    found.setdefault(told, []).append(submission.student)
    return found


def exercise_numbers(assignment: Assignment) -> list[ExerciseNumbers]:
    """Mean, counts and discrimination of every exercise, in order."""
    found = []
    for exercise in assignment.exercises:
        cells = [cell for _, cell in assignment.column(exercise.grade_id)]
        scores = [cell.score for cell in cells if cell.score is not None]
        done = [cell.score for cell in cells if cell.score is not None and cell.status != "not done"]
        full = sum(score >= exercise.max_score for score in done)
        none = sum(score == 0 < exercise.max_score for score in done)
        found.append(
            ExerciseNumbers(
                exercise,
                statistics.fmean(scores) if scores else None,
                full,
                len(done) - full - none,
                none,
                len(scores) - len(done),
                len(cells) - len(scores),
                item_rest_correlation(assignment, exercise.grade_id),
            )
        )
    return found


def item_rest_correlation(assignment: Assignment, grade_id: str) -> float | None:
    """Pearson's correlation of an exercise's score with the sum of the student's other scores.

    Over readable submissions in which the exercise is graded; the others' sum is of exercises that are graded for
    every one of them. None for fewer than three students, or where either side is the same for all.
    """
    counted = [
        submission
        for submission in assignment.submissions
        if submission.readable and grade_id in submission.cells and submission.cells[grade_id].score is not None
    ]
    if len(counted) < FEWEST:
        return None
    rest = [
        exercise.grade_id
        for exercise in assignment.exercises
        if exercise.grade_id != grade_id
        and all(
            exercise.grade_id in submission.cells and submission.cells[exercise.grade_id].score is not None
            for submission in counted
        )
    ]
    scores = [submission.cells[grade_id].score or 0.0 for submission in counted]
    others = [sum(submission.cells[other].score or 0.0 for other in rest) for submission in counted]
    if len(set(scores)) == 1 or len(set(others)) == 1:
        return None
    return statistics.correlation(scores, others)


def topics(assignment: Assignment, longest: int = 3) -> list[Topic]:
    """The exercises that most students would gain from, at most `longest`.

    An exercise is one when a third of those who tried failed one of its tests, when a tenth of the class shares a
    misconception (two students at least in either case), or when it is graded for all and less than half of its points
    were earned.
    """
    size = sum(submission.readable for submission in assignment.submissions)
    shared, failed = misconceptions(assignment), failed_tests(assignment)
    weighed: list[tuple[float, Topic]] = []
    for numbers in exercise_numbers(assignment):
        exercise = numbers.exercise
        mine = [
            one
            for one in shared
            if one.exercise == exercise and len(one.students) >= 2 and len(one.students) * 10 >= size
        ]
        hard = [
            test
            for test in failed
            if test.exercise == exercise and len(test.students) >= 2 and len(test.students) * 3 >= test.tried
        ]
        decided = numbers.mean is not None and not numbers.waiting and exercise.max_score > 0
        share = (numbers.mean or 0.0) / exercise.max_score if decided else 1.0
        if not (mine or hard or share < 0.5):
            continue
        facts = [] if numbers.mean is None or numbers.waiting else [f"mean {numbers.mean:.1f} / {exercise.max_score:g}"]
        facts += [
            f"{'all' if test.everyone else f'{len(test.students)} of'} {test.tried} who tried fail “{test.title}”"
            for test in hard[:2]
        ]
        facts += [f"{len(one.students)} of {size}: {one.name.replace('_', ' ')}" for one in mine[:3]]
        if numbers.not_done * 4 >= size:
            facts.append(f"{numbers.not_done} of {size} left it undone")
        if numbers.discrimination is not None:
            facts.append(f"discrimination {decimal(numbers.discrimination)}")
        # How many minds it would change: those who share a slip, or all of them.
        shared_by = [len(one.students) for one in mine] + [len(test.students) for test in hard]
        weight = max(*shared_by, size * (1 - share), 0)
        weighed.append((weight, Topic(exercise, tuple(facts), tuple(one.sentence for one in mine[:2]))))
    weighed.sort(key=lambda pair: -pair[0])
    return [topic for _, topic in weighed[:longest]]


def decimal(value: float) -> str:
    """A correlation as it is usually printed: .52, −.10, 1.00."""
    text = f"{abs(value):.2f}".removeprefix("0")
    return f"−{text}" if value < 0 and text != ".00" else text

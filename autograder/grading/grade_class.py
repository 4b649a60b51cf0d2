"""Grades a class: in parallel, from the cache where nothing changed, with one writer to the gradebook."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.hidden_tests.runner import make_ready
from autograder.remote import HandedIn
from autograder.sandbox import Limits

from .cache import cached, keep
from .changes import Change, changes
from .classroom import Classroom, ClassroomError, write_whole
from .gradebook import GradebookWriter
from .gradebook_file import GradebookUnusable
from .graded import Graded, as_text
from .points import check_points
from .pool import Job, NotGraded, Pool
from .setting import Setting
from .timestamp import NAME as TIMESTAMP
from .timestamp import read_timestamp

if TYPE_CHECKING:
    from .cluster import Cluster

    Graders = Pool | Cluster


@dataclass
class Summary:
    """What a grading run did.

    failed     a student and a sentence for each submission left without a result
    untested   what a hidden test says that could judge nothing → the students whose work it was
    changes    the scores that a dry run found to differ from those written
    penalties  the late penalties that are others now, or would be after a dry run
    waiting    student and exercise of each mark by hand whose answer has changed since
    put_back   students whose marks by hand the gradebook had lost
    """

    graded: int = 0
    from_cache: int = 0
    unchanged: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    penalties: list[Change] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)
    put_back: set[str] = field(default_factory=set)
    untested: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.graded} graded", f"{self.from_cache} from the cache", f"{self.unchanged} unchanged"]
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        students = {student for some in self.untested.values() for student in some}
        return ", ".join(parts + ([f"{len(students)} with a test error"] if students else []))

    def note_test_errors(self, student: str, graded: Graded) -> None:
        """Note what could not be tested in a student's work."""
        for sentence in graded.test_errors:
            self.untested.setdefault(sentence, []).append(student)


def grade_class(
    classroom: Classroom,
    stage: str,
    students: list[str] | None = None,
    limits: Limits | None = None,
    processes: int | None = None,
    run_look: bool = False,
    force: bool = False,
    trust: bool = False,
    dry_run: bool = False,
    scheduler: str | None = None,
    resources: dict[str, float] | None = None,
    progress: Callable[[Iterator[str], int], Iterable[str]] = lambda done, total: done,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Summary:
    """Grade an assignment's submissions and write results, autograded notebooks and the gradebook.

    students   only these; everyone who handed in where None
    processes  how many to grade at once; one per core where None
    force      grade anew even what is in the cache
    trust      run the submissions without a sandbox
    dry_run    write neither results nor gradebook, but tell in the summary which scores would change; what was graded
               is kept in the cache, so that the run that writes is quick
    scheduler  address of a Dask scheduler on whose workers to grade; in processes of this machine where None
    resources  what such a worker must have been started with, {"GPU": 1}
    progress   wraps the iterator of finished students, for a progress bar
    tell       is given sentences before grading starts: what this machine lacks, and what takes long

    What one submission does, or a file that cannot be written, never keeps the others from being graded.
    Late penalties are worked out anew for all of them, graded anew or not: due dates and extensions change too.
    Raises ClassroomError, SandboxMissing or HiddenTestError where nobody could be graded.
    """
    classroom.check_stage(stage)
    handed_in = classroom.students(stage)
    chosen = handed_in if students is None else students
    unknown = sorted(set(chosen) - set(handed_in))
    if unknown:
        raise ClassroomError(f"{', '.join(unknown)} handed in nothing for {stage}: see {classroom.submitted}.")
    if not chosen:
        raise ClassroomError(
            f"Nobody handed in {stage}: put notebooks at {classroom.submitted}/STUDENT/{stage}/{stage}.ipynb."
        )
    check_points(classroom, stage)
    setting = Setting(classroom, stage, limits, run_look, trust)
    summary = Summary()

    def graders(jobs: list[Job]) -> Graders:
        if scheduler is None:
            return Pool(setting, jobs, processes)
        from .cluster import Cluster

        return Cluster(setting, jobs, scheduler, resources)

    with _one_run_at_a_time(classroom):
        beside: dict[str, HandedIn] = {}
        jobs = []
        for student in chosen:
            submitted = setting.load(student)
            jobs.append(Job(student, submitted.key, anew=force))
            beside[student] = submitted.handed_in
        at_hand = [] if force else [job for job in jobs if _is_settled(classroom, job)]
        done = set(at_hand)
        waiting = [job for job in jobs if job not in done]
        if scheduler is None and waiting:
            _make_ready(setting, [beside[job.student] for job in waiting], tell)
        if dry_run:
            with graders(waiting) as pool:
                for _ in progress(_preview(setting, at_hand, pool, summary), len(chosen)):
                    pass
            if (classroom.folder / "gradebook.db").exists():
                with GradebookWriter(classroom) as book:
                    if book.knows(stage):
                        summary.penalties = book.settle_penalties(stage, chosen, dry_run=True)
            return summary
        # The processes start while the gradebook is opened, which takes as long.
        with graders(waiting) as pool, GradebookWriter(classroom) as book:
            book.ensure_assignment(stage, setting.released)
            finished = _finish(setting, book, at_hand, pool, summary)
            for _ in progress(finished, len(chosen)):
                pass
            summary.penalties += book.settle_penalties(stage, chosen)
            summary.waiting, summary.put_back = book.waiting, book.put_back
    return summary


def _is_settled(classroom: Classroom, job: Job) -> bool:
    """Whether there is a result that stands: what a test could not judge is tried again in every run."""
    kept = cached(classroom, job.key)
    return kept is not None and not kept.test_errors


def _make_ready(setting: Setting, handed_in: list[HandedIn], tell: Callable[[str], None]) -> None:
    """Let the hidden tests prepare what they need once for all, and tell what this machine lacks."""
    for lack in make_ready(setting.assignment, handed_in, setting.class_seed, tell):
        tell(
            f"This machine has no {lack.what}. What cannot be tested without takes no points and is reported as a test "
            f"error, which needs you. {lack.remedy}"
        )


def _finish(
    setting: Setting, book: GradebookWriter, at_hand: list[Job], pool: Graders, summary: Summary
) -> Iterator[str]:
    """Write what was graded before, then what is being graded; yields each student who is done."""
    classroom, stage = setting.classroom, setting.stage
    known = book.known_submissions(stage)
    for job in at_hand:
        if job.student in known and _is_written(classroom, job, stage):
            summary.unchanged += 1
        elif (kept := cached(classroom, job.key)) is not None:
            summary.from_cache += _write(classroom, book, job, stage, kept, summary)
        yield job.student
    for job, graded in pool.results():
        if isinstance(graded, NotGraded):
            summary.failed.append((job.student, str(graded)))
        else:
            summary.graded += _write(classroom, book, job, stage, graded, summary)
            summary.note_test_errors(job.student, graded)
        yield job.student
    for job in pool.left:
        summary.failed.append((job.student, "The grader's own process died again and again; see to the memory."))


def _preview(setting: Setting, at_hand: list[Job], pool: Graders, summary: Summary) -> Iterator[str]:
    """Compare each result with what is written; yields each student who is done."""
    classroom, stage = setting.classroom, setting.stage
    for job in at_hand:
        if (kept := cached(classroom, job.key)) is not None:
            summary.from_cache += 1
            summary.changes += changes(classroom, stage, job.student, kept)
        yield job.student
    for job, graded in pool.results():
        if isinstance(graded, NotGraded):
            summary.failed.append((job.student, str(graded)))
        else:
            summary.graded += 1
            summary.note_test_errors(job.student, graded)
            keep(classroom, graded)
            summary.changes += changes(classroom, stage, job.student, graded)
        yield job.student


def _is_written(classroom: Classroom, job: Job, stage: str) -> bool:
    result = classroom.result(job.student, stage)
    notebook = classroom.autograded / job.student / stage / f"{stage}.ipynb"
    return result is not None and result.get("key") == job.key and notebook.exists()


def _write(classroom: Classroom, book: GradebookWriter, job: Job, stage: str, graded: Graded, summary: Summary) -> int:
    """Write one result everywhere; the result file comes last and says that the rest is there. 1 if all went well."""
    student = job.student
    try:
        keep(classroom, graded)
        folder = classroom.autograded / student / stage
        book.put_back_locked(stage, graded.notebook)
        write_whole(folder / f"{stage}.ipynb", as_text(graded.notebook))
        timestamp, _ = read_timestamp(classroom.submission(student, stage), classroom.submitted)
        if timestamp:
            write_whole(folder / TIMESTAMP, timestamp + "\n")
        summary.penalties += book.write(student, stage, graded)
        result = {name: value for name, value in graded.to_json().items() if name != "notebook"}
        text = as_text({"student": student, "assignment": stage, **result})
        write_whole(classroom.result_path(student, stage), text)
    except GradebookUnusable:
        raise  # it would be the same for everybody
    except OSError as error:
        full = " Free some space and run the same command again." if error.errno == errno.ENOSPC else ""
        summary.failed.append((student, f"The result could not be written: {error.strerror}: {error.filename}.{full}"))
        return 0
    except Exception as error:
        said = str(error).partition("\n")[0]
        summary.failed.append((student, f"The result could not be written: {type(error).__name__}: {said}"))
        return 0
    return 1


@contextmanager
def _one_run_at_a_time(classroom: Classroom) -> Iterator[None]:
    classroom.folder.mkdir(parents=True, exist_ok=True)
    with open(classroom.folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClassroomError(
                f"Another grading run is at work on {classroom.folder}. Wait until it has ended, then run this again."
            ) from None
        yield

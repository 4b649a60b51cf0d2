"""Grades a class: in parallel, from the cache where nothing changed, with one writer to the gradebook."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.files import write_whole
from autograder.hidden_tests.runner import make_ready
from autograder.remote import HandedIn
from autograder.sandbox import Limits

from .cache import cached, keep
from .changes import Change, changes
from .classroom import Classroom, ClassroomError
from .gradebook import GradebookWriter
from .gradebook_file import GradebookUnusable
from .graded import Graded, GradedSubmission, as_text, key_of_all
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

    def note_test_errors(self, student: str, graded: GradedSubmission) -> None:
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
    chosen = _chosen(classroom, stage, students)
    with _one_run_at_a_time(classroom):
        setting = _open_setting(classroom, stage, limits, run_look, trust, dry_run, tell)

        def graders(jobs: list[Job]) -> Graders:
            if scheduler is None:
                return Pool(setting, jobs, processes)
            from .cluster import Cluster

            return Cluster(setting, jobs, scheduler, resources)

        work = _Work(setting, chosen, force)
        if scheduler is None and work.waiting:
            _make_ready(setting, [work.beside[job.student] for job in work.waiting], tell)
        if dry_run:
            return _try_out(setting, chosen, work, graders, progress)
        # The processes start while the gradebook is opened, which takes as long.
        with graders(work.waiting) as pool, GradebookWriter(classroom) as book:
            if not setting.tests_in_cells:
                book.ensure_assignment(stage, setting.released)
            finished = _finish(setting, book, work, pool)
            for _ in progress(finished, len(chosen)):
                pass
            summary = work.summary
            summary.penalties += book.settle_penalties(stage, chosen)
            summary.waiting, summary.put_back = book.waiting, book.put_back
    return summary


def _chosen(classroom: Classroom, stage: str, students: list[str] | None) -> list[str]:
    """Those whose work is to be graded. Raises ClassroomError where there is none, or no such assignment."""
    classroom.check_stage(stage)
    handed_in = classroom.students(stage)
    chosen = handed_in if students is None else students
    unknown = sorted(set(chosen) - set(handed_in))
    if unknown:
        raise ClassroomError(f"{', '.join(unknown)} handed in nothing for {stage}: see {classroom.submitted}.")
    if not chosen:
        raise ClassroomError(f"Nobody handed in {stage}: put notebooks into {classroom.submission('STUDENT', stage)}.")
    return chosen


def _open_setting(
    classroom: Classroom,
    stage: str,
    limits: Limits | None,
    run_look: bool,
    trust: bool,
    dry_run: bool,
    tell: Callable[[str], None],
) -> Setting:
    """What is the same for all submissions. Raises ClassroomError where the assignment cannot be graded."""
    if not classroom.tests_in_cells(stage):
        check_points(classroom, stage)
        return Setting(classroom, stage, limits, run_look, trust)
    from .cell_tests.learning import open_setting

    with GradebookWriter(classroom) if classroom.gradebook.exists() or not dry_run else nullcontext() as book:
        setting, sentences = open_setting(classroom, stage, limits, trust, book, teach=not dry_run)
    for sentence in sentences:
        tell(sentence)
    return setting


class _Work:
    """The submissions of a run: what is at hand, what waits to be graded, and what has come back.

    beside    student → what lies beside the notebook
    at_hand   jobs whose results stand
    waiting   jobs that are to be graded
    """

    def __init__(self, setting: Setting, students: list[str], force: bool) -> None:
        self.summary = Summary()
        self.beside: dict[str, HandedIn] = {}
        self._jobs: dict[str, dict[str, Job]] = {}
        for student in students:
            jobs = self._jobs[student] = {}
            for notebook in setting.notebooks:
                submitted = setting.load(student, notebook)
                jobs[notebook] = Job(student, submitted.key, force, notebook)
                self.beside[student] = submitted.handed_in
        everything = [job for jobs in self._jobs.values() for job in jobs.values()]
        self.at_hand = [] if force else [job for job in everything if _is_settled(setting.classroom, job)]
        self._standing = set(self.at_hand)
        self.waiting = [job for job in everything if job not in self._standing]
        self._graded: dict[str, dict[str, Graded]] = {}
        self._all_settled = self._jobs.keys() - {job.student for job in self.waiting}

    def settled(self) -> Iterator[tuple[str, str]]:
        """Each student all of whose notebooks are at hand, with the key of the result."""
        for student, jobs in self._jobs.items():
            if student in self._all_settled:
                yield student, key_of_all([job.key for job in jobs.values()])

    def kept(self, classroom: Classroom, student: str) -> GradedSubmission | None:
        """The result of a student all of whose notebooks are at hand; None where its file has gone meanwhile."""
        found = {name: cached(classroom, job.key) for name, job in self._jobs[student].items()}
        parts = {name: part for name, part in found.items() if part is not None}
        return GradedSubmission(parts) if len(parts) == len(found) else None

    def take(self, classroom: Classroom, job: Job, graded: Graded) -> GradedSubmission | None:
        """Take the result of a notebook; the submission, where this was its last one."""
        parts = self._graded.setdefault(job.student, {})
        parts[job.notebook] = graded
        jobs = self._jobs[job.student]
        for name in jobs.keys() - parts.keys():
            if jobs[name] in self._standing and (part := cached(classroom, jobs[name].key)) is not None:
                parts[name] = part
        if parts.keys() != jobs.keys():
            return None
        del self._graded[job.student]
        return GradedSubmission({name: parts[name] for name in jobs})


def _is_settled(classroom: Classroom, job: Job) -> bool:
    """Whether there is a result that stands: what a test could not judge is tried again in every run."""
    kept = cached(classroom, job.key)
    return kept is not None and not kept.test_errors


def _make_ready(setting: Setting, handed_in: list[HandedIn], tell: Callable[[str], None]) -> None:
    """Let the hidden tests prepare what they need once for all, and tell what this machine lacks."""
    if setting.tests_in_cells:
        return
    for lack in make_ready(setting.assignment, handed_in, setting.class_seed, tell):
        tell(
            f"This machine has no {lack.what}. What cannot be tested without takes no points and is reported as a test "
            f"error, which needs you. {lack.remedy}"
        )


def _finish(setting: Setting, book: GradebookWriter, work: _Work, pool: Graders) -> Iterator[str]:
    """Write what was graded before, then what is being graded; yields each student who is done."""
    classroom, stage, summary = setting.classroom, setting.stage, work.summary
    known = book.known_submissions(stage)
    for student, key in work.settled():
        if student in known and _is_written(setting, student, key):
            summary.unchanged += 1
        elif (kept := work.kept(classroom, student)) is not None:
            summary.from_cache += _write(setting, book, student, kept, summary)
        yield student
    for job, graded in pool.results():
        if isinstance(graded, NotGraded):
            summary.failed.append((job.student, str(graded)))
            yield job.student
        elif (whole := work.take(classroom, job, graded)) is not None:
            summary.graded += _write(setting, book, job.student, whole, summary)
            summary.note_test_errors(job.student, whole)
            yield job.student
    for job in pool.left:
        summary.failed.append((job.student, "The grader's own process died again and again; see to the memory."))


def _try_out(
    setting: Setting,
    students: list[str],
    work: _Work,
    graders: Callable[[list[Job]], Graders],
    progress: Callable[[Iterator[str], int], Iterable[str]],
) -> Summary:
    """Compare each result, and each late penalty, with what is written."""
    classroom, stage = setting.classroom, setting.stage
    with graders(work.waiting) as pool:
        for _ in progress(_preview(setting, work, pool), len(students)):
            pass
    if classroom.gradebook.exists():
        with GradebookWriter(classroom) as book:
            if book.knows(stage):
                work.summary.penalties = book.settle_penalties(stage, students, dry_run=True)
    return work.summary


def _preview(setting: Setting, work: _Work, pool: Graders) -> Iterator[str]:
    """Compare each result with what is written; yields each student who is done."""
    classroom, stage, summary = setting.classroom, setting.stage, work.summary
    for student, _ in work.settled():
        if (kept := work.kept(classroom, student)) is not None:
            summary.from_cache += 1
            summary.changes += changes(classroom, stage, student, kept)
        yield student
    for job, graded in pool.results():
        if isinstance(graded, NotGraded):
            summary.failed.append((job.student, str(graded)))
            yield job.student
            continue
        keep(classroom, graded)
        if (whole := work.take(classroom, job, graded)) is not None:
            summary.graded += 1
            summary.note_test_errors(job.student, whole)
            summary.changes += changes(classroom, stage, job.student, whole)
            yield job.student


def _is_written(setting: Setting, student: str, key: str) -> bool:
    classroom, stage = setting.classroom, setting.stage
    result, folder = classroom.result(student, stage), classroom.graded(student, stage)
    written = all((folder / f"{name}.ipynb").exists() for name in setting.notebooks)
    return result is not None and result.get("key") == key and written


def _write(setting: Setting, book: GradebookWriter, student: str, whole: GradedSubmission, summary: Summary) -> int:
    """Write one result everywhere; the result file comes last and says that the rest is there. 1 if all went well."""
    classroom, stage = setting.classroom, setting.stage
    try:
        folder = classroom.graded(student, stage)
        for name, graded in whole.parts.items():
            keep(classroom, graded)
            if not setting.tests_in_cells:
                book.put_back_locked(stage, graded.notebook)
            write_whole(folder / f"{name}.ipynb", as_text(graded.notebook))
        timestamp, _ = read_timestamp(classroom.submission(student, stage), classroom.submitted)
        if timestamp:
            write_whole(folder / TIMESTAMP, timestamp + "\n")
        setting.write_beside(student, folder)
        summary.penalties += book.write_all(student, stage, whole.parts)
        text = as_text({"student": student, "assignment": stage, **whole.to_json()})
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

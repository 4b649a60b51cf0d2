"""The command line: what authors type (new, check, release) and what instructors do (grade, report, export …)."""

from __future__ import annotations

import argparse
import importlib.metadata
import multiprocessing
import multiprocessing.forkserver
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from autograder.export import FORMATS
from autograder.grading.classroom import Classroom, ClassroomError


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `autograder`. Returns the exit status.

    0 done, 1 not done, not for everyone or not without you, 2 wrong usage.
    """
    options = _parser().parse_args(arguments)
    # nbgrader starts alembic by name, which must be found even where the environment is not activated.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    command: Callable[[argparse.Namespace], int] = options.command
    # What can go wrong is imported late too: nbgrader takes seconds, and --help should not.
    from autograder.course import CourseError
    from autograder.hidden_tests.runner import HiddenTestError
    from autograder.release import ReleaseError
    from autograder.sandbox import SandboxMissing

    try:
        return command(options)
    except (ClassroomError, CourseError, ReleaseError, HiddenTestError, SandboxMissing) as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"autograder: {error.strerror or error}{where}. Nothing graded so far is lost.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nautograder: stopped. What was graded is kept; the same command goes on from there.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="autograder", description="Builds the course's notebooks and grades a class.")
    parser.add_argument("--version", action="version", version=f"autograder {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    release = commands.add_parser("release", help="build solutions/ and course/ from the text notebooks")
    release.add_argument("stages", nargs="*", metavar="STAGE", help="all where none is named")
    release.add_argument("--force", action="store_true", help="build even what is fresh")
    release.set_defaults(command=_release)

    grade = commands.add_parser("grade", help="grade the submissions of one stage, of several, or of all")
    grade.add_argument("stages", nargs="*", metavar="STAGE", help="03_its_name, or as much of it as tells it: 03")
    grade.add_argument("--all", action="store_true", help="every stage that somebody has handed in")
    grade.add_argument("--student", action="append", metavar="ID", help="only this student; may be repeated")
    grade.add_argument("--processes", type=int, metavar="N", help="submissions at once (default: one per core)")
    grade.add_argument("--force", action="store_true", help="grade anew what is graded already")
    grade.add_argument(
        "--dry-run",
        action="store_true",
        help="show which scores would change, and change none (what is graded is kept in the cache)",
    )
    grade.add_argument("--run-everything", action="store_true", help="run plots and experiments in the notebooks too")
    grade.add_argument(
        "--trust-submissions",
        action="store_true",
        help="run submissions WITHOUT a sandbox, as your own user: only for code you would run yourself",
    )
    grade.add_argument(
        "--scheduler", metavar="ADDRESS", help="grade on the workers of the Dask scheduler at this address"
    )
    grade.add_argument(
        "--resources",
        type=_resources,
        metavar="NAME=N",
        help="with --scheduler: only on workers that were started with these, for example GPU=1",
    )
    grade.set_defaults(command=_grade)

    feedback = commands.add_parser(
        "feedback", help="make nbgrader's feedback pages, cleaned of what could act in a browser"
    )
    feedback.add_argument("stage", metavar="STAGE")
    feedback.add_argument("--student", action="append", metavar="ID", help="only this student; may be repeated")
    feedback.set_defaults(command=_feedback)

    report = commands.add_parser("report", help="write classroom/report.html and classroom/grades.csv")
    report.set_defaults(command=_report)

    export = commands.add_parser("export", help="write the scores for Canvas, Moodle, Gradescope or a program")
    formats = "; ".join(f"{name}: {one.what}" for name, one in FORMATS.items())
    export.add_argument("--format", required=True, choices=FORMATS, help=formats)
    export.add_argument("--output", type=Path, metavar="PATH", help="where to (default: into classroom/)")
    export.add_argument("--assignment", metavar="STAGE", help="only this assignment (default: all)")
    export.add_argument(
        "--roster", type=Path, metavar="CSV", help="for canvas and moodle: its own export, with a column nbgrader_id"
    )
    export.add_argument(
        "--trust-submissions",
        action="store_true",
        help="for gradescope-image: grade without a sandbox where the container permits none",
    )
    export.set_defaults(command=_export)

    check = commands.add_parser("check", help="tell the author of a stage what is missing or does not fit together")
    check.add_argument("stages", nargs="*", metavar="STAGE", help="all where none is named")
    check.set_defaults(command=_check)

    new = commands.add_parser("new", help="write a course of one stage, to be changed into your own")
    new.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    new.add_argument("--package", metavar="NAME", help="the package that students import (default: after the folder)")
    new.set_defaults(command=_new)

    demo = commands.add_parser("demo", help="make a class of made-up submissions and do all of the above")
    demo.set_defaults(command=_demo)
    return parser


def _version() -> str:
    try:
        return importlib.metadata.version("autograder")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _resources(text: str) -> dict[str, float]:
    try:
        return {name: float(count) for name, count in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like GPU=1 or GPU=1,MEMORY=8") from None


def _release(options: argparse.Namespace) -> int:
    from autograder.release import release

    files = release(Classroom.find().root, options.stages or None, force=options.force)
    print(f"{len(files)} files written." if files else "Everything is fresh.")
    return 0


def _new(options: argparse.Namespace) -> int:
    from autograder.new import new_course

    for path in new_course(options.folder, options.package):
        print(path.relative_to(options.folder.resolve().parent))
    print(f"\nNow: cd {options.folder}; autograder check; autograder release; autograder demo")
    return 0


def _check(options: argparse.Namespace) -> int:
    from autograder.check import check_stage
    from autograder.course import open_course

    classroom = Classroom.find()
    course, found = open_course(classroom.root), 0

    def tell(sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    for stage in [course.stage_named(text) for text in options.stages] or course.stages.values():
        for sentence in check_stage(stage, classroom.cache / "check", tell):
            print(sentence, flush=True)
            found += 1
    print(f"{found} to mend." if found else "Nothing to mend.")
    return 1 if found else 0


def _grade(options: argparse.Namespace) -> int:
    classroom = Classroom.find()
    stages = _stages_to_grade(classroom, options)
    code = 0
    for stage in stages:
        try:
            code |= _grade_stage(classroom, stage, options)
        except ClassroomError as error:
            if len(stages) == 1:
                raise
            print(f"autograder: {stage}: {error}", file=sys.stderr)  # the others are graded all the same
            code = 1
    return code


def _stages_to_grade(classroom: Classroom, options: argparse.Namespace) -> list[str]:
    """The stages that the command names, each once, in the order of the course. Raises ClassroomError."""
    if options.all and options.stages:
        raise ClassroomError("Name stages, or say --all, but not both.")
    if not options.all and not options.stages:
        known = ", ".join(classroom.stages) or "none is built yet: run `make release`"
        raise ClassroomError(f"Which stage? Name one or more, or say --all. There are: {known}.")
    if options.stages:
        named = {classroom.stage_named(text) for text in options.stages}
        return [stage for stage in classroom.stages if stage in named]
    wanted = set(options.student or [])
    found = [
        stage for stage in classroom.stages if (handed_in := classroom.students(stage)) and wanted.issubset(handed_in)
    ]
    if not found:
        who = f"{' and '.join(sorted(wanted))} handed in nothing" if wanted else "Nobody handed in anything"
        raise ClassroomError(f"{who}: see {classroom.submitted}.")
    return found


def _import_ahead(classroom: Classroom, stage: str, processes: int | None) -> None:
    """Let the process that graders are forked from import while this one does, where many wait to be graded.

    Each of the two takes 3 s or more for that, as long as a core grades 25 submissions.
    """
    graded = len(list((classroom.results / stage).glob("*.json")))
    if (processes or len(os.sched_getaffinity(0))) == 1 or len(classroom.students(stage)) - graded < 6:
        return  # as in `autograder.grading.pool`, this process then grades by itself
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    multiprocessing.get_context("forkserver").set_forkserver_preload(["autograder.grading.pool"])
    multiprocessing.forkserver.ensure_running()


def _grade_stage(classroom: Classroom, stage: str, options: argparse.Namespace | None = None) -> int:
    if options is None or options.scheduler is None:
        _import_ahead(classroom, stage, options.processes if options else None)
    from autograder.grading.grade_class import grade_class
    from autograder.grading.gradebook import CHANGED
    from autograder.plain_text import count, one_line

    given = vars(options) if options else {}
    summary = grade_class(
        classroom,
        stage,
        students=given.get("student"),
        trust=given.get("trust_submissions", False),
        processes=given.get("processes"),
        run_look=given.get("run_everything", False),
        force=given.get("force", False),
        dry_run=given.get("dry_run", False),
        scheduler=given.get("scheduler"),
        resources=given.get("resources"),
        progress=_progress_bar,
        tell=lambda sentence: print(sentence, file=sys.stderr),
    )
    print(f"{stage}: {summary}.")
    if classroom.tests_in_cells(stage):
        from autograder.report.scores import CAN_BE_FORGED

        print(f"  {CAN_BE_FORGED}")
    changes = [*summary.changes, *summary.penalties]
    for change in sorted(changes, key=str):
        print(f"  {one_line(str(change))}")
    if given.get("dry_run"):
        students = len({change.student for change in changes})
        print(
            f"{students} of {len(classroom.students(stage))} students would have other scores or penalties. Results, "
            "gradebook and graded notebooks are as they were; what was graded is kept in classroom/.cache, so that the "
            "run that writes is quick."
        )
    for student, exercise in summary.waiting:
        print(f"  {one_line(student)}  {exercise}: {CHANGED}")
    if summary.put_back:
        print(
            f"The gradebook had lost what was given by hand: scores, comments and extensions of "
            f"{count(len(summary.put_back), 'student')} were put back from {classroom.marks}."
        )
    for student, sentence in summary.failed:
        print(f"  {student}: {sentence}", file=sys.stderr)
    for sentence, untested in summary.untested.items():
        who = ", ".join(map(one_line, untested[:MANY])) + (
            f" and {len(untested) - MANY} more" if untested[MANY:] else ""
        )
        print(f"  Test error, which needs you, for {who}: {one_line(sentence)}", file=sys.stderr)
    return 1 if summary.failed or summary.untested else 0


MANY = 8  # names in a line


def _progress_bar(finished: Iterator[str], total: int) -> Iterable[str]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        yield from progress.track(finished, total=total)


def _feedback(options: argparse.Namespace) -> int:
    from autograder.grading.feedback import write_pages

    classroom = Classroom.find()
    stage = classroom.stage_named(options.stage)
    pages = write_pages(classroom, stage, options.student or classroom.students(stage))
    print(f"{len(pages)} pages in {classroom.feedback}.")
    return 0


def _report(options: argparse.Namespace) -> int:
    classroom = Classroom.find()
    _write_report(classroom)
    return 0


def _write_report(classroom: Classroom) -> Path:
    from autograder.report import write_grades, write_report

    report, grades = write_report(classroom), write_grades(classroom)
    print(f"Report:  {report}\nGrades:  {grades}")
    return report


def _export(options: argparse.Namespace) -> int:
    from autograder.export import export

    classroom = Classroom.find()
    path = export(
        classroom,
        options.format,
        options.output,
        classroom.stage_named(options.assignment) if options.assignment else None,
        options.roster,
        options.trust_submissions,
    )
    print(f"Written: {path}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    from autograder.course import open_course
    from autograder.demo import make_demo_class
    from autograder.grading.feedback import write_feedback
    from autograder.release import release
    from autograder.report import course_table

    classroom = Classroom.find()
    release(classroom.root)
    course = open_course(classroom.root)
    os.environ |= course.environment(course.settings.demo)
    code = 0
    for stage in classroom.stages:
        make_demo_class(classroom, stage)
        code |= _grade_stage(classroom, stage)
    print(course_table(classroom))
    _write_report(classroom)
    stage = classroom.stages[0]
    print(f"Feedback: {write_feedback(classroom, stage, classroom.students(stage)[0])}")
    return code

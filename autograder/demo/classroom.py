"""A made-up class: right, wrong, damaged and hostile submissions of a stage, each with the score it should get."""

from __future__ import annotations

import ast
import copy
import json
import random
import re
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.answers import Misconception, bank_of
from autograder.course import Stage, open_course
from autograder.files import write_whole
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.hidden_tests.runner import test_file
from autograder.hidden_tests.source import points_of

from .trained import trained_files

__all__ = ["DemoStudent", "make_demo_class", "write_demo_class"]

SEED = 3
MANIFEST = "demo.json"
_REGION = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)

Json = dict[str, Any]
Answers = dict[str, str]


@dataclass(frozen=True)
class DemoStudent:
    """One submission of the demo class.

    kind            right, wrong, damaged or hostile
    what            one sentence for the instructor
    expected        grade_id -> (lowest, highest) score of each cell that is graded by tests
    misconceptions  exercise -> name of the misconception that its answer shows
    files           what stands in the submission's folder: name -> content
    """

    student_id: str
    kind: str
    what: str
    expected: dict[str, tuple[float, float]]
    misconceptions: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


def make_demo_class(classroom: Classroom, stage: str, *, seed: int = SEED) -> list[DemoStudent]:
    """Fill classroom/submitted with the demo class of a stage. Raises ClassroomError if the stage is not built."""
    classroom.check_stage(stage)
    return write_demo_class(classroom.folder, open_course(classroom.root).stage(stage), seed=seed)


def write_demo_class(destination: Path, assignment: Stage, *, seed: int = SEED) -> list[DemoStudent]:
    """Write destination/submitted/<student>/<stage>/ for every student, and destination/demo.json that tells of them.

    seed        who gets which number and which written answers; the same seed makes the same bytes

    A file that is already as it should be is left alone, so that a second grading run finds nothing new. Students of
    an earlier demo class who are no longer in it are removed; other submissions are not touched.
    Raises ClassroomError for a notebook that cannot be read, or where students of another class have the same ids;
    OSError where something cannot be written.
    """
    stage = assignment.name
    release, solutions = _load(assignment.released), _answers_of(_load(assignment.solution))
    trained = trained_files(assignment, destination / ".cache" / "trained")
    students = _Class(assignment, release, solutions, trained, seed).students()
    submitted, manifest = destination / "submitted", destination / MANIFEST
    entries = _read_manifest(manifest)
    earlier = set(entries.get(stage, {}))
    for student in students:
        if student.student_id not in earlier:
            _check_free(submitted / student.student_id / stage, student)
    for gone in earlier - {student.student_id for student in students}:
        if re.fullmatch(r"student-\d+", gone):
            shutil.rmtree(submitted / gone / stage, ignore_errors=True)
    for student in students:
        _write(submitted / student.student_id / stage, student)
    entries[stage] = {student.student_id: _entry(student) for student in students}
    text = json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
    if not manifest.is_file() or manifest.read_text(encoding="utf-8") != text:
        write_whole(manifest, text)
    return students


def _check_free(folder: Path, student: DemoStudent) -> None:
    """Refuse to write over work that is not the demo's. Raises ClassroomError."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if not path.is_file() or student.files.get(path.name) != path.read_bytes():
            raise ClassroomError(f"{path} is not of the demo class; make the demo in another class folder.")


def _write(folder: Path, student: DemoStudent) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in student.files and path.is_file():
            path.unlink()
    for name, content in student.files.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != content:
            (folder / name).write_bytes(content)


def _entry(student: DemoStudent) -> Json:
    return {key: value for key, value in asdict(student).items() if key not in ("student_id", "files")}


def _read_manifest(path: Path) -> Json:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _load(path: Path) -> Json:
    try:
        notebook: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClassroomError(f"{path} cannot be read ({error}). Build it again with `make release`.") from None
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def _mark(cell: Json) -> Json:
    mark: Json = cell["metadata"].get("nbgrader", {})
    return mark


def _answers_of(solution: Json) -> Answers:
    cells = [cell for cell in solution["cells"] if _mark(cell).get("solution")]
    return {_mark(cell)["grade_id"]: _REGION.sub("", cell["source"]).rstrip("\n") for cell in cells}


def _find(notebook: Json, grade_id: str) -> Json:
    cell: Json = next(cell for cell in notebook["cells"] if _mark(cell).get("grade_id") == grade_id)
    return cell


def _place(notebook: Json, grade_id: str) -> int:
    place: int = notebook["cells"].index(_find(notebook, grade_id))
    return place


def _bytes(notebook: Json) -> bytes:
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


class _Class:
    """Makes the students of one stage."""

    def __init__(self, stage: Stage, release: Json, solutions: Answers, trained: dict[str, bytes], seed: int) -> None:
        self.name = f"{stage.name}.ipynb"
        self.bank = bank_of(stage)
        self.release = release
        self.as_solved = solutions
        self.random = random.Random(f"{stage.name} {seed}")
        graded = [mark for cell in release["cells"] if (mark := _mark(cell)).get("grade") and not mark.get("solution")]
        self.full = {mark["grade_id"]: float(mark["points"]) for mark in graded}
        known = set(self.bank.exercises)
        self.exercises = [grade_id for grade_id in self.full if grade_id in known]  # as they come in the notebook
        # The bank's answers stand alone; those of the solution may call each other, and a mistake would be paid twice.
        self.solutions = solutions | {f"{name}_answer": self.bank.right(name).source for name in self.exercises}
        self.points = _points_of_tests(stage)
        self.written = _written_answers(stage)
        self.trained = trained
        self.made: list[DemoStudent] = []

    def students(self) -> list[DemoStudent]:
        self._right()
        self._wrong()
        self._damaged()
        self._hostile()
        order = list(range(1, len(self.made) + 1))
        self.random.shuffle(order)
        numbered = [
            DemoStudent(f"student-{number:03}", s.kind, s.what, s.expected, s.misconceptions, s.files)
            for number, s in zip(order, self.made, strict=True)
        ]
        return sorted(numbered, key=lambda student: student.student_id)

    # ---------------------------------------------------------------------------------------------- notebooks

    def _answered(self, answers: Answers | None = None) -> Json:
        """The released notebook with every exercise answered: by `answers`, else rightly."""
        texts = {name: self.random.choice(choices) for name, choices in self.written.items()}
        sources = {**self.solutions, **texts, **(answers or {})}
        notebook = copy.deepcopy(self.release)
        for cell in notebook["cells"]:
            if _mark(cell).get("solution"):
                cell["source"] = sources[_mark(cell)["grade_id"]]
        return notebook

    def _expect(
        self, answers: Answers | None = None, less: dict[str, tuple[float, float]] | None = None
    ) -> dict[str, tuple[float, float]]:
        """Full points but for `less`; an answer that calls one of the unusual `answers` may fare with it as it will."""
        unusual = {name.removesuffix("_answer") for name in answers or {}}
        used = self.solutions | (answers or {})
        expected = {}
        for grade_id, points in self.full.items():
            called = (re.search(rf"\b{other}\b", used[f"{grade_id}_answer"]) for other in unusual - {grade_id})
            expected[grade_id] = (less or {}).get(grade_id, (0.0 if any(called) else points, points))
        return expected

    def _nothing(self) -> dict[str, tuple[float, float]]:
        return dict.fromkeys(self.full, (0.0, 0.0))

    def _add(
        self,
        kind: str,
        what: str,
        notebook: Json | bytes | None,
        expected: dict[str, tuple[float, float]] | None = None,
        misconceptions: dict[str, str] | None = None,
        name: str | None = None,
        **beside: bytes,
    ) -> None:
        files = self.trained | {file.replace("__", "."): content for file, content in beside.items()}
        if notebook is not None:
            files[name or self.name] = notebook if isinstance(notebook, bytes) else _bytes(notebook)
        expected = self._expect() if expected is None else expected
        self.made.append(DemoStudent("", kind, what, expected, misconceptions or {}, files))

    # -------------------------------------------------------------------------------------- right and wrong

    def _right(self) -> None:
        self._add("right", "The solution.", self._answered(self.as_solved))
        self._add("right", "The notebook as it was released.", self.release, self._nothing())
        choices = {exercise: self.bank.alternatives(exercise) for exercise in self.exercises}
        for number in range(max((len(choice) for choice in choices.values()), default=0)):
            chosen = {exercise: choice[number % len(choice)] for exercise, choice in choices.items() if choice}
            answers = {f"{exercise}_answer": answer.source for exercise, answer in chosen.items()}
            names = ", ".join(answer.name for answer in chosen.values())
            what = f"Right, written differently: {names}."
            self._add("right", what, self._answered(answers), self._expect(answers))

    def _wrong(self) -> None:
        """Every misconception once; those of one exercise in as many hands, spread over the class."""
        waiting = {exercise: self.bank.wrong(exercise) for exercise in self.exercises}
        hands = max((len(wrong) for wrong in waiting.values()), default=0)
        for place, wrong in enumerate(waiting.values()):
            turn = 7 * place % max(hands, 1)
            wrong[:] = wrong[turn:] + wrong[:turn]
        while any(waiting.values()):
            chosen: dict[str, Misconception] = {}
            for exercise, wrong in waiting.items():
                if wrong and not any(_meet(wrong[0], other) for other in chosen.values()):
                    chosen[exercise] = wrong.pop(0)
            less = {}
            for exercise, answer in chosen.items():
                lost = self.points[exercise, answer.caught_by]
                less[exercise] = (0.0, self.full[exercise] - lost)
            answers = {f"{exercise}_answer": answer.source for exercise, answer in chosen.items()}
            names = {exercise: answer.name for exercise, answer in chosen.items()}
            what = "Misconceptions: " + ", ".join(f"{name} in {exercise}" for exercise, name in names.items()) + "."
            self._add("wrong", what, self._answered(answers), self._expect(answers, less), names)

    # ------------------------------------------------------------------------------------------------- damaged

    def _damaged(self) -> None:
        first, last = self.exercises[0], self.exercises[-1]
        add: Callable[..., None] = self._add

        raw = _bytes(self._answered())
        cut = raw.index(json.dumps(self.solutions[f"{last}_answer"], ensure_ascii=False).encode()[-60:])
        add("damaged", f"JSON cut off within {last}.", raw[:cut], self._expect(None, {last: (0.0, 0.0)}))

        notebook = self._answered()
        for exercise in self.exercises[:2]:
            notebook["cells"].remove(_find(notebook, exercise))
        add("damaged", "Two grade cells deleted.", notebook)

        notebook = self._answered()
        cell = _find(notebook, f"{first}_answer")
        cell["cell_type"] = "markdown"
        del cell["outputs"], cell["execution_count"]
        add("damaged", f"The answer to {first} turned to markdown.", notebook)

        notebook = self._answered()
        for cell in notebook["cells"]:
            cell["metadata"] = {"id": cell.pop("id", "")}
        add("damaged", "The marks of all cells lost, as after Colab.", notebook)

        notebook = self._answered()
        place = _place(notebook, f"{first}_answer")
        lines = notebook["cells"][place]["source"].split("\n")
        second = copy.deepcopy(notebook["cells"][place])
        notebook["cells"][place]["source"], second["source"] = "\n".join(lines[:-2]), "\n".join(lines[-2:])
        notebook["cells"].insert(place + 1, second)
        add("damaged", f"The answer to {first} split over two cells.", notebook)

        notebook = self._answered()
        if len(self.exercises) > 2:
            one, other = (_find(notebook, f"{exercise}_answer") for exercise in self.exercises[1:3])
            one["source"] += "\n\n\n" + other["source"]
            notebook["cells"].remove(other)
            add("damaged", "Two answers merged into one cell.", notebook)

        add("damaged", "Nothing in the folder.", None, self._nothing())
        add("damaged", "Not JSON.", b"This is my homework. I hope you like it.\n", self._nothing())
        add("damaged", "The file renamed.", self._answered(), name="homework final (2).ipynb")
        add("damaged", "Saved in version 3 of the format.", _version_3(self._answered()))
        windows = b"\xef\xbb\xbf" + _bytes(self._answered()).replace(b"\n", b"\r\n")
        add("damaged", "Saved with a byte order mark and Windows line ends.", windows)
        add("damaged", "Two notebooks, the other one untouched.", self._answered(), Copy__ipynb=_bytes(self.release))

    # ------------------------------------------------------------------------------------------------- hostile

    def _hostile(self) -> None:
        first, second, last = self.exercises[0], self.exercises[min(1, len(self.exercises) - 1)], self.exercises[-1]
        middle = self.exercises[len(self.exercises) // 2]
        none: tuple[float, float] = (0.0, 0.0)
        for what, exercise, body in (
            ("An endless loop", first, _ENDLESS),
            ("An endless loop that ignores KeyboardInterrupt", last, _STUBBORN),
            ("Ends the process with os._exit", middle, _EXIT),
            ("Looks for the hidden tests on disk", first, _READS_TESTS),
        ):
            answer = {f"{exercise}_answer": self._answer_with(exercise, body)}
            expected = self._expect(answer, {exercise: none})
            self._add("hostile", f"{what} in {exercise}.", self._answered(answer), expected)

        ending = {f"{second}_answer": "import os\n\nos._exit(0)\n\n" + self.solutions[f"{second}_answer"]}
        what = f"Ends the process before {second} is defined."
        self._add("hostile", what, self._answered(ending), self._expect(ending, {second: none}))

        lying = {f"{first}_answer": _ALWAYS_EQUAL + "\n\n" + self._answer_with(first, _LIES)}
        # An answer that does nothing also changes no input: a test or two may hold honestly.
        little = self._expect(lying, {first: (0.0, 1.0)})
        self._add("hostile", f"An object in {first} that is equal to everything.", self._answered(lying), little)

        stub = {f"{first}_answer": _find(self.release, f"{first}_answer")["source"]}
        notebook = self._answered(stub)
        for cell in notebook["cells"]:
            if _mark(cell).get("grade"):
                cell["metadata"]["tags"] = ["skip-execution"]
        notebook["cells"].remove(_find(notebook, first))
        what = f"{first} not done, its grade cell deleted, the tag skip-execution on the others."
        self._add("hostile", what, notebook, self._expect(stub, {first: none}))

        notebook = copy.deepcopy(self.release)
        for cell in notebook["cells"]:
            if _mark(cell).get("grade") and cell["cell_type"] == "code":
                passed = f"✓ all checks pass\n{_mark(cell)['points']} points"
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": passed}]
                cell["execution_count"] = 1
                _mark(cell)["points"] = 1000
        self._add("hostile", "Nothing done; outputs and points forged.", notebook, self._nothing())

        notebook = self._answered()
        page = {"output_type": "display_data", "metadata": {}, "data": {"text/html": _SCRIPT, "text/plain": "x"}}
        _find(notebook, first)["outputs"] = [page]
        _find(notebook, f"{first}_answer")["source"] += _SHOWS_SCRIPT
        notebook["cells"].append({"cell_type": "markdown", "id": "thanks", "metadata": {}, "source": _SCRIPT})
        self._add("hostile", "Right, with HTML and JavaScript in outputs and text.", notebook)

        self._add("hostile", "Right, with a pickle beside it that runs a command.", self._answered(), model__pt=_PICKLE)

    def _answer_with(self, exercise: str, body: str) -> str:
        """An answer that does nothing but `body`, given as that of a function: a class does it when it is made."""
        answer = self.solutions[f"{exercise}_answer"]
        if answer.startswith("class "):
            return f"class {exercise}:\n    def __init__(self, *args, **kwargs):\n" + textwrap.indent(body, "    ")
        found = re.match(r"def .*?\)(?: ->[^\n]*)?:\n", answer, re.DOTALL)
        assert found is not None, exercise
        return found[0] + body


def _written_answers(stage: Stage) -> dict[str, list[str]]:
    """grade_id → written answers of made-up students, good, middling and poor, to choose from."""
    path = stage.folder / "demo" / "written_answers.json"
    if not path.is_file():
        return {}
    answers: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return answers


def _meet(one: Misconception, other: Misconception) -> bool:
    """Whether one of two answers calls the other, so that its own mistake would be hard to see."""
    return any(re.search(rf"\b{a.exercise}\b", b.source) for a, b in ((one, other), (other, one)))


def _version_3(notebook: Json) -> bytes:
    cells = []
    for cell in notebook["cells"]:
        source = "input" if cell["cell_type"] == "code" else "source"
        old: Json = {"cell_type": cell["cell_type"], "metadata": cell["metadata"], source: cell["source"]}
        if source == "input":
            old.update(collapsed=False, language="python", outputs=[], prompt_number=None)
        cells.append(old)
    old_notebook = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    return _bytes(old_notebook)


def _points_of_tests(stage: Stage) -> dict[tuple[str, str], float]:
    """(exercise, name of the hidden test) -> its points."""
    found = {}
    for test in ast.parse(test_file(stage).read_text(encoding="utf-8")).body:
        if isinstance(test, ast.FunctionDef) and (points := points_of(test)):
            found[points[0], test.name] = points[1]
    return found


_ENDLESS = "    while True:\n        pass\n"
_STUBBORN = (
    "    while True:\n        try:\n            while True:\n                pass\n"
    "        except BaseException:\n            pass\n"
)
_EXIT = "    import os\n    os._exit(0)\n"
_READS_TESTS = """    import glob
    places = ["", "/", "/*/", "/*/*/", "../", "../../", "../../../", "/proc/1/root/*/", "/proc/1/cwd/"]
    found = [path for place in places for path in glob.glob(place + "solutions/*/hidden_tests.py")]
    for path in found:
        print(open(path).read())
    raise NotImplementedError(f"{len(found)} files found")
"""
_LIES = "    return Equal()\n"
_ALWAYS_EQUAL = """class Equal:
    shape = (2, 3, 5, 4)

    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *args, **kwargs: Equal()

    __hash__ = object.__hash__
"""
_SCRIPT = (
    '<script>document.title = "taken over"</script><img src="x" onerror="document.title = \'taken over\'">'
    '<a href="javascript:alert(1)">my results</a><iframe src="https://example.org"></iframe>'
)
_SHOWS_SCRIPT = f"\n\nfrom IPython.display import HTML, display\n\ndisplay(HTML({_SCRIPT!r}))\n"
_PICKLE = b"cos\nsystem\n(S'touch taken-over'\ntR."

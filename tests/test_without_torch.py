"""The engine installs and grades without torch, numpy and pandas; a course asks for what its exercises need."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

LIBRARIES = ("torch", "transformers", "datasets", "numpy", "pandas", "matplotlib", "scipy", "sklearn")
# What is imported only for a course that asks for the library.
FOR_THE_LIBRARY = {
    "autograder.codecs.torch": "torch",
    "autograder.codecs.numpy": "numpy",
    "autograder.codecs.pandas": "pandas",
    "autograder.sandbox.devices": "torch",
}

IMPORTS = """
import importlib, json, pkgutil, sys
for name in {missing}:
    sys.modules[name] = None
import autograder
failed = {{}}
for module in pkgutil.walk_packages(autograder.__path__, "autograder."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            failed[module.name] = str(error)
print(json.dumps(failed))
"""

GRADES = """
import json, sys
from pathlib import Path
for name in {missing}:
    sys.modules[name] = None
from autograder.grading.by_hand import grade_notebook
from autograder.grading.classroom import Classroom
from autograder.grading.setting import Setting
root = Path({root!r})
setting = Setting(Classroom(root), {stage!r})
found = {{}}
for path in sorted(root.glob("handed in/*.ipynb")):
    graded = grade_notebook(setting, path)
    found[path.stem] = [
        [cell.score, [[test.name, test.status, test.message] for test in cell.tests]] for cell in graded.cells
    ]
print(json.dumps([found, sorted(name for name in {libraries} if sys.modules.get(name))]))
"""


def in_python(code: str) -> Any:
    """What a Python of its own prints as JSON in its last line."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_every_module_can_be_imported_without_the_libraries_of_a_course() -> None:
    failed = in_python(IMPORTS.format(missing=LIBRARIES))
    assert failed.keys() == FOR_THE_LIBRARY.keys(), failed


def grade_cell(name: str, points: int) -> Any:
    metadata = {
        "grade_id": name,
        "grade": True,
        "solution": False,
        "locked": True,
        "schema_version": 3,
        "points": points,
    }
    return new_code_cell(
        f"# checks of {name}", metadata={"nbgrader": {**metadata, "cell_type": "code"}}, id=f"grade-{name}"
    )


def answer_cell(name: str, source: str) -> Any:
    metadata = {"grade_id": f"{name}-answer", "grade": False, "solution": True, "locked": False, "schema_version": 3}
    return new_code_cell(textwrap.dedent(source), metadata={"nbgrader": metadata}, id=f"answer-{name}")


CONFIG = """from autograder.nbgrader_setup import configure

configure(get_config(), __file__)
"""


class TinyCourse:
    """A course of one stage with one exercise in a folder."""

    stage = "01_tiny"

    def __init__(
        self, root: Path, exercise: str, codecs: tuple[str, ...], tests: str, more: dict[str, str] | None = None
    ) -> None:
        self.root, self.exercise = root, exercise
        self.stub = f"def {exercise}(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
        folder = root / "solutions" / self.stage
        folder.mkdir(parents=True)
        (root / "nbgrader_config.py").write_text(CONFIG)
        settings = f"from autograder.course import Settings\n\nCOURSE = Settings(title='Tiny', codecs={codecs!r})\n"
        (root / "solutions" / "course.py").write_text(settings)
        for name, source in (more or {}).items():
            (root / "solutions" / name).write_text(textwrap.dedent(source))
        (folder / "hidden_tests.py").write_text(textwrap.dedent(tests))
        (folder / f"{self.stage}.py").write_text("# %%\n")
        self.write(root / "course" / self.stage / f"{self.stage}.ipynb", self.stub)
        self.hand_in("nothing", self.stub)

    def write(self, path: Path, answer: str, more: str = "") -> None:
        cells = [
            new_code_cell(textwrap.dedent(more), id="imports"),
            answer_cell(self.exercise, answer),
            grade_cell(self.exercise, 4),
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells), path)

    def hand_in(self, student: str, answer: str, more: str = "") -> None:
        self.write(self.root / "handed in" / f"{student}.ipynb", answer, more)

    def grades(self, missing: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
        """Student → score and tests, and which libraries the grader has imported."""
        code = GRADES.format(missing=missing, root=str(self.root), stage=self.stage, libraries=LIBRARIES)
        found, imported = in_python(code)
        return {student: cells[0] for student, cells in found.items()}, imported


def scores_of(grades: dict[str, Any]) -> dict[str, float]:
    return {student: score for student, (score, _) in grades.items()}


PLAIN_TESTS = """
    from autograder.codecs import codecs_in_use
    from autograder.hidden_tests import expect, points

    @points("summary", 3)
    def test_each_kind_of_value_comes_back(submission, rng):
        words = [rng.choice("abc") * rng.randint(1, 3) for _ in range(20)]
        found = submission.summary(words)
        expect(isinstance(found, dict), f"summary should return a dict, but it is {codecs_in_use().describe(found)}.")
        expect(found.get("words") == set(words), "The words are not all there.")
        mean = found["lengths"][0]
        expect(abs(mean - sum(map(len, words)) / 20) < 1e-12, f"The mean length is {mean}.")
        wanted = {length: [word for word in words if len(word) == length] for length in map(len, words)}
        expect(found["lengths"][1] == wanted, "The words are not put by their lengths.")

    @points("summary", 1)
    def test_no_words_have_no_mean(submission, rng):
        expect(submission.summary([])["lengths"][0] is None, "Without words there is no mean.")
"""
PLAIN_ANSWER = """
    def summary(x):
        import sys
        assert not {"torch", "pandas"} & set(sys.modules)
        by_length = {}
        for word in x:
            by_length.setdefault(len(word), []).append(word)
        mean = sum(map(len, x)) / len(x) if x else None
        return {"words": set(x), "lengths": (mean, by_length)}
"""


def test_a_course_of_plain_python_is_graded(tmp_path: Path) -> None:
    course = TinyCourse(tmp_path, "summary", (), PLAIN_TESTS)
    course.hand_in("right", PLAIN_ANSWER)
    course.hand_in("wrong", PLAIN_ANSWER.replace("set(x)", "list(x)"))
    course.hand_in("half", PLAIN_ANSWER.replace(" if x else None", ""))
    grades, imported = course.grades(missing=LIBRARIES)
    assert scores_of(grades) == {
        "right": 4,
        "wrong": 1,
        "half": 3,
        "nothing": 0,
    }
    assert grades["wrong"][1][0][2] == "The words are not all there."
    assert "ZeroDivisionError" in grades["half"][1][1][2]
    assert {test[1] for test in grades["nothing"][1]} == {"not done"}
    assert imported == []


ARRAY_TESTS = """
    import numpy as np

    from autograder.hidden_tests import expect, points

    @points("centred", 3)
    def test_columns_have_no_mean(submission, rng):
        x = rng.normal(size=(5, 3))
        found = submission.centred(x)
        fits = isinstance(found, np.ndarray) and found.shape == x.shape
        expect(fits, "centred should return an array of the same shape.")
        expect(np.allclose(found, x - x.mean(0)), "Some column has a mean.")

    @points("centred", 1)
    def test_complex_numbers_too(submission, rng):
        x = rng.normal(size=(5, 3)) + 1j
        expect(np.allclose(submission.centred(x), x - x.mean(0)), "Some column has a mean.")
"""


def test_a_course_of_arrays_is_graded_without_torch(tmp_path: Path) -> None:
    course = TinyCourse(tmp_path, "centred", ("numpy",), ARRAY_TESTS)
    course.hand_in("right", "def centred(x):\n    return x - x.mean(axis=0)", "import numpy as np")
    course.hand_in("wrong", "def centred(x):\n    return x - x.mean()")
    course.hand_in("half", "def centred(x):\n    return np.real(x - x.mean(axis=0)) + 0.0", "import numpy as np")
    course.hand_in(
        "single", "def centred(x):\n    assert x.dtype != np.float64\n    return x - x.mean(0)", "import numpy as np"
    )
    missing = tuple({*LIBRARIES} - {"numpy"})
    grades, imported = course.grades(missing)
    assert scores_of(grades) == {"right": 4, "wrong": 0, "half": 4, "single": 4, "nothing": 0}
    assert imported == ["numpy"]


FRAME_TESTS = """
    import pandas as pd

    from autograder.codecs import codecs_in_use
    from autograder.hidden_tests import expect, points

    @points("totals", 4)
    def test_each_town_has_its_total(submission, rng):
        sales = pd.DataFrame({"town": ["B", "A", "B"], "sold": rng.integers(1, 9, 3), "price": rng.normal(size=3)})
        found = submission.totals(sales)
        wanted = sales.assign(total=sales["sold"] * sales["price"]).groupby("town")["total"].sum()
        what = codecs_in_use().describe(found)
        expect(isinstance(found, pd.Series), f"totals should return a series, but it is {what}.")
        expect(found.index.equals(wanted.index), "The towns are not the index.")
        expect(((found - wanted).abs() < 1e-9).all(), "Some total is not right.")
"""


def test_a_course_of_data_frames_is_graded_without_torch(tmp_path: Path) -> None:
    course = TinyCourse(tmp_path, "totals", ("pandas",), FRAME_TESTS)
    right = "def totals(x):\n    return x.assign(t=x['sold'] * x['price']).groupby('town')['t'].sum()"
    course.hand_in("right", right)
    course.hand_in("frame", right.replace(".sum()", ".sum().reset_index()"))
    course.hand_in("wrong", right.replace("* x['price']", "+ 0 * x['price']"))
    missing = tuple({*LIBRARIES} - {"numpy", "pandas"})
    grades, imported = course.grades(missing)
    assert scores_of(grades) == {
        "right": 4,
        "frame": 0,
        "wrong": 0,
        "nothing": 0,
    }
    assert grades["frame"][1][0][2] == (
        "totals should return a series, but it is a data frame of 2 rows with the columns town, t."
    )
    assert imported == ["numpy", "pandas"]


FRACTIONS = """
    from fractions import Fraction

    from autograder.codecs import Codec

    class FractionCodec(Codec):
        name = "fraction"

        def owns(self, value):
            return isinstance(value, Fraction)

        def take_apart(self, value, encoder):
            return [value.numerator, value.denominator]

        def put_together(self, node, decoder):
            numerator, denominator = node
            return Fraction(int(numerator), int(denominator))

    CODEC = FractionCodec()
"""
FRACTION_TESTS = """
    from fractions import Fraction

    from autograder.hidden_tests import expect, points

    @points("half", 4)
    def test_half_of_it(submission, rng):
        x = Fraction(rng.randint(1, 99), 7)
        expect(submission.half(x) == x / 2, "That is not half of it.")
"""


def test_a_course_brings_a_codec_of_its_own(tmp_path: Path) -> None:
    course = TinyCourse(tmp_path, "half", ("solutions.fractions_",), FRACTION_TESTS, {"fractions_.py": FRACTIONS})
    course.hand_in("right", "def half(x):\n    return x / 2")
    course.hand_in("wrong", "def half(x):\n    return x / 3")
    grades, _ = course.grades(missing=LIBRARIES)
    assert scores_of(grades) == {"right": 4, "wrong": 0, "nothing": 0}


@pytest.mark.parametrize(
    ("codecs", "sentence"),
    [
        (("tensors",), "There is no codec 'tensors'"),
        (("torch",), "The codec 'torch' needs torch, which is not installed here: `pip install torch`"),
    ],
)
def test_a_course_whose_codec_is_missing_is_told_where_and_what_to_do(
    tmp_path: Path, codecs: tuple[str, ...], sentence: str
) -> None:
    course = TinyCourse(tmp_path, "summary", codecs, PLAIN_TESTS)
    code = GRADES.format(missing=LIBRARIES, root=str(course.root), stage=course.stage, libraries=LIBRARIES)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"CourseError: {tmp_path}/solutions/course.py: {sentence}" in ran.stderr

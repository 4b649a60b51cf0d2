"""Which tests `make check` takes for a change."""

from __future__ import annotations

import json
from pathlib import Path

import affected
import pytest


def test_a_module_has_its_own_tests_first_and_then_those_of_its_importers() -> None:
    distances = affected.ranked(["autograder/remote/wire.py"])
    assert distances["tests/remote/test_wire.py"] == 1
    assert distances["tests/remote/test_wire.py"] < distances["tests/grading/test_grade_class.py"]
    assert "tests/test_workflows.py" not in affected.ranked(["course/coursekit/plots.py"])


def test_a_file_that_is_no_module_has_the_tests_of_its_package_or_those_that_name_it() -> None:
    assert affected.ranked(["autograder/report/page.css"])["tests/report/test_report_page.py"] <= 2
    assert affected.ranked(["constraints.txt"])["tests/test_house.py"] == 1
    assert affected.ranked([".github/workflows/wheels.yml", "LICENSE"])["tests/test_docs.py"] == 1


def test_a_test_is_its_own_and_what_it_needs_is_for_its_folder() -> None:
    assert affected.ranked(["tests/repair/test_finding.py"]) == {"tests/repair/test_finding.py": 0}
    folder = {path for path in affected.test_files() if path.startswith("tests/repair/")}
    assert affected.ranked(["tests/repair/damages.py"]).keys() == folder
    assert affected.ranked(["tests/conftest.py"]).keys() == set(affected.test_files())


def test_a_stages_files_have_the_tests_of_that_stage_and_its_readme_has_those_of_the_pages() -> None:
    stage = "03_scaled_dot_product_attention"
    assert affected.ranked([f"solutions/{stage}/{stage}.py", f"course/{stage}/{stage}.ipynb"]) == {stage: 0}
    readme = affected.ranked([f"solutions/{stage}/README.md"])
    assert "tests/test_docs.py" in readme
    assert stage not in readme


def test_what_is_nearest_is_taken_while_it_fits_and_the_rest_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    near, far, long, *_ = affected.test_files()
    monkeypatch.setattr(affected, "SECONDS", tmp_path / "seconds.json")
    affected.SECONDS.write_text(json.dumps({"seconds": {near: 6.0, far: 3.0, long: 60.0}}))
    chosen, left = affected.within(10, {far: 2, near: 1, long: 0})
    assert (chosen, left) == ([near, far], [long])
    assert affected.summary(["changed.py"], chosen, left).endswith(f"Left to `make test`: {long}.")


def test_every_test_that_is_made_for_each_stage_is_there() -> None:
    assert set(affected.OF_A_STAGE) <= set(affected.test_files())


def test_a_stage_leaves_out_the_tests_of_other_stages() -> None:
    path = affected.ROOT / "tests/hidden_tests/test_bank.py"
    found = affected.subprocess.run(
        [affected.sys.executable, "-m", "pytest", "--collect-only", "-q", "--stage", "03", str(path)],
        capture_output=True,
        text=True,
        cwd=affected.ROOT,
    ).stdout
    assert "[scaled_dot_product-no_scale]" in found
    assert "[03_scaled_dot_product_attention]" in found
    assert "test_the_course_is_worth_a_hundred_points" in found
    assert "[MultiHeadAttention" not in found
    assert "[04_" not in found

"""classroom/report.html and the gradebook in the terminal."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from results_by_hand import STAGE, a_cell, a_class, a_result, a_test, two_scores

from autograder.report import gradebook_table, write_report
from autograder.report.figures import column_width, heat

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&\x1b[31m\u202e"


class Page(HTMLParser):
    """The elements and the text of a page; complains about elements that are not closed in order."""

    VOID = frozenset(["meta", "br", "wbr", "line", "img", "link", "input"])

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(root: Path, *results: dict) -> Page:
    return Page(write_report(a_class(root, *results)).read_text(encoding="utf-8"))


def full_class() -> list[dict]:
    lost = a_test("padding gets nothing", 2, "failed", message="The mask hides rows.", misconception="masks_query_rows")
    broken = a_test("shapes", 4, "test error", message="A fault of its own.")
    waiting = a_cell("essay", 2.0, None, "manual")
    undone = a_cell("essay", 2.0, 0.0, "not done")
    cyd = a_result("cyd", a_cell("attention", 6.0, 4.0, "test error", broken, lost), undone)
    cyd["repairs"] = ["The grade cell attention was put back."]
    cyd["events"] = ["Cell 3 timed out after 60 s."]
    return [
        a_result("ada", a_cell("attention", 6.0, 6.0, "graded", a_test("shapes", 4)), waiting),
        a_result("bob", a_cell("attention", 6.0, 4.0, "graded", lost), waiting),
        cyd,
    ]


def test_the_page_says_it_all(tmp_path: Path) -> None:
    page = page_of(tmp_path, *full_class())
    text = " ".join(page.text.split())
    for told in (
        "3 students",
        STAGE,
        "Worth five minutes on Monday",
        "2 of 3: masks query rows",
        "The mask hides rows.",
        "padding gets nothing",
        "everyone",
        "could not judge 1 of 3 submissions and took no points there. The students read: “A fault of its own.”",
        "The grade cell attention was put back.",
        "Cell 3 timed out after 60 s.",
        "Item-rest correlation",
        "written answer, waits for you in formgrader",
        "mean 4.7",
    ):
        assert told in text, told


def test_everything_from_submissions_is_escaped(tmp_path: Path) -> None:
    lost = a_test(HOSTILE, 1, "failed", message=HOSTILE, misconception=HOSTILE)
    fault = a_test(HOSTILE + "!", 1, "test error", message=HOSTILE)
    cell = a_cell(HOSTILE, 2.0, 1.0, HOSTILE, lost, fault)
    told = {"repairs": [HOSTILE], "events": [HOSTILE], "status": HOSTILE}
    results = [a_result(name, cell) | told for name in ("ada", "bob")]
    classroom = a_class(tmp_path, *results)
    for path in classroom.results.glob("*/*.json"):
        path.write_text(path.read_text().replace('"student": "', '"student": "<script>x</script>'))
    (classroom.submitted / "<b onclick=1>" / STAGE).mkdir(parents=True)
    source = write_report(classroom).read_text()
    page = Page(source)
    assert not {"script", "img", "b onclick"} & {tag for tag, _ in page.elements}
    assert not [attributes for _, attributes in page.elements if any(name.startswith("on") for name in attributes)]
    assert "alert(1)" in page.text
    assert "<b onclick=1>" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", source)


def test_the_page_needs_no_network_and_no_script(tmp_path: Path) -> None:
    results = [*full_class(), two_scores("ada", 6, 2) | {"assignment": "04_other"}]
    page = page_of(tmp_path, *results)
    assert {"script", "link", "iframe", "img", "object"}.isdisjoint(tag for tag, _ in page.elements)
    for tag, attributes in page.elements:
        assert "src" not in attributes, tag
        assert (attributes.get("href") or "#").startswith("#"), tag
    assert "url(" not in page.text
    assert "@import" not in page.text
    policy = next(attributes for tag, attributes in page.elements if tag == "meta" and "http-equiv" in attributes)
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_links_inside_the_page_lead_somewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path, two_scores("ada", 6, 2), two_scores("ada", 6, 2) | {"assignment": "04_other"})
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [(attributes["href"] or "")[1:] for tag, attributes in page.elements if tag == "a"]
    assert len(links) == 2
    assert set(links) <= targets


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one = write_report(a_class(first, *full_class())).read_bytes()
    other = write_report(a_class(second, *reversed(full_class()))).read_bytes()
    assert one == other


def test_students_stand_in_order(tmp_path: Path) -> None:
    page = page_of(tmp_path, two_scores("zoe", 6, 2), two_scores("ada", 0, 0), two_scores("mia", 3, 1))
    table = page.text[page.text.index("Students") :]
    assert table.index("ada") < table.index("mia") < table.index("zoe")


def test_slips_of_one_student_are_folded_behind_those_of_many(tmp_path: Path) -> None:
    def slip(student: str, name: str) -> dict:
        lost = a_test(name, 1, "failed", message=f"About {name}.", misconception=name)
        return a_result(student, a_cell("attention", 1.0, 0.0, "graded", lost))

    page = page_of(tmp_path, slip("ada", "no_scale"), slip("bob", "rows"), slip("cyd", "rows"))
    assert "1 misconception of one student only" in page.text
    assert page.text.rindex("About rows.") < page.text.index("of one student only") < page.text.index("About no_scale.")


def test_an_empty_class_is_told_what_to_do(tmp_path: Path) -> None:
    classroom = a_class(tmp_path)
    assert "Nothing has been graded yet." in Page(write_report(classroom).read_text()).text
    assert gradebook_table(classroom, STAGE) == (
        f"There are no results of {STAGE} yet. Grade it: autograder grade {STAGE}"
    )


def test_handed_in_but_not_graded_is_said(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 2))
    for student in ("ada", "yan"):
        (classroom.submitted / student / STAGE).mkdir(parents=True)
    assert "Handed in and not graded yet: yan" in Page(write_report(classroom).read_text()).text
    assert gradebook_table(classroom, STAGE).endswith("No result yet: yan")


def test_one_student_makes_a_report(tmp_path: Path) -> None:
    assert "1 student · 1 assignment" in page_of(tmp_path, two_scores("ada", 6, 2)).text


def test_the_block_of_each_student_is_in_the_histogram(tmp_path: Path) -> None:
    page = page_of(tmp_path, *[two_scores(f"s{place:02}", place % 7, place % 3) for place in range(30)])
    blocks = [attributes for tag, attributes in page.elements if tag == "rect"]
    assert len(blocks) == 30
    assert all(float(str(block["y"])) > 0 for block in blocks)


@pytest.mark.parametrize(("most", "width"), [(1, 1), (18, 1), (20, 1), (21, 2), (100, 5), (1000, 50)])
def test_columns_are_few_enough_to_read(most: float, width: int) -> None:
    assert column_width(most) == width


def test_heat_runs_from_orange_to_blue() -> None:
    low, middle, high = ([int(heat(share)[at : at + 2], 16) for at in (1, 3, 5)] for share in (0, 0.5, 1))
    assert low[0] > low[2]
    assert high[2] > high[0]
    # Dark text on all of them: no channel's mean is dark.
    assert all(sum(colour) / 3 > 150 for colour in (low, middle, high))
    assert heat(-1) == heat(0)
    assert heat(2) == heat(1)


def test_the_terminal_cannot_be_steered(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 2), two_scores("bob", 3, 0.5))
    path = classroom.result_path("bob", STAGE)
    path.write_text(path.read_text().replace('"bob"', '"bob\\u001b[2J\\r\\n\\u202eeve"'))
    table = gradebook_table(classroom, STAGE)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", table)
    lines = table.splitlines()
    assert lines[0].split() == ["student", "a", "b", "total", "status"]
    assert lines[2].split() == ["ada", "6", "2", "8", "graded"]
    assert lines[3].split()[-4:] == ["3", "0.5", "3.5", "graded"]
    assert lines[5].split() == ["mean", "4.5", "1.2", "5.8"]
    assert "a  attention (6 points)" in lines


def test_a_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 2))
    before = write_report(classroom).read_bytes()
    shutil.rmtree(classroom.results)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_report(classroom)
    assert (classroom.folder / "report.html").read_bytes() == before

"""Pages for readers: their links lead somewhere, their commands exist, and what is drawn or counted is up to date."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from whole_course import COURSE, STAGES

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import house
import stages as stage_readmes

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if (ROOT / name).is_file()
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
WORDS = re.compile(r"[\w./=*:@-]+")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def prose(page: str) -> str:
    """A page without its code, in which a bracket is no link."""
    return CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Every command of a program on any page: the page, and the words behind it up to a comment or another command."""
    for page in PAGES:
        for block, span in CODE.findall((ROOT / page).read_text(encoding="utf-8")):
            for line in (block or span).splitlines():
                for found in re.finditer(rf"(?:^|[;&|]\s*)\s*(?:\.venv/bin/)?{program}((?: [^#;&|`]*)?)", line):
                    yield page, WORDS.findall(found[1])


def anchors(page: Path) -> set[str]:
    """What GitHub lets a link to a heading of a page say."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def said_by(*command: str) -> str:
    """What a command prints about itself."""
    done = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def test_the_pages_that_readers_look_for_are_there() -> None:
    assert {"README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md"} <= set(PAGES)
    assert {f"solutions/{stage}/README.md" for stage in STAGES} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall(prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page} links to {target}, which is not there."
        assert not anchor or anchor in anchors(file), f"{page} links to {target}, and there is no such heading."


def test_every_make_target_on_a_page_exists() -> None:
    named = {(page, words[0]) for page, words in commands("make") if words and "=" not in words[0]}
    assert {target for _, target in named} >= {"check", "test", "docs", "demo"}
    for page, target in sorted(named):
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{page}: make {target}: {done.stderr}"


def test_every_autograder_command_on_a_page_exists_with_its_options() -> None:
    program = str(Path(sys.executable).with_name("autograder"))
    named = list(commands("autograder"))
    assert {words[0] for _, words in named if words} >= {"grade", "report", "export", "release"}
    for page, (command, *rest) in (entry for entry in named if entry[1]):
        known = said_by(program, command)
        for option in (word.partition("=")[0] for word in rest if word.startswith("--")):
            assert option in known, f"{page}: autograder {command} {option}"


@pytest.mark.parametrize("program", ["pytest", "python"])
def test_every_file_that_a_command_on_a_page_runs_is_there(program: str) -> None:
    for page, words in commands(program):
        for word in words:
            if re.match(r"(tests|benchmarks|docs|autograder|solutions)/", word) and "STAGE" not in word:
                assert (ROOT / word.partition("::")[0]).exists(), f"{page}: {program} {word}"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_in_code_is_there(page: str) -> None:
    """Of a page about the repository; a student's page speaks of the student's own folder."""
    for block, span in CODE.findall((ROOT / page).read_text(encoding="utf-8")):
        if not block and re.fullmatch(r"(autograder|tests|docs|benchmarks|solutions|course)/[\w./*-]+", span):
            assert list(ROOT.glob(span.replace("STAGE", "*").rstrip("/"))), (
                f"{page} speaks of {span}, which is not there."
            )


def test_the_picture_of_the_house_is_that_of_its_imports() -> None:
    assert house.PICTURE.read_text(encoding="utf-8") == house.picture(), "Draw it again: make docs"


def test_the_picture_shows_who_stands_on_whom_and_who_goes_round() -> None:
    edges = {"top": {"left", "right", "floor"}, "left": {"right"}, "right": {"left"}, "floor": set()}
    edges["left"] |= {"floor"}
    assert house.cycles(edges) == [{"left", "right"}]
    assert house.floors(edges) == [["floor"], ["left", "right"], ["top"]]


@pytest.mark.parametrize("stage", STAGES)
def test_the_readme_of_a_stage_says_what_its_sources_say(stage: str) -> None:
    page = ROOT / "solutions" / stage / "README.md"
    assert page.read_text(encoding="utf-8") == stage_readmes.readme(COURSE.stage(stage)), "Write it again: make docs"


def test_citation_changelog_and_package_name_one_version_and_one_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    versions = re.findall(r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert citation["version"] == versions[0] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    owners = re.search(r"^Copyright \(c\) \d+, (.+)$", (ROOT / "LICENSE").read_text(encoding="utf-8"), re.MULTILINE)
    assert owners
    assert [author["name"].lower() for author in citation["authors"]] == [owners[1].lower()]


def test_the_development_container_installs_what_ci_does() -> None:
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    recipe = (ROOT / ".devcontainer" / settings["build"]["dockerfile"]).read_text(encoding="utf-8")
    packages = re.findall(r"missing\+=\(([\w-]+)\)", (ROOT / ".ci/run").read_text(encoding="utf-8"))
    of_the_image = {"python3-venv"}
    assert [package for package in packages if package not in recipe] == [
        package for package in packages if package in of_the_image
    ]

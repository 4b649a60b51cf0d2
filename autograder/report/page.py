"""classroom/report.html: one page that needs no network and no script."""

from __future__ import annotations

import statistics as numeric
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograder.files import write_whole
from autograder.grading.classroom import Classroom
from autograder.grading.graded import TROUBLES
from autograder.plain_text import count, escaped, number

from .figures import HIGH, LOW, MIDDLE, bar, column_width, heat, histogram
from .scores import CAN_BE_FORGED, Assignment, Cell, Exercise, Submission, read_scores
from .statistics import (
    ExerciseNumbers,
    Shared,
    decimal,
    exercise_numbers,
    failed_tests,
    faulty_tests,
    misconceptions,
    topics,
)

STYLE = Path(__file__).with_name("page.css")
# The browser is told as well that nothing on this page loads or runs.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# Status → the letter that marks it.
MARKS = {
    "repaired": "R",
    "timed out": "T",
    "crashed": "C",
    "out of memory": "M",
    "too much output": "O",
    "not done": "N",
    "not readable": "U",
    "test error": "!",
}
MEANINGS = {
    "R": "notebook repaired before grading",
    "T": "timed out",
    "C": "crashed",
    "M": "out of memory",
    "O": "too much output",
    "N": "not done",
    "U": "notebook not readable",
    "!": "a hidden test could not judge this",
    "H": "score set by a person",
    "L": "late penalty taken off",
}
MANY = 12  # names shown before they are folded away


def write_report(classroom: Classroom) -> Path:
    """Write classroom/report.html and return its path. Raises ClassroomError, OSError.

    The same results and gradebook give the same bytes.
    """
    path = classroom.folder / "report.html"
    write_whole(path, render(read_scores(classroom)))
    return path


def render(assignments: Sequence[Assignment]) -> str:
    """The whole page."""
    sections = "".join(_assignment(place, assignment) for place, assignment in enumerate(assignments))
    body = _class(assignments) + sections
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Class report</title>\n'
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _class(assignments: Sequence[Assignment]) -> str:
    head = "<h1>Class report</h1>\n"
    if not assignments:
        return head + (
            "<p>Nothing has been graded yet. Put notebooks where nbgrader expects them "
            "and run <code>autograder grade ASSIGNMENT</code>, then <code>autograder report</code>.</p>\n"
        )
    students = {submission.student for assignment in assignments for submission in assignment.submissions}
    everything = [submission for assignment in assignments for submission in assignment.submissions]
    waiting = sum(cell.score is None for submission in everything for cell in submission.cells.values())
    if len(assignments) == 1:
        return head + f'<p class="soft">{count(len(students), "student")} · 1 assignment</p>\n'
    decided = sum(submission.decided for submission in everything)
    share = f"{sum(submission.total for submission in everything) / decided:.0%}" if decided else "–"
    numbers = [
        (str(len(students)), "student" if len(students) == 1 else "students"),
        (str(len(assignments)), "assignments"),
        (str(len(everything)), "submissions"),
        (share, "of the points graded so far"),
        (str(waiting), "written answer waits for you" if waiting == 1 else "written answers wait for you"),
    ]
    return head + _numbers(numbers) + _overview(assignments, sorted(students))


def _numbers(pairs: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<li><b>{value}</b><span>{escaped(text)}</span></li>" for value, text in pairs)
    return f'<ul class="numbers">{items}</ul>\n'


def _overview(assignments: Sequence[Assignment], students: Sequence[str]) -> str:
    head = "".join(
        f'<th><a href="#a{place}">{_breakable(assignment.name)}</a> / {number(assignment.max_score)}</th>'
        for place, assignment in enumerate(assignments)
    )
    totals = [{submission.student: submission for submission in assignment.submissions} for assignment in assignments]
    rows = []
    for student in students:
        cells = []
        for assignment, by_student in zip(assignments, totals, strict=True):
            submission = by_student.get(student)
            cells.append("<td></td>" if submission is None else _heat_cell(submission.total, assignment.max_score, ""))
        rows.append(f"<tr><th>{escaped(student)}</th>{''.join(cells)}</tr>")
    return (
        '<h3>All assignments</h3>\n<div class="scroll"><table class="heat"><thead><tr><th>student</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>\n"
    )


def _assignment(place: int, assignment: Assignment) -> str:
    # Anchors are numbered: a name may hold anything.
    parts = [
        f'<section>\n<h2 id="a{place}">{_breakable(assignment.name)}</h2>\n',
        _assignment_numbers(assignment),
        _alerts(assignment),
        _monday(assignment),
        _distribution(assignment),
        _exercises(exercise_numbers(assignment)),
        _students(assignment),
        _misconceptions(assignment),
        _failed_tests(assignment),
        _on_the_way(assignment),
        "</section>\n",
    ]
    return "".join(parts)


def _assignment_numbers(assignment: Assignment) -> str:
    totals = [submission.total for submission in assignment.submissions]
    waiting = sum(cell.score is None for submission in assignment.submissions for cell in submission.cells.values())
    full = sum(total >= assignment.max_score for total in totals)
    most = number(assignment.max_score)
    return _numbers(
        [
            (str(len(totals)), "submission" if len(totals) == 1 else "submissions"),
            (f"{numeric.fmean(totals):.1f}", f"mean of {most}"),
            (number(round(numeric.median(totals), 2)), "median"),
            (f"{number(min(totals))} – {number(max(totals))}", "lowest – highest"),
            (str(full), "with full marks"),
            (str(waiting), "written answer to grade" if waiting == 1 else "written answers to grade"),
        ]
    )


def _alerts(assignment: Assignment) -> str:
    lines = [
        f"The hidden test <b>{escaped(title)}</b> could not judge {len(students)} of "
        f"{count(len(assignment.submissions), 'submission')} and took no points there. The students read: "
        f"“{escaped(message)}” {_who(students)}"
        for (title, message), students in faulty_tests(assignment).items()
    ]
    if assignment.can_be_forged:
        lines.append(escaped(CAN_BE_FORGED))
    if assignment.unmarked:
        lines.append(f"Handed in and not graded yet: {_who(assignment.unmarked)}")
    if assignment.gone:
        lines.append(
            "Graded before and no longer handed in, yet counted until <code>nbgrader db student remove</code>: "
            f"{_who(assignment.gone)}"
        )
    return f'<div class="alert">{"".join(f"<p>{line}</p>" for line in lines)}</div>\n' if lines else ""


def _monday(assignment: Assignment) -> str:
    found = topics(assignment)
    if not found:
        return ""
    items = []
    for topic in found:
        told = "".join(f"<p>{escaped(sentence)}</p>" for sentence in topic.sentences)
        facts = " · ".join(escaped(fact) for fact in topic.facts)
        items.append(f'<li><b>{_label(topic.exercise)}</b> <span class="facts">· {facts}</span>{told}</li>')
    return f'<div class="monday"><h3>Worth five minutes on Monday</h3><ol>{"".join(items)}</ol></div>\n'


def _distribution(assignment: Assignment) -> str:
    totals = [(submission.student, submission.total) for submission in assignment.submissions]
    mean = numeric.fmean(total for _, total in totals)
    step = column_width(assignment.max_score)
    width = "a column is one point wide" if step == 1 else f"a column is {step} points wide"
    waiting = any(submission.waiting for submission in assignment.submissions)
    note = " Written answers that wait for you are not in the totals yet." if waiting else ""
    return (
        f"<h3>Totals</h3>\n<figure>{histogram(totals, assignment.max_score, mean)}"
        f"<figcaption>Points of {number(assignment.max_score)}; each block is one student, {width}.{note}"
        "</figcaption></figure>\n"
    )


def _exercises(found: Sequence[ExerciseNumbers]) -> str:
    rows = []
    for one in found:
        share = (one.mean or 0.0) / one.exercise.max_score if one.exercise.max_score else 0.0
        mean = "–" if one.mean is None else f"{one.mean:.1f}"
        counts = [
            (one.full, "full"),
            (one.part, "part"),
            (one.none, "none"),
            (one.not_done, "not done"),
            (one.waiting, "✎"),
        ]
        spread = " · ".join(f"{amount} {what}" for amount, what in counts if amount)
        so_far = " <small>so far</small>" if one.waiting and one.mean is not None else ""
        told = "–" if one.discrimination is None else decimal(one.discrimination)
        rows.append(
            f'<tr><td class="name">{_label(one.exercise)}</td><td class="share">{bar(share)}</td>'
            f'<td class="n" data-label="mean">{mean} / {number(one.exercise.max_score)}{so_far}</td>'
            f'<td>{spread}</td><td class="n" data-label="discrimination">{told}</td></tr>'
        )
    return (
        '<h3>Exercises</h3>\n<table class="stack"><thead><tr><th>exercise</th><th>mean share of the points</th>'
        '<th class="n">mean / max</th><th>students</th><th class="n">discrimination¹</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>\n"
        '<p class="footnote">¹ Item-rest correlation: Pearson’s correlation between the score in this exercise and the '
        "sum of the same student’s scores in the others, over readable notebooks; the sum holds only exercises that "
        "are graded for all of them. Above .3 the exercise tells strong from weak; near 0, or below, look at the "
        "exercise. “–”: fewer than three students, or everyone has the same score.</p>\n"
    )


def _misconceptions(assignment: Assignment) -> str:
    found = misconceptions(assignment)
    if not found:
        return "<h3>Misconceptions</h3>\n<p>None of the known ones was recognised.</p>\n"
    size = max(sum(submission.readable for submission in assignment.submissions), 1)
    often = [one for one in found if len(one.students) > 1]
    once = [one for one in found if len(one.students) == 1]
    page = "<h3>Misconceptions</h3>\n"
    if often:
        page += _misconception_table(often, size)
    if once and (often or len(once) > MANY):
        summary = f"{count(len(once), 'misconception')} of one student {'only' if len(once) == 1 else 'each'}"
        page += f"<details><summary>{summary}</summary>{_misconception_table(once, size)}</details>\n"
    elif once:
        page += _misconception_table(once, size)
    return page


def _misconception_table(found: Sequence[Shared], size: int) -> str:
    rows = [
        f'<tr><td class="n"><b>{len(one.students)}</b> of {size}</td><td class="share">'
        f"{bar(len(one.students) / size, 'lost')}</td><td><b>{_label(one.exercise)}</b> · "
        f"{_breakable(one.name.replace('_', ' '))}<br>{escaped(one.sentence)}<br>{_who(one.students)}</td></tr>"
        for one in found
    ]
    return (
        '<table class="stack"><thead><tr><th class="n">students</th><th></th>'
        f"<th>what they were told</th></tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
    )


def _failed_tests(assignment: Assignment) -> str:
    found = failed_tests(assignment)
    if not found:
        return "<h3>Hidden tests</h3>\n<p>Nobody failed one.</p>\n"
    rows = []
    for test in found:
        everyone = '<span class="tag">everyone</span>' if test.everyone else ""
        rows.append(
            f'<tr><td class="n"><b>{len(test.students)}</b> of {test.tried}</td><td class="share">'
            f"{bar(len(test.students) / test.tried, 'lost')}</td><td>{everyone}<b>{escaped(test.title)}</b> "
            f'<span class="soft">{_label(test.exercise)}</span><br>{_who(test.students)}</td></tr>'
        )
    return (
        '<h3>Hidden tests that were failed</h3>\n<table class="stack"><thead><tr><th class="n">failed by</th><th></th>'
        f"<th>test</th></tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
        '<p class="footnote">Of those whose answer the test could judge: stubs left alone and unreadable notebooks are '
        "not counted.</p>\n"
    )


def _students(assignment: Assignment) -> str:
    head = "".join(
        f"<th><b>{escaped(exercise.number)}</b>{_breakable(exercise.grade_id)}<br>/ {number(exercise.max_score)}</th>"
        for exercise in assignment.exercises
    )
    rows, seen = [], set()
    for submission in assignment.submissions:
        cells = []
        for exercise in assignment.exercises:
            cell = submission.cells.get(exercise.grade_id)
            # What is said at the student's name need not be said in every cell.
            letter = "" if cell is None or not submission.readable else _letter(cell)
            seen.add(letter)
            cells.append("<td></td>" if cell is None else _score_cell(cell, letter))
        letters = _submission_letters(submission)
        seen.update(letters)
        more = f" <small>+ {number(submission.waiting)} ✎</small>" if submission.waiting else ""
        rows.append(
            f"<tr><th>{escaped(submission.student)}{''.join(_mark(letter) for letter in letters)}</th>{''.join(cells)}"
            f'<td class="total">{number(submission.total)}{more}</td></tr>'
        )
    means = [
        "✎" if one.waiting else "–" if one.mean is None else f"{one.mean:.1f}" for one in exercise_numbers(assignment)
    ]
    mean = f"{numeric.fmean(submission.total for submission in assignment.submissions):.1f}"
    foot = "".join(f"<td>{text}</td>" for text in (*means, mean))
    return (
        '<h3>Students</h3>\n<div class="scroll"><table class="heat"><thead><tr><th>student</th>'
        f"{head}<th><b>total</b>/ {number(assignment.max_score)}</th></tr></thead><tbody>{''.join(rows)}</tbody>"
        f"<tfoot><tr><th>mean</th>{foot}</tr></tfoot></table></div>\n{_legend(seen, assignment)}"
    )


def _letter(cell: Cell) -> str:
    return "H" if cell.by_hand and cell.tests else "" if cell.by_hand else MARKS.get(cell.status, "")


def _submission_letters(submission: Submission) -> list[str]:
    """What is to say about a submission as a whole."""
    found = ["U"] if not submission.readable else ["R"] if submission.repairs else []
    if submission.status in TROUBLES and not any(
        cell.status == submission.status for cell in submission.cells.values()
    ):
        found.append(MARKS[submission.status])
    return found + (["L"] if submission.penalty else [])


def _mark(letter: str) -> str:
    if not letter:
        return ""
    return f'<abbr class="mark {letter if letter.isalpha() else ""}" title="{MEANINGS[letter]}">{letter}</abbr>'


def _score_cell(cell: Cell, letter: str) -> str:
    if cell.score is None:
        return '<td class="s waiting" title="waits for a person">✎</td>'
    return _heat_cell(cell.score, cell.max_score, _mark(letter))


def _heat_cell(score: float, most: float, mark: str) -> str:
    return f'<td class="s" style="background:{heat(score / most if most else 1.0)}">{number(score)}{mark}</td>'


def _legend(seen: set[str], assignment: Assignment) -> str:
    colours = ",".join(f"rgb{colour}" for colour in (LOW, MIDDLE, HIGH))
    items = [f'<li>none<span class="swatch" style="background:linear-gradient(90deg,{colours})"></span>all points</li>']
    if any(submission.waiting for submission in assignment.submissions):
        items.append("<li>✎ written answer, waits for you in formgrader</li>")
    items += [f"<li>{_mark(letter)}{meaning}</li>" for letter, meaning in MEANINGS.items() if letter in seen]
    return f'<ul class="legend">{"".join(items)}</ul>\n'


def _on_the_way(assignment: Assignment) -> str:
    rows = []
    for submission in assignment.submissions:
        lines = [*submission.repairs, *submission.events]
        if submission.penalty:
            lines.append(f"Late: {number(submission.penalty)} off the total.")
        if lines:
            items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
            rows.append(
                f'<tr><td class="name">{escaped(submission.student)}</td><td>{escaped(submission.status)}</td>'
                f'<td><ul class="plain">{items}</ul></td></tr>'
            )
    if not rows:
        return "<h3>What happened on the way</h3>\n<p>Nothing: no repair, no time-out, no attack.</p>\n"
    return (
        '<h3>What happened on the way</h3>\n<table class="stack"><thead><tr><th>student</th><th>status</th>'
        f"<th>repairs, time-outs, attempts on the grader</th></tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
    )


def _who(students: Sequence[str]) -> str:
    names = ", ".join(escaped(student) for student in students)
    if len(students) <= MANY:
        return f'<span class="who">{names}</span>'
    return f'<details class="who"><summary>{count(len(students), "student")}</summary>{names}</details>'


def _label(exercise: Exercise) -> str:
    name = f"<code>{_breakable(exercise.grade_id)}</code>"
    return f"{escaped(exercise.number)} {name}" if exercise.number else name


def _breakable(name: str) -> str:
    """A name that may be broken after its underscores."""
    return escaped(name).replace("_", "_<wbr>")

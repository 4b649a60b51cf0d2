"""The limits of a submission, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Times are wall-clock seconds, sizes bytes."""

    cell_seconds: float = 60.0  # a cell of the course runs in a few seconds; this is ten times the slowest
    call_seconds: float = 5.0  # a hidden test calls with tiny inputs
    failed_calls: int = 2  # calls that may hang or crash at one grade cell, before it is called no more
    interrupt_seconds: float = 2.0  # how long a cell may take to heed an interrupt before it is killed
    submission_seconds: float = 240.0  # cells and calls together
    restarts: int = 3  # cells that may take the process down with them, before the rest is left unrun
    memory_bytes: int = 2 << 30  # beyond what the warm interpreter holds; a notebook of the course takes 0.3 GiB
    address_bytes: int = 8 << 30  # torch alone maps about 3 GiB
    processes: int = 64  # and threads
    cores: int = 1  # where control groups can be had
    open_files: int = 256
    scratch_bytes: int = 256 << 20
    scratch_files: int = 4096
    files_bytes: int = 64 << 20  # that lie beside a notebook, the student's and the assignment's; copied each time
    files: int = 500  # of them
    message_bytes: int = 16 << 20  # one cell's outputs or one answer; the largest of the course has 0.6 MiB
    text_bytes: int = 8 << 20  # what of it is JSON: the recorder's bounds on outputs, and a vocabulary of 300,000 words
    answer_numbers: int = 1 << 20  # in an answer's tensors, which tests may go through; the course's have 135,000
    answers_bytes: int = 64 << 20  # of an exercise, in the grader's memory: ten times a vocabulary of 30,522 words
    all_answers_bytes: int = 192 << 20  # of all exercises; those of the course's largest stage take 4 MiB
    outputs_bytes: int = 32 << 20  # that the graded notebook shows, likewise; the course's plots take 2 MiB
    outputs: int = 1000  # that the graded notebook shows; one with 200 plots has a few more than 200
    diagnosis_seconds: float = 3.0  # of the grader's processor, to find the misconception behind wrong answers

    def inside(self) -> dict[str, int]:
        """The limits that the sandboxed side applies."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}

"""The door through which a submission's files are read opens for plain files, and for nothing else."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder import plain_files
from autograder.plain_files import Refused, TooLarge, is_linked, read_plain

SECRET = b"nobody's business"
PATH = Path("mallory") / "stage" / "file"


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """A folder of submissions in which mallory's is empty, beside a file that is not hers."""
    (tmp_path / "secret").write_bytes(SECRET)
    folder = tmp_path / "submitted"
    (folder / PATH.parent).mkdir(parents=True)
    return folder


@pytest.fixture
def alarm() -> Iterator[None]:
    """Ends what waits for ever."""

    def ring(*_: object) -> None:
        raise TimeoutError("it waited")

    usual = signal.signal(signal.SIGALRM, ring)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, usual)


def test_a_plain_file_is_read_to_its_last_byte(trusted: Path) -> None:
    (trusted / PATH).write_bytes(b"0123456789")
    assert read_plain(trusted / PATH, trusted, 10) == b"0123456789"
    assert read_plain(trusted / PATH, trusted / PATH.parent, 10) == b"0123456789"


def test_what_is_not_there_is_not_refused(trusted: Path) -> None:
    for path in (trusted / PATH, trusted / "nobody" / "stage" / "file"):
        with pytest.raises(FileNotFoundError):
            read_plain(path, trusted, 10)


def link_to_the_secret(path: Path) -> None:
    path.symlink_to(path.parents[3] / "secret")


def hard_link_to_the_secret(path: Path) -> None:
    os.link(path.parents[3] / "secret", path)


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # its name may not be long
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero by another name
    except PermissionError:
        pytest.skip("Only root can make a device.")


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (link_to_the_secret, "is a link"),
        (hard_link_to_the_secret, "hard link"),
        (link_to_zeros, "is a link"),
        (link_to_nothing, "is a link"),
        (pipe, "is not a plain file"),
        (unix_socket, "is not a plain file"),
        (folder, "is not a plain file"),
        (device, "is not a plain file"),
    ],
)
def test_what_is_no_plain_file_is_refused_without_waiting(
    trusted: Path, make: Callable[[Path], None], why: str
) -> None:
    make(trusted / PATH)
    with pytest.raises(Refused, match=why):
        read_plain(trusted / PATH, trusted, 100)


def test_a_large_file_is_refused_before_it_is_read(trusted: Path) -> None:
    with open(trusted / PATH, "wb") as file:
        file.truncate(8 << 40)
    with pytest.raises(TooLarge, match="has 8388608 MB, more than 2 MB"):
        read_plain(trusted / PATH, trusted, 2 << 20)


@pytest.mark.parametrize("linked", [PATH.parent, PATH.parents[1]])
def test_nothing_is_read_behind_a_linked_folder(trusted: Path, linked: Path) -> None:
    neighbour = trusted / "alice" / "stage"
    neighbour.mkdir(parents=True)
    (neighbour / "file").write_bytes(SECRET)
    (trusted / PATH.parent).rmdir()
    if linked != PATH.parent:
        (trusted / linked).rmdir()
    (trusted / linked).symlink_to(neighbour if linked == PATH.parent else neighbour.parent)
    assert (trusted / PATH).read_bytes() == SECRET
    assert is_linked(trusted / PATH.parent, trusted)
    with pytest.raises(Refused, match="behind a link"):
        read_plain(trusted / PATH, trusted, 100)


def test_links_in_and_above_the_trusted_folder_are_the_instructors(trusted: Path, tmp_path: Path) -> None:
    (trusted / PATH).write_bytes(b"own")
    (tmp_path / "disk").symlink_to(trusted)
    assert read_plain(tmp_path / "disk" / PATH, tmp_path / "disk", 10) == b"own"
    assert not is_linked(tmp_path / "disk" / PATH.parent, tmp_path / "disk")


def test_a_way_out_of_the_folder_is_refused(trusted: Path) -> None:
    with pytest.raises(Refused, match="does not lie in"):
        read_plain(trusted / "mallory" / ".." / ".." / "secret", trusted, 100)


@pytest.mark.parametrize("make", [link_to_the_secret, hard_link_to_the_secret, pipe])
def test_what_is_exchanged_after_the_first_look_is_refused(
    trusted: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (trusted / PATH).write_bytes(b"innocent")
    check = plain_files._check

    def check_and_exchange(status: os.stat_result, max_bytes: int) -> None:
        check(status, max_bytes)
        if (trusted / PATH).is_file() and (trusted / PATH).stat().st_nlink == 1 and not (trusted / PATH).is_symlink():
            (trusted / PATH).unlink()
            make(trusted / PATH)

    monkeypatch.setattr(plain_files, "_check", check_and_exchange)
    with pytest.raises(Refused):
        read_plain(trusted / PATH, trusted, 100)

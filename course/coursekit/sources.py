"""Where reviews and encoder come from: a folder that the user names, the local Hugging Face cache, or the hub.

Nothing here imports transformers or datasets, and nothing waits for a network that is not there.
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HUB_TIMEOUT = 4.0
"""Seconds after which a hub that has not answered counts as not reachable."""


@dataclass(frozen=True)
class Repository:
    """A repository on the Hugging Face hub, and the files of it that the course reads.

    names      the id, then older ids under which a cache may hold it
    kind       "model" or "dataset"
    files      names or glob patterns of the files to download
    complete   says of a folder whether it holds all that is needed
    """

    names: tuple[str, ...]
    kind: str
    files: tuple[str, ...]
    complete: Callable[[Path], bool]

    @property
    def command(self) -> str:
        """The command that downloads it into the local cache."""
        if self.kind == "dataset":
            return f"hf download {self.names[0]} --repo-type dataset"
        return f"hf download {self.names[0]} {' '.join(self.files)}"

    def cached(self) -> Path | None:
        """The newest complete snapshot in the local Hugging Face cache, or None. Touches no network."""
        from huggingface_hub import constants

        for name in self.names:
            snapshots = Path(constants.HF_HUB_CACHE) / f"{self.kind}s--{name.replace('/', '--')}" / "snapshots"
            if not snapshots.is_dir():
                continue
            for snapshot in sorted(snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True):
                if self.complete(snapshot):
                    return snapshot
        return None

    def download(self) -> tuple[Path | None, str]:
        """Download into the local cache, if the hub answers within ``HUB_TIMEOUT`` seconds.

        Returns (folder, "") or (None, why not), the reason as words that follow "the hub was ...".
        """
        from huggingface_hub import constants, snapshot_download

        if constants.HF_HUB_OFFLINE or _is_on("HF_DATASETS_OFFLINE"):
            return None, "not asked, because offline mode is on"
        if not _answers(constants.ENDPOINT):
            return None, "not reachable"
        try:
            folder = Path(
                snapshot_download(
                    self.names[0], repo_type=self.kind, allow_patterns=list(self.files), etag_timeout=HUB_TIMEOUT
                )
            )
        except Exception as error:  # whatever went wrong on the way, the next source is tried
            return None, f"reachable, but the download failed with {type(error).__name__}"
        if not self.complete(folder):
            return None, f"reachable, but {self.names[0]} has other files than expected"
        return folder, ""


def named(path: str | os.PathLike[str] | None, variable: str) -> tuple[Path, str] | None:
    """The folder that the user names by argument, else by environment variable.

    Returns (folder, how it was named), or None where nothing is named.
    Raises FileNotFoundError when it is named but is no folder: a wrong path is never silently replaced.
    """
    how = "the argument path"
    if path is None:
        path, how = os.environ.get(variable) or None, f"the environment variable {variable}"
    if path is None:
        return None
    folder = Path(path).expanduser()
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "does not exist"
        raise FileNotFoundError(
            f"{folder} {problem}. It was named by {how}: correct it, or leave it out to let coursekit look elsewhere."
        )
    return folder, how


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in {"1", "ON", "YES", "TRUE"}


def _answers(endpoint: str) -> bool:
    """Whether the hub answers at all. In a thread, because a timeout does not cover the look-up of a name."""
    answered: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(endpoint, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=HUB_TIMEOUT):
                answered.append(True)
        except urllib.error.HTTPError as error:
            # A hub behind a login still answers; a proxy that is in the way, or a hub that is down, does not help.
            answered.append(error.code in {401, 405, 429})
        except (OSError, ValueError):
            answered.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_TIMEOUT)
    return answered == [True]

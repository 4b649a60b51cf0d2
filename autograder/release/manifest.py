"""What each built file was built from, by digest; kept in solutions/release.json, which git tracks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.files import write_changed

MANIFEST = "solutions/release.json"
ENGINE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Product:
    """Files that are built together. Paths are relative to the root of the repository.

    built    what is made
    sources  what it is made from; the products of another may be among them
    """

    built: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Stale:
    """A built file that no longer fits its sources."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is stale: {self.reason}. Run `make release`."


class Manifest:
    """Remembers the digests of built files and of their sources."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / MANIFEST
        self._entries = self._read()

    def _read(self) -> dict[str, dict[str, str]]:
        entries: dict[str, dict[str, str]] = {}
        if self.path.exists():
            entries = json.loads(self.path.read_text(encoding="utf-8"))
        return entries

    def why_stale(self, product: Product, stale_already: Iterable[str] = ()) -> dict[str, str]:
        """Path → reason for each built file that is not what its sources would give; empty if all are.

        stale_already   built files known to be stale, which make stale what is built from them
        """
        upstream = [path for path in product.sources if path in set(stale_already)]
        reasons = {}
        for path in product.built:
            entry = self._entries.get(path)
            if not (self.root / path).exists():
                reasons[path] = "it does not exist"
            elif entry is None:
                reasons[path] = "nothing is known about how it was built"
            elif upstream:
                reasons[path] = f"{upstream[0]}, from which it is built, is stale"
            elif entry["built"] != self._digest(path):
                reasons[path] = "it was changed by hand"
            elif entry["sources"] != self._digest(*product.sources):
                reasons[path] = self._what_changed(entry, product)
        return reasons

    def sources_of(self, product: Product) -> dict[str, str]:
        """Digests of the sources as they are; to be taken before building, so that a later edit shows."""
        each = {f"source {path}": self._digest(path) for path in product.sources}
        return {"sources": self._digest(*product.sources), **each}

    def only_changed(self, product: Product, path: str) -> bool:
        """Whether one source is all that changed since a product was built, and the product is as it was built."""
        for built in product.built:
            entry = self._entries.get(built)
            if entry is None or not (self.root / built).exists() or entry["built"] != self._digest(built):
                return False
            known = {key for key in entry if key.startswith("source ")}
            now = self.sources_of(product)
            if known != now.keys() - {"sources"} or any(entry[key] != now[key] for key in known - {f"source {path}"}):
                return False
        return True

    def record(self, built: Iterable[tuple[Product, dict[str, str]]]) -> None:
        """Remember that products were built from such sources, and write the manifest."""
        self._entries = self._read()  # another stage may have been built meanwhile
        for product, sources in built:
            for path in product.built:
                self._entries[path] = {"built": self._digest(path), **sources}
        write_changed(self.path, (json.dumps(self._entries, indent=1, sort_keys=True) + "\n").encode())

    def forget_all_but(self, products: Iterable[Product]) -> None:
        """Drop what is no longer built."""
        known = {path for product in products for path in product.built}
        if not known.issuperset(self._entries):
            self._entries = {path: entry for path, entry in self._entries.items() if path in known}
            write_changed(self.path, (json.dumps(self._entries, indent=1, sort_keys=True) + "\n").encode())

    def _what_changed(self, entry: dict[str, str], product: Product) -> str:
        known = {key.removeprefix("source "): digest for key, digest in entry.items() if key.startswith("source ")}
        changed = [path for path in product.sources if path in known and known[path] != self._digest(path)]
        added = [path for path in product.sources if path not in known]
        removed = [path for path in known if path not in product.sources]
        parts = [
            f"{', '.join(paths[:3])}{' and others' if len(paths) > 3 else ''} {what}"
            for paths, what in ((changed, "changed"), (added, "came"), (removed, "went"))
            if paths
        ]
        return " and ".join(parts) + " since it was built"

    def _file(self, path: str) -> Path:
        """A file below the root, or of the engine, which may be installed elsewhere."""
        return ENGINE.parent / path if path.startswith(f"{ENGINE.name}/") else self.root / path

    def _digest(self, *paths: str) -> str:
        digest = hashlib.sha256()
        for path in paths:
            file = self._file(path)
            content = file.read_bytes() if file.exists() else b""
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

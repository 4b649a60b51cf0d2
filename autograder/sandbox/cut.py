"""The sources that an interpreter is started on, with what it does not have cut out of them.

What is cut out is never compiled in the interpreter, and neither its source nor its bytecode is in sight.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from .contents import Contents
from .ready_made import Parts

_REQUIREMENT = re.compile(r"\s*([\w.-]+)")

# Of a class that is cut, these remain: its objects can be shown and copied.
_HARMLESS_METHODS = {"__setstate__", "extra_repr", "__repr__", "__setattr__", "__getattr__"}


_TOP = re.compile(r"(?:(?:class|def|async def)\s+)?(\w+)")


def cut_out(source: str, is_cut: Callable[[str], bool], shown: str) -> str:
    """Put a refusal in the place of the body of some functions, and of all methods of some classes.

    is_cut   whether to cut out a function or a class of the module, by its name
    shown    what its name is told after, "nn." for instance

    Everything else stays in its line.
    """
    lines = source.splitlines()
    starts = [number for number, line in enumerate(lines) if line[:1] not in ("", " ", "\t", ")", "]", "}", "#")]
    for start in starts:
        found = _TOP.match(lines[start])
        if found is None or not is_cut(found[1]):
            continue
        definition = _definition(lines, start, starts)
        if isinstance(definition, ast.Assign):
            _blank_texts(definition, lines, start)
        for function in reversed(list(_functions(definition))):
            _empty(function, lines, start, shown + found[1])
    return "\n".join(lines) + "\n"


def _definition(lines: list[str], start: int, starts: list[int]) -> ast.stmt:
    """The statement that begins in line `start`. Only it is parsed: parsing the whole module takes ten times as long.

    Raises SyntaxError.
    """
    error = SyntaxError("no statement")
    for stop in [*(number for number in starts if number > start), len(lines)]:
        try:
            return ast.parse("\n".join(lines[start:stop])).body[0]
        except SyntaxError as unfinished:  # a line of a text stands at the margin
            error = unfinished
    raise error


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(definition: ast.AST) -> Iterator[_Function]:
    """The function itself, or the methods of a class and of the classes in it, but for the harmless ones."""
    if isinstance(definition, _Function):
        yield definition
        return
    for child in ast.iter_child_nodes(definition):
        if not isinstance(child, _Function) or child.name not in _HARMLESS_METHODS:
            yield from _functions(child)


def _blank_texts(definition: ast.Assign, lines: list[str], offset: int) -> None:
    """Take the text from what is only documented here: it may show the same in Python."""
    for node in ast.walk(definition):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            first, last = node.lineno + offset - 1, (node.end_lineno or node.lineno) + offset - 1
            lines[first] = lines[first].encode()[: node.col_offset].decode() + '""'
            lines[last] = lines[last].encode()[node.end_col_offset or 0 :].decode()
            lines[first + 1 : last] = [""] * (last - first - 1)


def _is_dots(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _empty(function: _Function, lines: list[str], offset: int, part: str) -> None:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if all(isinstance(node, ast.Pass) or _is_dots(node) for node in body):
        return
    decorators = getattr(body[0], "decorator_list", [])
    first = min(node.lineno for node in (body[0], *decorators)) + offset
    last = (body[-1].end_lineno or body[-1].lineno) + offset
    head = lines[first - 1].encode()[: body[0].col_offset].decode()  # "def f(): " may stand in the same line
    if decorators:
        head = " " * body[0].col_offset
    call = f'return __import__("autograder.sandbox.refusals", fromlist=["refuse"]).refuse({part!r})'
    lines[first - 1 : last] = [head + call, *[""] * (last - first)]


class CutSources:
    """Files, in a folder of their own, that take the place of others in an interpreter's file system.

    folder      where they are written; it may go when the interpreter has started
    libraries   distributions that are there beside those of the contents
    """

    def __init__(self, parts: Parts, contents: Contents, folder: Path, libraries: frozenset[str] = frozenset()) -> None:
        self._folder = folder
        self._empty = folder / "empty"
        self._empty.touch()
        self._parts = parts
        self._contents = contents
        self._ready_made = contents.ready_made
        self._libraries = libraries | {*contents.ready_made.libraries}

    def mounts(self, inside: str) -> list[str]:
        """Arguments of bubblewrap that lay them over the originals; packages of the course lie in `inside`."""
        out: list[str] = []
        if self._parts.families is not None:
            out += _only_libraries(self._libraries)
            out += self._torch()
        names = self._parts.without
        folders = dict(self._contents.packages)
        for module in self._contents.stand_ins if names else ():
            package, _, rest = module.partition(".")
            file = f"{rest.replace('.', '/')}.py"
            place = Path(inside, package, file)
            out += self._instead(folders[package] / file, place, names.__contains__, f"{package}'s ")
        return out

    def _torch(self) -> Iterator[str]:
        root = torch_folder()
        if root is None:
            return
        for name in self._ready_made.emptied:
            if (root / name).is_dir():
                yield from ("--tmpfs", str(root / name))
            elif (root / name).exists():
                yield from ("--ro-bind", str(self._empty), str(root / name))
                yield from self._without_bytecode(root / name, root / name)
        modules = {
            path.relative_to(root).as_posix()
            for path in (root / "nn/modules").glob("*.py")
            if path.stem not in self._ready_made.module_files
        }
        for name in sorted({*self._ready_made.files, *modules}):
            if (root / name).exists():
                yield from self._instead(
                    root / name,
                    root / name,
                    self._is_cut(name),
                    "nn." if name.startswith("nn/modules/") else "torch's ",
                )

    def _is_cut(self, file: str) -> Callable[[str], bool]:
        def is_cut(name: str) -> bool:
            return not self._ready_made.is_in(self._parts, name) and not name.endswith("HOP")

        return is_cut

    def _instead(self, original: Path, inside: Path, is_cut: Callable[[str], bool], shown: str) -> Iterator[str]:
        written = self._folder / re.sub(r"\W", "_", str(original))
        written.write_text(cut_out(original.read_text(encoding="utf-8"), is_cut, shown), encoding="utf-8")
        yield from ("--ro-bind", str(written), str(inside))
        yield from self._without_bytecode(original, inside)

    def _without_bytecode(self, original: Path, inside: Path) -> Iterator[str]:
        for compiled in sorted((original.parent / "__pycache__").glob(f"{original.stem}.*.pyc")):
            yield from ("--ro-bind", str(self._empty), str(inside.parent / "__pycache__" / compiled.name))


def torch_folder() -> Path | None:
    """Where torch is installed, found without importing it; None where it is not."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def _site_folders() -> list[Path]:
    """Where packages of this Python and of the system's are installed, as far as the sandbox shows it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    found += [
        Path(prefix, folder, version, "site-packages")
        for prefix in (sys.prefix, sys.base_prefix)
        for folder in ("lib", "lib64")
    ]
    for place in (Path("/usr/lib"), Path("/usr/local/lib")):
        found += [*place.glob("python3*/dist-packages"), *place.glob("python3*/site-packages")]
    return sorted({folder.resolve() for folder in found if folder.is_dir()})


@cache
def _kept(libraries: frozenset[str]) -> frozenset[Path]:
    """What is installed of libraries and of all that they require: files and folders right in a folder for packages."""
    waiting, known, kept = [*libraries], set(), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in known:
            continue
        known.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # `files` makes an object of each of torch's 13,000 files.
        listed = {
            line.partition("/")[0].partition(",")[0] for line in (distribution.read_text("RECORD") or "").splitlines()
        }
        for entry in listed - {"", "..", "__pycache__"}:
            kept.add(Path(str(distribution.locate_file(entry))).resolve())
        for text in distribution.requires or ():
            name, condition = _REQUIREMENT.match(text).group(1), text.partition(";")[2]  # type: ignore[union-attr]
            if "extra" not in condition:
                waiting.append(name)
    return frozenset(kept)


def _only_libraries(libraries: frozenset[str]) -> Iterator[str]:
    for folder in _site_folders():
        yield from ("--tmpfs", str(folder))
        for entry in sorted(_kept(libraries)):
            if entry.parent == folder and entry.exists():
                yield from ("--ro-bind", str(entry), str(entry))


@cache
def hidden_libraries(libraries: frozenset[str], own: frozenset[str]) -> list[str]:
    """Names that can be imported beside the grader and not in an interpreter without all libraries.

    libraries   distributions that it has
    own         packages that it has besides, which may be installed beside the grader too
    """
    kept = {entry.name.partition(".")[0] for entry in _kept(libraries)}
    names = set()
    for folder in _site_folders():
        for entry in os.scandir(folder):
            name = entry.name.partition(".")[0]
            if name.isidentifier() and name not in kept and not name.startswith("__"):
                names.add(name)
    return sorted(names - own)

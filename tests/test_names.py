"""Which names a cell binds, compared with what Python binds when it runs the cell."""

from __future__ import annotations

import ast

import pytest

from autograder.names import LONGEST_SOURCE, altered_by, bound, defined, parsed, parts

RUN = [
    "def f(x):\n    inside = x\n    return inside",
    "async def f(x):\n    return x",
    "class f:\n    attribute = 1\n    def method(self): return 2",
    "@staticmethod\ndef f(x):\n    return x",
    "f = lambda x, y=(z := 3): x",
    "f, g = (lambda: 1), 2",
    "[f, *g] = range(3)",
    "f: int = 1\ng: int",
    "f = 1\nf += 1",
    "print(f := 3)",
    "g = [f := n for n in range(3)]",
    "for f in range(3):\n    last = f",
    "with open('/dev/null') as f:\n    pass",
    "import math as f, os.path",
    "from math import sqrt as f, log",
    "try:\n    import missing_module as f\nexcept ImportError as error:\n    f = None",
    "if True:\n    def f(): pass\nelse:\n    def g(): pass",
    "while True:\n    f = 1\n    break",
    "match [1, {'a': 2, 'b': 3}, 4, 5]:\n    case [f, {'a': g, **rest}, *others]:\n        pass",
    "match 3:\n    case int() as f:\n        pass",
    "def make():\n    global f\n    f = 1\nmake()",
    "class A:\n    def make(self):\n        global f\n        def f(): pass\nA().make()",
    "def g():\n    def f(): pass\n    h = 1",
    "f = old = 1\ndel old",
    "'''\ndef g(): pass\n'''\ndef f(): pass",
    "# def g(): pass\nf = 'def g(): pass'",
    "f = {n: n for n in range(3)}",
    "x = type('X', (), {})()\nx.f = 1\nx.g: int = 2",
]


@pytest.mark.parametrize("source", RUN)
def test_all_that_python_binds_is_read_and_nothing_that_only_looks_like_it(source: str) -> None:
    namespace: dict[str, object] = {}
    exec(source, namespace)
    ran = namespace.keys() - {"__builtins__", "__annotations__", "__doc__"}
    names = bound(source)
    assert ran <= names
    not_reached = {"g"} if "else" in source else set()
    assert names - ran <= not_reached | {"old"}


def test_functions_and_classes_are_told_from_other_names() -> None:
    source = "a = 1\ndef b(): pass\nif a:\n    class c: pass\nimport d\n@b\ndef e():\n    def inner(): pass\n"
    assert defined(source) == {"b", "c", "e"}
    assert bound(source) == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize(
    "source",
    [
        "%%time\ndef f(): pass",
        "\n%%capture out\ndef f(): pass",
        "%matplotlib inline\n!ls -l\ndef f(): pass",
        "!pip install \\\n  einops\ndef f(): pass",
        "f = !ls",
        "f = %pwd",
        "def f(): pass\nf?",
        "?f\nimport f",
        "  def f():\n      pass",
        "if True:\n    %time f = 1\n    f = 1",
        'text = """\n%d percent\n"""\nf = (3\n  % 2)\n!ls',
        "async def g(): pass\nf = await g()",
    ],
)
def test_commands_to_ipython_hide_nothing(source: str) -> None:
    assert "f" in bound(source)
    tree = parsed(source)
    assert tree is not None
    assert all(node.lineno <= source.count("\n") + 1 for node in tree.body)


@pytest.mark.parametrize("magic", ["bash", "writefile f.py", "markdown", "html", "timeit"])
def test_other_languages_bind_nothing(magic: str) -> None:
    assert bound(f"%%{magic}\nf = 1\ndef g(: pass") == frozenset()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(:\n    x = 1\n\ng = 2", {"f", "g"}),
        ("def f(x):\n    return (\n\nfrom a import b as c, d\n", {"f", "c", "d"}),
        ('"""\ndef old(): pass\n"""\ndef f(:\n', {"f"}),
        ('def f(:\n    """What it does.\n', {"f"}),
        ("x = 1\n" * (LONGEST_SOURCE // 6 + 1), {"x"}),
    ],
)
def test_what_is_not_python_is_read_line_by_line(source: str, names: set[str]) -> None:
    assert parsed(source) is None
    assert bound(source) == names


def test_hostile_sources_take_little_time() -> None:
    for source in (
        "(" * 190_000,
        "-" * 190_000 + "1",
        " " * 190_000 + "x = !ls",
        "\\" * 190_000,
        '"""' + "\\" * 190_000,
        "a=" * 90_000,
        "%" + "\\\n" * 90_000,
        "a," * 90_000 + "b",
        "[" * 90 + "x" + "]" * 90 + " = 1",
    ):
        bound(source)


def test_parts_have_their_comments_and_decorators() -> None:
    source = "import math\n\n# why\n# and how\n@property\ndef f(\n    x,\n): pass\nx = 1; y = 2"
    found = [(sorted(part.names), part.first, part.last) for part in parts(source)]
    assert found == [(["math"], 0, 0), (["f"], 2, 7), (["x"], 8, 8), (["y"], 8, 8)]


def test_things_that_are_altered() -> None:
    def altered(source: str) -> frozenset[str]:
        return altered_by(ast.parse(source).body[0])

    assert altered("model.layer.weight = x") == {"model"}
    assert altered("table[i] += y[j]") == {"table"}
    assert altered("for a.b, c[0] in d: pass") == {"a", "c"}
    assert altered("if x:\n    del e[f]") == {"e"}
    assert altered("def f():\n    g.h = 1") == frozenset()

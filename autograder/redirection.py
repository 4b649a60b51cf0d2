"""Answers that hand the exercise on to a ready-made part: seen while they are called, and in their source.

The notebook says where a part is to be built by hand, and what it costs to call a ready one inside. Only the answer and
what it needs are looked at: whoever compares with torch elsewhere in the notebook loses nothing.
"""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autograder.hidden_tests.runner import TestResult

LONGEST_SOURCE = 200_000


@dataclass(frozen=True)
class ByHand:
    """What may not stand in for the answer to an exercise.

    called   names as `autograder.sandbox.watch` notes them
    words    what the source would call it, a regular expression for a whole name
    """

    called: frozenset[str]
    words: str


_HEADS = r"multi_head_attention_forward|_(native|triton)_multi_head_attention|MultiheadAttention"
_ATTENTION = rf"_?scaled_dot_product_\w*attention\w*|_triton_scaled_dot_attention|{_HEADS}"
_TOKENIZERS = r"tokenizers?|load_tokenizer|tokenize_and_cut|\w*(Auto|Bert)Tokenizer\w*|BertWordPiece\w*|WordPiece"

BY_HAND = {
    "wordpiece": ByHand(frozenset(), _TOKENIZERS),
    "rnn_cell": ByHand(
        frozenset({"RNN", "RNNCell", "rnn_tanh", "rnn_relu", "rnn_tanh_cell", "rnn_relu_cell"}),
        r"RNN(Cell)?|rnn_(tanh|relu)(_cell)?",
    ),
    # The cell in the loop may be anybody's: grading puts torch's own there.
    "rnn_forward": ByHand(frozenset({"RNN", "rnn_tanh", "rnn_relu"}), r"RNN|rnn_(tanh|relu)"),
    "scaled_dot_product": ByHand(
        frozenset(
            {
                "scaled_dot_product_attention",
                "multi_head_attention_forward",
                "_native_multi_head_attention",
                "MultiheadAttention",
                "stand_ins.scaled_dot_product",
            }
        ),
        _ATTENTION,
    ),
    # Inside the heads, torch's attention may do what the exercise of stage 03 does.
    "MultiHeadAttention": ByHand(
        frozenset(
            {
                "multi_head_attention_forward",
                "_native_multi_head_attention",
                "MultiheadAttention",
                "stand_ins.MultiHeadAttention",
            }
        ),
        _HEADS,
    ),
    "TransformerBlock": ByHand(
        frozenset({"TransformerEncoderLayer", "_transformer_encoder_layer_fwd", "stand_ins.TransformerBlock"}),
        r"TransformerEncoder(Layer)?|_transformer_encoder_layer_fwd",
    ),
    "BertModel": ByHand(
        frozenset({"TransformerEncoder", "transformers", "stand_ins.BertModel"}),
        r"TransformerEncoder|transformers|BertFor\w+|AutoModel\w*|OwnBert|load_pretrained_bert",
    ),
    "mask_inputs": ByHand(frozenset(), r"DataCollator\w+"),
}

# Functions that take a name as text, and ways to a name that the source does not show.
_BY_NAME = {"getattr", "attrgetter", "import_module", "__import__", "__getattribute__"}
_FUNCTIONS_ONLY = {"eval", "exec"}  # model.eval() is something else
_HIDDEN = {*_BY_NAME, *_FUNCTIONS_ONLY}
# Nobody needs it who builds by hand: it keeps calls of torch from being seen.
_IMPORT = ast.Import | ast.ImportFrom
_OUT_OF_SIGHT = r"_?Disable\w*TorchFunction\w*|_pop_torch_function_stack|_remove_mode"


@dataclass(frozen=True)
class Reading:
    """What the source of an answer says: the ready-made parts it uses, and ways to names that cannot be read."""

    parts: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def read(sources: Iterable[str], exercise: str) -> Reading:
    """Look through the answer to an exercise and all that it needs of a notebook.

    sources   of the code cells, in order; what is not Python is passed over

    Nothing is run. Of an exercise that may be done with any part, only its own stand-in is looked for.
    """
    statements = [statement for source in sources for statement in _statements(source)]
    # What a name of the notebook's own stands for is told by its definition, which is looked through as well.
    made_here = {name for statement in statements if not isinstance(statement, _IMPORT) for name in _bound(statement)}
    own = BY_HAND.get(exercise)
    parts, hidden = [], []
    for node in _needed(statements, exercise):
        for name, shown in _uses(node, made_here):
            if name in (f"stand_ins.{exercise}", f"earlier_work.{exercise}"):
                parts.append(f"coursekit's {exercise}")
            elif own is not None and re.fullmatch(f"{own.words}|{_OUT_OF_SIGHT}", name):
                parts.append(shown)
            elif own is not None and name in _HIDDEN:
                hidden.append(name)
    return Reading(tuple(dict.fromkeys(parts)), tuple(dict.fromkeys(hidden)))


def settle(
    results: Sequence[TestResult], sources: Sequence[str], called: Mapping[str, set[str]]
) -> tuple[list[TestResult], list[str]]:
    """Take the points of the exercises that were handed on.

    results   of the hidden tests
    sources   of the notebook's code cells
    called    exercise → names that `autograder.sandbox.watch` noted while its tests ran

    Returns the results as they count, and sentences for the instructor.
    """
    settled, notes = list(results), []
    for exercise in dict.fromkeys(result.grade_id for result in results):
        reading = read(sources, exercise)
        own = BY_HAND.get(exercise)
        seen = sorted(called.get(exercise, set()) & own.called) if own else []
        parts = [*reading.parts] or [f"coursekit's {exercise}" if "." in name else name for name in seen]
        if parts:
            sentence = (
                f"Inside {exercise} you call {' and '.join(parts[:2])}. Here it is to be built by hand, so this "
                "exercise gets no points. To compare with it in a cell of your own costs nothing."
            )
            settled = [
                replace(result, earned=0.0, status="failed", message=sentence, misconception=None)
                if result.grade_id == exercise and result.status in ("passed", "failed")
                else result
                for result in settled
            ]
            ways = {"in its source": reading.parts, "while it was called": seen}
            how = " and ".join(way for way, found in ways.items() if found)
            notes.append(f"{exercise} is handed on to {', '.join(parts[:3])}, as seen {how}.")
        elif reading.hidden:
            notes.append(
                f"{exercise} reaches for {', '.join(reading.hidden)}; whether it is built by hand cannot be read from "
                "its source. Please look at it."
            )
    return settled, notes


def _statements(source: str) -> list[ast.stmt]:
    """The top-level statements of a cell; of one that is not Python, those of its parts that are."""
    if len(source) > LONGEST_SOURCE:
        return []
    lines = ["" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse("\n".join(lines)).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []


def _needed(statements: Sequence[ast.stmt], exercise: str) -> list[ast.stmt]:
    """The statements that define an answer, and those that define what they use, and so on."""
    defining: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _bound(statement):
            defining.setdefault(name, []).append(statement)
    found: dict[int, ast.stmt] = {}
    wanted, known = [exercise], {exercise}
    while wanted:
        for statement in defining.get(wanted.pop(), []):
            if id(statement) in found:
                continue
            found[id(statement)] = statement
            if isinstance(statement, _IMPORT):
                continue
            used = _globals(statement) - known
            known |= used
            wanted += used
    return list(found.values())


def _globals(statement: ast.stmt) -> set[str]:
    """Names that a statement takes from the notebook; parameters and local variables are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = [symtable.symtable(ast.unparse(statement), "answer", "exec")]
    found = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                found.add(symbol.get_name())
    return found


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement defines, or whose attributes it sets."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, _IMPORT):
        for alias in statement.names:
            yield (alias.asname or alias.name).partition(".")[0]
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _targets(target)
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        yield from _targets(statement.target)
    else:
        # Definitions under `if`, `try`, `with` and loops count as well.
        for node in ast.walk(statement):
            if node is not statement and isinstance(node, ast.stmt):
                yield from _bound(node)


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from _targets(item)
    elif isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
        yield from _targets(target.value)


class _Uses(ast.NodeVisitor):
    """Collects (name, as written) of what a statement uses; annotations and isinstance tests use nothing.

    names       that the statement takes from outside of it
    made_here   names that the notebook defines itself
    """

    def __init__(self, names: set[str], made_here: set[str]) -> None:
        self.names, self.made_here = names, made_here
        self.found: list[tuple[str, str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id in self.names - self.made_here:
            self.found.append((node.id, node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        shown = ast.unparse(node) if _is_dotted(node) else node.attr
        if node.attr not in _FUNCTIONS_ONLY and not self._is_own(node.value):
            self.found.append((node.attr, shown))
        if shown.partition(".")[0] == "transformers":
            self.found.append(("transformers", shown))
        if shown.split(".")[-2:-1] == ["stand_ins"]:
            self.found.append((f"stand_ins.{node.attr}", shown))
        self.visit(node.value)

    def _is_own(self, owner: ast.expr) -> bool:
        """Whether it is the object whose method this is."""
        return isinstance(owner, ast.Name) and owner.id in ("self", "cls") and owner.id not in self.names

    def visit_Import(self, node: ast.Import) -> None:
        # A module by itself does nothing; what is used of it stands where it is used.
        return

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            self.found.append((alias.name, alias.name))
            if module.partition(".")[0] == "transformers":
                self.found.append(("transformers", f"transformers.{alias.name}"))
            if module.endswith("stand_ins"):
                self.found.append((f"stand_ins.{alias.name}", alias.name))

    def visit_Call(self, node: ast.Call) -> None:
        func = node.func
        name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in ("isinstance", "issubclass"):
            for arg in node.args[:1]:
                self.visit(arg)
            return
        if name == "earlier_work":
            self.found += [(f"earlier_work.{text}", text) for text in texts]
        elif name in _BY_NAME and not (node.args and ast.unparse(node.args[0]) == "self"):
            self.found += [(text.rpartition(".")[2], text) for text in texts] or [(name, name)]
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            self.found.append((node.slice.value, node.slice.value))
        self.generic_visit(node)


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _uses(statement: ast.stmt, made_here: set[str]) -> list[tuple[str, str]]:
    visitor = _Uses(_globals(statement), made_here)
    visitor.visit(statement)
    return visitor.found

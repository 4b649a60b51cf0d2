"""Answers that hand the exercise on to a ready-made part: seen while they are called, and in their source.

The notebook says where a part is to be built by hand, and what it costs to call a ready one inside. Only the answer and
what it needs are looked at: whoever compares with torch elsewhere in the notebook loses nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from autograder.definitions import TOO_DEEP, Definitions, Statement

if TYPE_CHECKING:
    from autograder.hidden_tests.runner import TestResult


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
_OUT_OF_SIGHT = r"_?Disable\w*TorchFunction\w*|_pop_torch_function_stack|_remove_mode"


def is_watched(exercise: str) -> bool:
    """Whether calls to an exercise are watched for ready-made parts."""
    return exercise in BY_HAND and bool(BY_HAND[exercise].called)


@dataclass(frozen=True)
class Reading:
    """What the source of an answer says: the ready-made parts it uses, and ways to names that cannot be read."""

    parts: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def read(notebook: Definitions, exercise: str) -> Reading:
    """Look through the answer to an exercise and all that it needs of the notebook.

    Of an exercise that may be done with any part, only its own stand-in is looked for.
    """
    own = BY_HAND.get(exercise)
    parts, hidden = [], []
    for statement in notebook.needed(exercise):
        for use in _uses(statement):
            if use.name in (f"stand_ins.{exercise}", f"earlier_work.{exercise}"):
                parts.append(f"coursekit's {exercise}")
            # What a name of the notebook's own stands for is told by its definition, which is looked through as well.
            elif own is None or (use.bare and use.name in notebook.made_here):
                continue
            elif re.fullmatch(f"{own.words}|{_OUT_OF_SIGHT}", use.name):
                parts.append(use.shown)
            elif use.name in _HIDDEN:
                hidden.append(use.name)
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
    notebook = Definitions(sources)
    for exercise in dict.fromkeys(result.grade_id for result in results):
        reading = read(notebook, exercise)
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


@dataclass(frozen=True)
class _Use:
    """A name that a statement uses, the way it is written, and whether it stands by itself: not after a dot."""

    name: str
    shown: str
    bare: bool = False


class _Uses(ast.NodeVisitor):
    """Collects what a statement uses.

    taken   names that the statement takes from outside of it
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self.found: list[_Use] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id in self._taken:
            self.found.append(_Use(node.id, node.id, bare=True))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        shown = ast.unparse(node) if _is_dotted(node) else node.attr
        if node.attr not in _FUNCTIONS_ONLY and not self._is_own(node.value):
            self.found.append(_Use(node.attr, shown))
        if shown.partition(".")[0] == "transformers":
            self.found.append(_Use("transformers", shown))
        if shown.split(".")[-2:-1] == ["stand_ins"]:
            self.found.append(_Use(f"stand_ins.{node.attr}", shown))
        self.visit(node.value)

    def _is_own(self, owner: ast.expr) -> bool:
        """Whether it is the object whose method this is."""
        return isinstance(owner, ast.Name) and owner.id in ("self", "cls") and owner.id not in self._taken

    def visit_Import(self, node: ast.Import) -> None:
        # A module by itself does nothing; what is used of it stands where it is used.
        return

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            self.found.append(_Use(alias.name, alias.name))
            if module.partition(".")[0] == "transformers":
                self.found.append(_Use("transformers", f"transformers.{alias.name}"))
            if module.endswith("stand_ins"):
                self.found.append(_Use(f"stand_ins.{alias.name}", alias.name))

    def visit_Call(self, node: ast.Call) -> None:
        func = node.func
        name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in ("isinstance", "issubclass"):
            for arg in node.args[:1]:
                self.visit(arg)
            return
        if name == "earlier_work":
            self.found += [_Use(f"earlier_work.{text}", text) for text in texts]
        elif name in _BY_NAME and not (node.args and ast.unparse(node.args[0]) == "self"):
            self.found += [_Use(text.rpartition(".")[2], text) for text in texts] or [_Use(name, name)]
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            self.found.append(_Use(node.slice.value, node.slice.value))
        self.generic_visit(node)


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


# As long as a statement is remembered, what it uses is.
_known_uses: WeakKeyDictionary[Statement, list[_Use]] = WeakKeyDictionary()


def _uses(statement: Statement) -> list[_Use]:
    if statement not in _known_uses:
        _known_uses[statement] = _find_uses(statement)
    return _known_uses[statement]


def _find_uses(statement: Statement) -> list[_Use]:
    """What a statement uses; annotations and isinstance tests use nothing, where it can be walked through."""
    visitor = _Uses(statement.taken)
    try:
        visitor.visit(statement.node)
    except TOO_DEEP:
        return [
            _Use(node.attr, node.attr) if isinstance(node, ast.Attribute) else _Use(node.id, node.id, bare=True)
            for node in ast.walk(statement.node)
            if isinstance(node, ast.Attribute | ast.Name)
        ]
    return visitor.found

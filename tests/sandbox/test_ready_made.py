"""What is ready-made in torch, and what an interpreter without it has left: nothing that computes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from whole_course import COURSE, everything

from autograder.sandbox import Parts, Process, Worker
from autograder.sandbox.cut import cut_out, hidden_libraries, torch_folder

NOTHING = Parts(frozenset(), frozenset({"scaled_dot_product"}))
READY_MADE = COURSE.settings.ready_made
family_of = READY_MADE.family_of
HIDDEN = hidden_libraries(frozenset(READY_MADE.libraries), frozenset())
TORCH = torch_folder()
assert TORCH is not None

# Operators of torch 2.13 by family, as `family_of` sorts them: without overloads, private ones with those they serve.
OPERATORS = {
    "heads": """_native_multi_head_attention _transform_bias_rescale_qkv _triton_multi_head_attention""",
    "attention": """_cudnn_attention_backward _cudnn_attention_forward _efficient_attention_backward
        _efficient_attention_forward _flash_attention_backward _flash_attention_forward
        _flash_attention_forward_no_dropout_inplace _fused_sdp_choice _scaled_dot_product_attention_math
        _scaled_dot_product_attention_math_for_mps _scaled_dot_product_cudnn_attention
        _scaled_dot_product_cudnn_attention_backward _scaled_dot_product_efficient_attention
        _scaled_dot_product_efficient_attention_backward _scaled_dot_product_flash_attention
        _scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu
        _scaled_dot_product_flash_attention_for_cpu_backward _scaled_dot_product_fused_attention_overrideable
        _scaled_dot_product_fused_attention_overrideable_backward _triton_scaled_dot_attention
        scaled_dot_product_attention""",
    "blocks": """_transformer_encoder_layer_fwd""",
    "stacks": "",
    "cells": """_thnn_differentiable_gru_cell_backward _thnn_differentiable_lstm_cell_backward _thnn_fused_gru_cell
        _thnn_fused_gru_cell_backward _thnn_fused_lstm_cell _thnn_fused_lstm_cell_backward
        _thnn_fused_lstm_cell_backward_impl gru_cell lstm_cell make_quantized_cell_params
        make_quantized_cell_params_dynamic make_quantized_cell_params_fp16 quantized_gru_cell
        quantized_gru_cell_dynamic quantized_lstm_cell quantized_lstm_cell_dynamic quantized_rnn_relu_cell
        quantized_rnn_relu_cell_dynamic quantized_rnn_tanh_cell quantized_rnn_tanh_cell_dynamic rnn_relu_cell
        rnn_tanh_cell""",
    "recurrence": """_cudnn_rnn _cudnn_rnn_backward _cudnn_rnn_flatten_weight _lstm_mps _reorder_mkldnn_rnn_layer_weight
        _use_cudnn_rnn_flatten_weight gru lstm lstm_mps_backward miopen_rnn miopen_rnn_backward mkldnn_rnn_layer
        mkldnn_rnn_layer_backward quantized_gru quantized_lstm rnn_relu rnn_tanh""",
}

# Files of torch 2.13 with definitions that are called like a family and compute nothing of it: switches, shapes, costs,
# strategies for several devices, kernels for other devices, tools for quantization and export.
HARMLESS = {
    *("_dynamo", "_export", "_functorch", "_guards.py", "_inductor", "_library", "_meta_registrations.py"),
    *("_subclasses", "ao/ns", "ao/pruning", "ao/quantization", "backends", "compiler", "cuda", "distributed", "fx"),
    *("nested/_internal/nested_tensor.py", "nested/_internal/ops.py", "nn/attention", "nn/utils", "onnx/_internal"),
    *("onnx/ops/__init__.py", "overrides.py", "testing/_internal", "utils/flop_counter.py"),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(parts=NOTHING, contents=everything()) as worker:
        yield worker


@pytest.fixture(scope="module")
def process(worker: Worker) -> Iterator[Process]:
    process = worker.open(NOTHING)
    yield process
    process.close()


def said(process: Process, source: str) -> str:
    """What a cell prints or shows, or the error that ends it."""
    outputs, _, _ = process.run(source, 1, 60)
    return "".join(
        output.get("text") or output.get("evalue") or output["data"]["text/plain"] for output in outputs
    ).strip()


def test_each_family_takes_the_operators_that_were_reviewed() -> None:
    """A new torch has others: look at them, and let a family's words take those that hand an exercise on."""
    every = torch._C._dispatch_get_all_op_names()
    # torch.onnx adds some where another test has imported it; their file is cut.
    names = {full.split("::")[1].partition(".")[0] for full in every if not full.startswith("onnx::")}
    found = {family: sorted(name for name in names if family_of(name) == family) for family, _ in READY_MADE.families}
    assert found == {family: words.split() for family, words in OPERATORS.items()}


def test_operators_outside_the_dispatcher_are_none_of_a_family() -> None:
    dispatched = {full.partition(".")[0] for full in torch._C._dispatch_get_all_op_names()}
    scripted = {schema.name for schema in torch._C._jit_get_all_schemas()}
    assert [name for name in scripted - dispatched if family_of(name.split("::")[1])] == []


def test_every_module_of_torch_is_of_a_file_that_was_reviewed_or_is_cut() -> None:
    kinds = {name: kind for name, kind in vars(nn).items() if isinstance(kind, type) and issubclass(kind, nn.Module)}
    families = {name: family_of(name) for name in kinds if family_of(name)}
    assert families == {
        **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNBase"), "recurrence"),
        **dict.fromkeys(("RNNCell", "LSTMCell", "GRUCell", "RNNCellBase"), "cells"),
        **dict.fromkeys(("TransformerEncoderLayer", "TransformerDecoderLayer"), "blocks"),
        **dict.fromkeys(("Transformer", "TransformerEncoder", "TransformerDecoder"), "stacks"),
        "MultiheadAttention": "heads",
    }
    others = {kind.__module__.rpartition(".")[2] for name, kind in kinds.items() if name not in families}
    assert others <= {*READY_MADE.module_files} | {"data_parallel"}


def test_every_definition_of_torch_that_is_called_like_a_family_is_cut_emptied_or_reviewed() -> None:
    left = []
    for path in sorted(TORCH.rglob("*.py")):
        name = path.relative_to(TORCH).as_posix()
        if any(
            name == known or name.startswith(f"{known}/")
            for known in (*READY_MADE.files, *READY_MADE.emptied, *HARMLESS)
        ):
            continue
        found = re.findall(r"^(?:class|def|async def)\s+(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        left += [f"{name}: {one}" for one in found if family_of(one) and one != "_ExternNode"]
    assert left == []


@pytest.mark.parametrize("name", READY_MADE.files)
def test_nothing_of_a_family_is_left_in_a_file_that_is_cut(name: str) -> None:
    source = (TORCH / name).read_text(encoding="utf-8")
    cut = cut_out(source, lambda name: family_of(name) is not None and not name.endswith("HOP"), "torch's ")
    assert len(cut.splitlines()) == len(source.splitlines())
    for node in ast.parse(cut).body:
        if isinstance(node, ast.FunctionDef) and family_of(node.name):
            assert all(_does_nothing(part) for part in node.body), node.name
        if isinstance(node, ast.ClassDef) and family_of(node.name) and not node.name.endswith("HOP"):
            methods = [part for part in ast.walk(node) if isinstance(part, ast.FunctionDef)]
            left = [one.name for one in methods if not all(_does_nothing(part) for part in one.body)]
            assert set(left) <= {"__setstate__", "extra_repr", "__repr__", "__setattr__"}, node.name


def _does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Expr) or "autograder.sandbox.refusals" in ast.unparse(node)


def test_cutting_keeps_lines_and_what_is_not_cut() -> None:
    source = '''
import math

def keep(x):
    return x

@keep
def attention(
    x,
):
    """What it does
at the margin."""

    @keep
    def inner():
        return x
    return inner

def attention_in_a_line(x): return x

class Attention:
    """Words."""
    size = 3
    def forward(self):
        return 1
    def extra_repr(self): return "3"

attention_shown = str("""
def attention(): pass
""")
after = 1
'''
    cut = cut_out(source, lambda name: "attention" in name.lower(), "torch's ")
    refuse = '__import__("autograder.sandbox.refusals", fromlist=["refuse"]).refuse'
    assert len(cut.splitlines()) == len(source.splitlines())
    assert cut.count(refuse) == 3
    assert f'def attention_in_a_line(x): return {refuse}("torch\'s attention_in_a_line")' in cut
    names: dict[str, object] = {}
    exec(cut, names)
    assert names["after"] == 1
    assert names["attention_shown"] == ""
    assert names["Attention"].size == 3  # type: ignore[attr-defined]
    assert "return 1" not in cut
    assert "return inner" not in cut


# An interpreter is told the families, and cannot look them up.
FAMILY_OF = f"""
from autograder.sandbox.ready_made import ReadyMade
family_of = ReadyMade({READY_MADE.families!r}).family_of
"""

KERNELS = (
    FAMILY_OF
    + """
import torch
left = []
for full in torch._C._dispatch_get_all_op_names():
    if family_of(full.split("::")[1].partition(".")[0]):
        for line in torch._C._dispatch_dump_table(full).splitlines():
            key, _, kernel = line.partition(": ")
            # What casts for autocast calls the operator again.
            known = ("registered at /dev/null", "autocast_mode.cpp", "fallthrough", "[backend fallback]")
            if "kernel]" in kernel and not any(words in kernel for words in known):
                left.append((full, line))
print(len(left), left[:3])
"""
)


def test_no_dispatch_key_leads_to_a_kernel_of_a_family(process: Process) -> None:
    assert said(process, KERNELS) == "0 []"


MODULES = (
    FAMILY_OF
    + """
import gc, types, torch
from torch import nn
gc.unfreeze()
CUT = ("torch.nn.functional", "torch._decomp.decompositions", "torch._higher_order_ops.flex_attention")
kinds, waiting = set(), [nn.Module]
while waiting:
    kind = waiting.pop()
    waiting += [one for one in kind.__subclasses__() if one not in kinds]
    kinds.add(kind)
refuses = lambda function: "autograder.sandbox.refusals" in function.__code__.co_consts
left = []
for kind in kinds:
    if family_of(kind.__name__) and kind.__module__.startswith("torch."):
        for name in ("__init__", "forward"):
            own = vars(kind).get(name)
            if own is not None and hasattr(own, "__code__") and not refuses(own):
                left.append((kind, name))
functions = [
    one for one in gc.get_objects()
    if type(one) is types.FunctionType and one.__module__ in CUT and family_of(one.__name__) and not refuses(one)
]
print(left, functions, sum(1 for kind in kinds if family_of(kind.__name__)) > 20)
"""
)


def test_no_module_or_function_of_a_family_has_its_code(process: Process) -> None:
    assert said(process, MODULES) == "[] [] True"


def test_ordinary_modules_and_operations_work(process: Process) -> None:
    source = (
        "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
        "net = nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 4), nn.GELU(), nn.Dropout(),\n"
        "    nn.Flatten(), nn.Linear(12, 2))\n"
        "optimizer = torch.optim.Adam(net.parameters())\n"
        "loss = F.cross_entropy(net(torch.randint(5, (3, 3))), torch.tensor([0, 1, 1]))\n"
        "loss.backward()\noptimizer.step()\n"
        "conv = nn.Conv1d(2, 2, 3)(torch.ones(1, 2, 5)).softmax(-1) @ torch.ones(3)\n"
        "print(loss.shape, conv.shape)"
    )
    assert said(process, source) == "torch.Size([]) torch.Size([1, 2])"


@pytest.mark.parametrize("name", ["numpy", "pandas", "scipy.special", "matplotlib.pyplot", "sklearn.metrics"])
def test_libraries_of_numbers_are_there(process: Process, name: str) -> None:
    assert said(process, f"import {name} as library\nprint(len(dir(library)) > 5)") == "True"


@pytest.mark.parametrize("name", ["transformers", "tokenizers", "sentence_transformers", "nbgrader"])
def test_other_libraries_are_empty(process: Process, name: str) -> None:
    assert name in HIDDEN
    assert said(process, f"import {name}\nprint({name}.Something, list({name}.__path__))").endswith("[]")
    source = f"import os, sys\nprint([p for p in sys.path if os.path.exists(os.path.join(p, '{name}'))])"
    assert said(process, source) == "[]"


def test_a_library_that_an_instructor_allows_is_there() -> None:
    assert "toolz" in HIDDEN
    with Worker(parts=NOTHING, libraries=frozenset({"toolz"}), contents=everything()) as own:
        assert said(own.open(NOTHING), "import toolz, transformers\nprint(toolz.first([7]))") == "7"


def test_neither_source_nor_bytecode_is_on_the_disk(process: Process) -> None:
    source = (
        "import glob, os, torch\nfolder = os.path.dirname(torch.__file__)\n"
        "found = [open(path, errors='replace').read() for path in glob.glob(folder + '/nn/modules/transformer.py')]\n"
        "compiled = [open(path, 'rb').read() for path in glob.glob(folder + '/nn/modules/__pycache__/transformer.*')]\n"
        "print(['self.self_attn(' in text for text in found], set(compiled) <= {b''})"
    )
    assert said(process, source) == "[False] True"


@pytest.mark.parametrize("call", ["os.execv('/bin/true', ['true'])", "subprocess.run(['/bin/true'])"])
def test_no_other_program_can_be_started(worker: Worker, call: str) -> None:
    process = worker.open(NOTHING)
    assert "Operation not permitted" in said(process, f"import os, subprocess\n{call}")
    assert process.refused() == ["another program"]
    process.close()


def test_a_command_that_cannot_be_run_ends_no_cell(worker: Worker) -> None:
    process = worker.open(NOTHING)
    told = said(process, "!pip install einops\nlines = !ls\nprint(lines)")
    assert told.count("Operation not permitted") == 2
    assert told.endswith("[]")
    process.close()


def test_what_was_asked_for_is_told(worker: Worker) -> None:
    process = worker.open(NOTHING)
    source = "from transformers import BertModel\nmodel = BertModel.from_pretrained('x')\nfor _ in model(3):\n    pass"
    assert said(process, source).startswith("transformers.BertModel.from_pretrained is not here")
    assert process.refused() == ["transformers.BertModel.from_pretrained"]
    assert process.refused() == []
    process.close()


def test_statements_behind_a_refusal_are_run(worker: Worker) -> None:
    process = worker.open(NOTHING)
    said(process, "import torch\nlayer = torch.nn.RNN(2, 3)\ndef f():\n    return 1\nlayer.x\ng = f() + 1")
    said(process, "%matplotlib inline\nlayer.x\nh = g + 1")
    assert said(process, "print(f(), g, h)") == "1 2 3"
    process.close()


def test_statements_behind_any_other_error_are_not_run(worker: Worker) -> None:
    process = worker.open(NOTHING)
    said(process, "a = 1\n1 / 0\nb = 2")
    assert "'b' is not defined" in said(process, "b")
    process.close()


def test_interpreters_that_are_not_wanted_any_more_end(worker: Worker) -> None:
    with Worker(contents=everything()) as own:
        for families in ((), ("cells",), ("attention",)):
            own.open(Parts(frozenset(families))).close()
        assert len(own.interpreters) == 3
        assert said(own.open(), "import torch\nprint(torch.nn.RNN(1, 1))") == "RNN(1, 1)"


def test_parts_cross_as_text() -> None:
    for parts in (Parts(), NOTHING, Parts(None, frozenset({"a"})), Parts(frozenset({"heads"}))):
        assert Parts.from_json(parts.to_json()) == parts


def test_paths_are_of_this_torch() -> None:
    assert Path(torch.__file__).parent.resolve() == TORCH.resolve()

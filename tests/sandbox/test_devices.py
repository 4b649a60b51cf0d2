"""Answers that name a GPU: done on the CPU where there is none, told once, and nobody else is slowed down."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest
import torch
from whole_course import ROOT, STAGES

from autograder.sandbox import Process, Worker
from autograder.sandbox.device_names import is_named_in

if torch.cuda.is_available():
    pytest.skip("this machine has the device that is missed here", allow_module_level=True)

# What a student may write, and what it gives.
CELLS = {
    "torch.ones(2).cuda().device.type": "'cpu'",
    "torch.ones(2).cuda(0, non_blocking=True).sum().item()": "2.0",
    "torch.ones(2).to('cuda').sum().item()": "2.0",
    "torch.ones(2).to(0).sum().item()": "2.0",
    "torch.ones(2).to(torch.device('cuda:0'), torch.float64).dtype": "torch.float64",
    "torch.ones(2).to(device='cuda', dtype=torch.float64).dtype": "torch.float64",
    "torch.ones(2).to('mps').sum().item()": "2.0",
    "torch.zeros(2, device='mps').sum().item()": "0.0",
    "torch.zeros(2, device=0).sum().item() if 'cuda' else None": "0.0",
    "torch.tensor([1.0, 2.0], device='cuda').sum().item()": "3.0",
    "torch.arange(3, device=torch.device('cuda')).sum().item()": "3",
    "torch.zeros_like(torch.ones(2), device='cuda').sum().item()": "0.0",
    "torch.ones(2).new_full((2,), 3.0, device='cuda').sum().item()": "6.0",
    "torch.randn(2, generator=torch.Generator(device='cuda').manual_seed(1), device='cuda').shape": "torch.Size([2])",
    "isinstance(torch.Generator('cuda'), torch.Generator) and isinstance(torch.default_generator, torch.Generator)": (
        "True"
    ),
    "torch.nn.Linear(2, 2).cuda()(torch.ones(2).cuda()).shape": "torch.Size([2])",
    "torch.nn.Linear(2, 2).to('mps').weight.device.type": "'cpu'",
    "torch.nn.Linear(2, 2, device='cuda').weight.device.type": "'cpu'",
    "torch.nn.MultiheadAttention(4, 2).to('cuda')(*[torch.ones(3, 1, 4, device='cuda')] * 3)[0].shape": (
        "torch.Size([3, 1, 4])"
    ),
    "torch.set_default_device('cuda')\n(torch.ones(2) + torch.rand(2).cuda()).shape": "torch.Size([2])",
    "with torch.device('cuda'):\n    x = torch.ones(2)\nx.device.type": "'cpu'",
    "with torch.autocast('cuda'):\n    y = torch.ones(2, 2, device='cuda') @ torch.ones(2, 2).cuda()\ny.dtype": (
        "torch.float32"
    ),
    "torch.ones(2).pin_memory().sum().item()": "2.0",
    "torch.zeros(2, pin_memory=True).sum().item()": "0.0",
    "torch.cuda.FloatTensor(2).shape": "torch.Size([2])",
    "torch.ones(2).type('torch.cuda.DoubleTensor').dtype": "torch.float64",
    "torch.cuda.synchronize()\ntorch.cuda.empty_cache()\ntorch.cuda.reset_peak_memory_stats()\n"
    "torch.cuda.max_memory_allocated()": "0",
    "torch.mps.synchronize()\ntorch.mps.current_allocated_memory()": "0",
    "torch.cuda.set_device(0)\ntorch.cuda.get_device_name(torch.cuda.current_device())": "'CPU'",
    "start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))\nstart.record()\nend.record()\n"
    "start.elapsed_time(end) >= 0": "True",
    "with torch.cuda.device(0), torch.cuda.stream(torch.cuda.Stream()):\n    pass\ntorch.cuda.is_available()": "False",
    "torch.cuda.manual_seed_all(3)\ntorch.manual_seed(3)\ntorch.rand(1).cuda().shape": "torch.Size([1])",
    "torch.save(torch.ones(2), 'x.pt')\ntorch.load('x.pt', map_location='cuda').sum().item()": "2.0",
}


@pytest.fixture
def process(worker: Worker) -> Iterator[Process]:
    opened = worker.open()
    opened.run("import torch", 1, 5)
    yield opened
    opened.close()


@pytest.mark.parametrize("source", CELLS)
def test_what_asks_for_a_missing_device_gets_the_cpu(process: Process, source: str) -> None:
    outputs, succeeded, _ = process.run(source, 2, 5)
    assert succeeded, outputs[-1]
    assert outputs[-1]["data"]["text/plain"] == CELLS[source]


def test_the_device_is_told_by_its_name(process: Process) -> None:
    process.run("def move(x):\n    return x.cuda()\nmove(torch.ones(2))\nmove(torch.ones(2)).to('mps')", 2, 5)
    told = process.attempts()
    assert [attempt.partition(",")[0] for attempt in told] == [
        "asked for the device cuda",
        "asked for the device mps",
    ]
    assert all(attempt.endswith("it ran on the CPU, and that costs no points") for attempt in told)
    process.run("torch.zeros(2).pin_memory()", 3, 5)
    assert process.attempts()[0].startswith("asked for pinned memory for a GPU")


@pytest.mark.parametrize(
    "source",
    [
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\ntorch.ones(2).to(device)",
        "torch.manual_seed(1)\ntorch.cuda.manual_seed_all(1)",
        "device = torch.device('cpu')\nx = torch.ones(2, device=device)\nx.is_cuda, x.device.type == 'cuda'",
        "torch.empty(2, device='meta')",
    ],
)
def test_whoever_gets_on_without_the_device_is_told_nothing(process: Process, source: str) -> None:
    _, succeeded, _ = process.run(source, 2, 5)
    assert succeeded
    assert process.attempts() == []
    assert not is_named_in(source)


def test_another_device_stays_what_it_is(process: Process) -> None:
    source = "torch.ones(1).cuda()\ntorch.empty(2, device='meta').device.type, torch.ones(1).to('cpu').device.type"
    outputs, _, _ = process.run(source, 2, 5)
    assert outputs[-1]["data"]["text/plain"] == "('meta', 'cpu')"
    _, succeeded, _ = process.run("torch.zeros(2, device='tpu')", 3, 5)
    assert not succeeded


@pytest.mark.parametrize("folder", ["course", "solutions"])
@pytest.mark.parametrize("stage", STAGES)
def test_the_courses_own_cells_need_no_looking_after(stage: str, folder: str) -> None:
    notebook = nbformat.read(ROOT / folder / stage / f"{stage}.ipynb", as_version=4)
    assert not any(is_named_in(cell.source) for cell in notebook.cells if cell.cell_type == "code")

"""The stand-ins for earlier work are right answers: they keep all points of the exercises that they stand in for."""

from __future__ import annotations

import pytest
import torch
from whole_course import LocalSubmission, stage_module

from autograder.hidden_tests import Told
from autograder.remote import StudentError
from coursekit import stand_ins
from coursekit.earlier import STAGES

SEEDS = range(10)


@pytest.mark.parametrize("name", STAGES)
def test_a_stand_in_keeps_all_points(name: str) -> None:
    module = stage_module(STAGES[name], "hidden_tests")
    tests = [value for key, value in vars(module).items() if key.startswith("test_")]
    own = [test for test in tests if test.pytestmark[0].args[0] == name]
    assert own
    for seed in SEEDS:
        submission = LocalSubmission({name: getattr(stand_ins, name)}, seed)
        for test in own:
            try:
                test(submission, torch.Generator().manual_seed(seed))
            except (Told, StudentError) as error:
                pytest.fail(f"{test.__name__}, seed {seed}: {error}")

"""4.3 Right and wrong answers to equivariance_gap."""

# mypy: disallow-untyped-defs=False, disable-error-code="no-untyped-call"
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import alternative, edited, reference

VALUE = "test_gap_is_the_largest_difference"
ORDER = "test_outputs_are_permuted_as_the_tokens_are"
EVAL = "test_gap_is_measured_without_dropout"


@reference("equivariance_gap")
def permute_after_and_before(module, x, perm):
    module.eval()
    with torch.no_grad():
        after = module(x)[:, perm]
        before = module(x[:, perm])
    return (after - before).abs().max().item()


@alternative("equivariance_gap")
def undo_the_permutation(module, x, perm):
    module.eval()
    back = torch.argsort(perm)
    return torch.max(torch.abs(module(x[:, perm])[:, back] - module(x))).detach()


@alternative("equivariance_gap")
def by_a_matrix(module, x, perm):
    was_training = module.training
    module.train(False)
    matrix = torch.eye(len(perm), dtype=x.dtype)[perm]
    with torch.no_grad():
        gap = (matrix @ module(x) - module(matrix @ x)).abs().amax()
    module.train(was_training)
    return float(gap)


@alternative("equivariance_gap")
def token_by_token(module, x, perm):
    module = module.eval()
    straight, mixed = module(x.clone()), module(x.index_select(1, perm))
    gaps = [(mixed[:, place] - straight[:, origin]).abs().max().item() for place, origin in enumerate(perm.tolist())]
    return max(gaps)


edited(
    "equivariance_gap",
    "forgets_to_permute_the_outputs",
    "The outputs are compared place by place, though the tokens have moved. Where is each token's output now?",
    [("module(x)[:, perm]", "module(x)")],
    caught_by=ORDER,
)
edited(
    "equivariance_gap",
    "permutes_back_and_forth",
    "The outputs are moved by the opposite permutation. Try one that is not its own opposite, and follow a token.",
    [("module(x)[:, perm]", "module(x)[:, perm.argsort()]")],
    caught_by=ORDER,
)
edited(
    "equivariance_gap",
    "same_input_twice",
    "Both outputs come from the same tokens in the same order, so the difference says nothing.",
    [("module(x[:, perm])", "module(x)[:, perm]")],
    caught_by=VALUE,
)
edited(
    "equivariance_gap",
    "permutes_features",
    "The features of each token are shuffled, and not the tokens. Which dimension is the sequence?",
    [("module(x)[:, perm]", "module(x)[..., perm]"), ("module(x[:, perm])", "module(x[..., perm])")],
    caught_by=VALUE,
)
edited(
    "equivariance_gap",
    "mean_difference",
    "What comes back is the mean difference. One token that is far off would hardly be seen.",
    [(".max()", ".mean()")],
    caught_by=VALUE,
)
edited(
    "equivariance_gap",
    "without_the_sign",
    "The differences keep their signs, so an output that is far too small counts for nothing.",
    [(".abs()", "")],
    caught_by=VALUE,
)
edited(
    "equivariance_gap",
    "training_mode",
    "The module stays in training mode, so its dropout falls differently in the two calls.",
    [("    module.eval()\n", "")],
    caught_by=EVAL,
)

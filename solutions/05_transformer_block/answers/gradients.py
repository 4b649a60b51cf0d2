"""5.3a Answers to gradient_norms."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch

from autograder.answers import alternative, edited, misconception, reference

NORMS = "gradient_norms"
SHAPE = "test_each_block_has_the_norm_of_all_its_gradients"
SIZE = "test_the_loss_is_the_mean_of_the_first_feature"
FRESH = "test_old_gradients_do_not_count"


@reference("gradient_norms")
def norms_after_backward(blocks, x):
    blocks.zero_grad()
    embedding, _ = blocks((x, None))
    embedding[..., 0].mean().backward()
    return [math.sqrt(sum(p.grad.square().sum().item() for p in block.parameters())) for block in blocks]


@alternative("gradient_norms")
def norms_from_autograd(blocks, x):
    state = (x, None)
    for block in blocks:
        state = block(state)
    loss = state[0][:, :, 0].mean()
    norms = []
    for block in blocks:
        gradients = torch.autograd.grad(loss, list(block.parameters()), retain_graph=True)
        norms.append(torch.cat([gradient.flatten() for gradient in gradients]).norm().item())
    return norms


@alternative("gradient_norms")
def norms_of_norms(blocks, x):
    for parameter in blocks.parameters():
        parameter.grad = None
    output = blocks((x, None))[0]
    output.select(-1, 0).mean().backward()
    result = []
    for block in blocks:
        parts = torch.stack([parameter.grad.norm() for parameter in block.parameters()])
        result.append(float(torch.linalg.vector_norm(parts)))
    return result


@alternative("gradient_norms")
def norms_by_clipping_nothing(blocks, x):
    torch.optim.SGD(blocks.parameters(), lr=0.1).zero_grad()
    (output, _mask) = blocks((x, None))
    torch.mean(output[:, :, 0]).backward()
    return [torch.nn.utils.clip_grad_norm_(block.parameters(), math.inf).item() for block in blocks]


edited(
    NORMS,
    "old_gradients_stay",
    "The gradients of the call before are still there, and the new ones are added to them. What comes before a "
    "backward pass in every training loop?",
    [("    blocks.zero_grad()\n", "")],
    caught_by=FRESH,
)
edited(
    NORMS,
    "no_root",
    "These are squared norms. What is left to do after the squares are summed?",
    [
        (
            "math.sqrt(sum(p.grad.square().sum().item() for p in block.parameters()))",
            "sum(p.grad.square().sum().item() for p in block.parameters())",
        )
    ],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "norms_added_up",
    "The norms of a block's parameters are added. Taken together as one long vector, what is their norm?",
    [
        (
            "math.sqrt(sum(p.grad.square().sum().item() for p in block.parameters()))",
            "sum(p.grad.norm().item() for p in block.parameters())",
        )
    ],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "first_parameter_only",
    "Only the first parameter of each block is looked at. Which others does a block learn?",
    [
        (
            "math.sqrt(sum(p.grad.square().sum().item() for p in block.parameters()))",
            "next(block.parameters()).grad.norm().item()",
        )
    ],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "matrices_only",
    "Only the matrices of each block are looked at. Which other parameters does it learn?",
    [("for p in block.parameters()))", "for p in block.parameters() if p.ndim > 1))")],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "mean_size_of_an_entry",
    "These are mean sizes of a single entry, so a parameter with many entries counts no more than one with few. What "
    "is the norm of a vector?",
    [
        (
            "math.sqrt(sum(p.grad.square().sum().item() for p in block.parameters()))",
            "sum(p.grad.abs().mean().item() for p in block.parameters())",
        )
    ],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "norms_of_the_weights",
    "These are the norms of the parameters themselves, and not of their gradients. What does a backward pass fill in?",
    [("p.grad.square()", "p.square()")],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "last_block_first",
    "The last block comes first. In which order should the norms come back?",
    [("for block in blocks]", "for block in reversed(blocks)]")],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "sum_over_tokens",
    "The loss is a sum over all tokens, so it grows with the batch. What does the docstring take of the first feature?",
    [("embedding[..., 0].mean()", "embedding[..., 0].sum()")],
    caught_by=SIZE,
)
edited(
    NORMS,
    "first_token_for_first_feature",
    "The loss is taken from the first token of each review. Which axis holds the features?",
    [("embedding[..., 0].mean()", "embedding[:, 0].mean()")],
    caught_by=SHAPE,
)
edited(
    NORMS,
    "mean_of_everything",
    "The loss is the mean over all features, which a normalisation at the end keeps at zero whatever the blocks do. "
    "Which feature should be read?",
    [("embedding[..., 0].mean()", "embedding.mean()")],
    caught_by=SHAPE,
)


@misconception(
    NORMS,
    "These are the gradients at what the blocks put out, and not those of their parameters. What does an optimizer "
    "change?",
    caught_by=SHAPE,
)
def norms_at_the_outputs(blocks, x):
    state, outputs = (x, None), []
    for block in blocks:
        state = block(state)
        outputs.append(state[0])
    gradients = torch.autograd.grad(state[0][..., 0].mean(), outputs)
    return [gradient.norm().item() for gradient in gradients]

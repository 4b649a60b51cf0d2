"""Hidden tests of stage 03. All sizes within a test differ, so that a swapped axis shows.

Where a test can compare a submission with itself it does, so that one mistake is paid for once: a wrong scale costs
the points of the scale, and not those of the mask or the dropout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.hidden_tests import expect, points
from autograder.remote import CallRaised, Submission
from solutions.reading import (
    apart,
    draw,
    expect_float64,
    in_float64,
    named,
    number,
    numbers,
    padding,
    recorded,
    same_as_before,
    tensor,
)


def heads(rng: torch.Generator, batch: int, n_heads: int, seq: int, d_k: int, d_v: int) -> tuple[Tensor, ...]:
    """Queries, keys and values."""
    return tuple(draw(rng, batch, n_heads, seq, width) for width in (d_k, d_k, d_v))


# ----------------------------------------------------------------------------------------------------------------
# 3.1 scaled_dot_product


def attend(
    submission: Submission, q: Tensor, k: Tensor, v: Tensor, rate: float, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Values and attention as float64. Exchanged results are put right: only the test of shapes takes points for it."""
    return values_and_attention(submission.scaled_dot_product(q, k, v, rate, mask), q, k, v)


def values_and_attention(returned: Any, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """The same of what a call has returned."""
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    expect(pair, f"scaled_dot_product should return two tensors, values and attention, but returned {named(returned)}.")
    values, attention = returned
    square = (*q.shape[:3], k.shape[2])
    if isinstance(values, Tensor) and tuple(values.shape) == square != tuple(v.shape):
        values, attention = attention, values
    return tensor(values, v.shape, "The tensor of values"), tensor(attention, square, "The attention")


def softmax_axis(attention: Tensor) -> int | None:
    """The axis along which the weights sum to one, if there is one."""
    for axis in (-1, -2, 1, 0):
        if (attention.sum(axis) - 1).abs().max() < 1e-5:
            return axis
    return None


def values_then_attention(returned: Any) -> Iterator[tuple[Tensor, str]]:
    """Both, of 2 reviews with 3 heads, 5 tokens and d_v = 7, with what each is called."""
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    expect(pair, f"Two tensors should come back, values and attention, but it was {named(returned)}.")
    shapes = [tuple(part.shape) if isinstance(part, Tensor) else None for part in returned]
    expected = [(2, 3, 5, 7), (2, 3, 5, 5)]
    expect(shapes != expected[::-1], "The attention comes back first and the values second; they are exchanged.")
    for part, shape, what in zip(returned, expected, ("The values", "The attention"), strict=True):
        tensor(part, shape, what)
        yield part, what


@points("scaled_dot_product", 0.25)
def test_values_and_attention_have_the_right_shapes(submission: Submission, rng: torch.Generator) -> None:
    """Values first, then the attention of every head."""
    q, k, v = heads(rng, 2, 3, 5, 4, 7)
    list(values_then_attention(submission.scaled_dot_product(q, k, v, 0.0, None)))


@points("scaled_dot_product", 0.25)
def test_values_and_attention_have_the_dtype_of_the_inputs(submission: Submission, rng: torch.Generator) -> None:
    """float64 in, float64 out. No other test minds."""
    q, k, v = heads(rng, 2, 3, 5, 4, 7)
    for part, what in values_then_attention(in_float64(submission, "scaled_dot_product", q, k, v, 0.0, None)):
        expect_float64(part, what)


@points("scaled_dot_product", 0.75)
def test_weights_of_each_query_sum_to_one(submission: Submission, rng: torch.Generator) -> None:
    """Weights are shares: none below zero, and each query's sum to one over the keys."""
    q, k, v = heads(rng, 4, 3, 6, 5, 2)
    _, attention = attend(submission, q, k, v, 0.0, None)
    expect(attention.min() >= 0, f"A weight is {attention.min():.2f}, but shares cannot be below zero.")
    instead = {-2: "over the queries", 1: "over the heads", 0: "over the reviews of the batch"}
    axis = softmax_axis(attention)
    if axis != -1:
        sums = attention.sum(-1)
        seen = f" They do {instead[axis]}: check the axis of the softmax." if axis is not None else ""
        expect(
            False,
            f"The weights of a query sum to {sums.min():.2f} up to {sums.max():.2f}, and not to 1 over the keys.{seen}",
        )


@points("scaled_dot_product", 0.75)
def test_weights_follow_the_scaled_products(submission: Submission, rng: torch.Generator) -> None:
    """The logarithm of the weights is q·k/√d_k, but for what the softmax takes off along its axis, whichever it is."""
    inputs = [heads(rng, 2, 3, 5, 7, 4), heads(rng, 3, 2, 4, 11, 6)]
    calls = [(*some, 0.0, None) for some in inputs]
    for (q, k, v), returned in zip(inputs, submission.each("scaled_dot_product", *calls), strict=True):
        d_k = q.shape[-1]
        _, attention = values_and_attention(returned, q, k, v)
        expect(attention.min() > 0, "Without a mask and at rate 0 every weight is above zero, but some are not.")
        axis = softmax_axis(attention)
        axis = -1 if axis is None else axis
        logs, scores = attention.log(), q @ k.mT
        logs, scores = logs - logs.mean(axis, keepdim=True), scores - scores.mean(axis, keepdim=True)
        slope = ((logs * scores).sum() / scores.square().sum()).item()
        expect(
            (logs - slope * scores).abs().max() < 1e-3 * logs.abs().max(),
            "The weights do not grow with the exponential of the products q·k of the same review and head.",
        )
        expect(
            abs(slope * math.sqrt(d_k) - 1) < 1e-4,
            f"With d_k = {d_k} the products seem to be divided by {1 / slope:.2f}; it should be √{d_k} = "
            f"{math.sqrt(d_k):.2f}.",
        )


@points("scaled_dot_product", 0.5)
def test_values_are_mixed_by_the_weights(submission: Submission, rng: torch.Generator) -> None:
    """Whatever the weights are, they are what multiplies the values."""
    q, k, v = heads(rng, 3, 2, 7, 4, 5)
    values, attention = attend(submission, q, k, v, 0.0, None)
    expect(attention.abs().max() > 1e-6, "All weights are zero: nothing is mixed.")
    off = apart(values, attention @ v)
    expect(
        off < 1e-5, f"The values are not the mean of v under the attention that comes back with them: {off:.2g} apart."
    )


@points("scaled_dot_product", 1)
def test_padded_tokens_get_no_attention(submission: Submission, rng: torch.Generator) -> None:
    """Padding gets no weight, the rest keep theirs in proportion, and what stands behind padding changes nothing."""
    q, k, v = heads(rng, 3, 2, 7, 4, 5)
    mask = padding(rng, 3, 7)
    padded, real = mask.bool(), mask == 0
    _, free = attend(submission, q, k, v, 0.0, None)
    values, attention = attend(submission, q, k, v, 0.0, mask)
    for i in range(3):
        leak = attention[i][..., padded[i]].abs().sum(-1).max().item()
        expect(
            leak < 1e-6, f"A padded token still receives attention: up to {leak:.0%} of a query's in review {i + 1}."
        )
        own = free[i][..., real[i]]
        kept, due = attention[i][:, real[i]][..., real[i]], (own / own.sum(-1, keepdim=True))[:, real[i]]
        low, high = kept.sum(-1).min().item(), kept.sum(-1).max().item()
        expect(
            max(1 - low, high - 1) < 1e-5,
            f"In review {i + 1} padding gets nothing, but the real tokens do not share its part: a query's weights sum "
            f"to {low:.2f} up to {high:.2f}.",
        )
        expect(
            apart(kept, due) < 1e-5,
            f"In review {i + 1} the mask changes more than it should: real tokens no longer have the shares among "
            "themselves that they had without a mask.",
        )
    # Behind the padding now stand keys whose score for some real query is 300, which only −∞ or a number as good
    # can hide. Padded queries are 0 here: theirs could be any size, and what they get is not looked at.
    seen, behind = real[:, None, :, None], padded[:, None, :, None]
    loud = F.normalize((q * seen).sum(2, keepdim=True), dim=-1)
    loud = loud * 300 * math.sqrt(4) / ((q * seen) @ loud.mT).amax(2, keepdim=True)
    others, _ = attend(submission, q * seen, torch.where(behind, loud, k), torch.where(behind, v + 3, v), 0.0, mask)
    off = apart(values * seen, others * seen)
    expect(
        off < 1e-6, f"When only what stands behind the padding changes, the values of real tokens change by {off:.2g}."
    )


@points("scaled_dot_product", 0.5)
def test_a_mask_may_hold_booleans_or_numbers(submission: Submission, rng: torch.Generator) -> None:
    """The same mask as bool, int64 and float32 hides the same tokens."""
    q, k, v = heads(rng, 2, 3, 6, 5, 4)
    mask = padding(rng, 2, 6)
    reached = []
    for given in (mask.bool(), mask, mask.float()):
        _, attention = attend(submission, q, k, v, 0.0, given)
        reached.append(attention.abs().amax((1, 2)) > 1e-6)
    expect(reached[0].any(), "No token gets any attention at all.")
    for kind, seen in (("integers", reached[1]), ("floating-point numbers", reached[2])):
        expect(seen.equal(reached[0]), f"A mask of booleans hides other tokens than the same mask of {kind}.")


@points("scaled_dot_product", 1)
def test_dropout_falls_on_the_weights(submission: Submission, rng: torch.Generator) -> None:
    """Each weight is dropped on its own with the rate's probability, the others grow by 1/(1 − rate).

    v has more columns than rows, so the weights that mixed it can be read off the values. Of n weights the number
    dropped is binomial: its share is within 5·√(rate·(1 − rate)/n) of the rate but once in 1.7 million.
    """
    batch, n_heads, seq = 2, 3, 24
    q, k, v = heads(rng, batch, n_heads, seq, 5, 29)
    q, k = q / 2, k / 2
    rate = round(0.2 + 0.15 * torch.rand((), generator=rng).item(), 3)
    _, plain = attend(submission, q, k, v, 0.0, None)
    expect(
        (plain.abs() > 1e-9).all(), f"At rate 0 nothing is dropped, but {(plain.abs() <= 1e-9).double().mean():.0%} is."
    )
    solve = torch.linalg.pinv(v)
    dropped = []
    for returned in submission.each("scaled_dot_product", *[(q, k, v, rate, None)] * 2):
        values, attention = values_and_attention(returned, q, k, v)
        used = values @ solve
        growth = used / plain
        gone = growth.abs() < 0.02
        share, bound = gone.double().mean().item(), 5 * math.sqrt(rate * (1 - rate) / gone.numel())
        expect(
            abs(share - rate) < bound,
            f"At rate {rate:.2f} a share of {share:.3f} of the weights is dropped before the values are mixed.",
        )
        expect(
            ((growth * (1 - rate) - 1).abs() < 0.02)[~gone].all(),
            f"At rate {rate:.2f} the weights that stay should all grow by the factor {1 / (1 - rate):.2f}; they grow "
            f"by {growth[~gone].min():.2f} up to {growth[~gone].max():.2f}.",
        )
        expect(
            apart(attention, used) < 1e-4,
            "With dropout, the attention that comes back is not the one that mixed the values.",
        )
        dropped.append(gone)
    gone = dropped[0]
    for axis, what in ((-2, "all queries lose the same keys"), (-1, "queries lose all keys or none")):
        alike = (gone.all(axis) | ~gone.any(axis)).double().mean()
        expect(alike < 0.5, f"The weights are not dropped each on its own: {what}.")
    expect(not gone.equal(dropped[1]), "Two calls drop exactly the same weights, as if the dice were reset each time.")


@points("scaled_dot_product", 0.5)
def test_inputs_stay_as_they_were(submission: Submission, rng: torch.Generator) -> None:
    """The caller's tensors are the caller's."""
    q, k, v = heads(rng, 3, 2, 6, 5, 4)
    mask = padding(rng, 3, 6)
    for given in ([q, k, v, 0.0, None], [q, k, v, 0.0, mask]):
        try:
            seen = submission.scenario("with_inputs", "scaled_dot_product", *given)
        except CallRaised:
            if given[-1] is None:
                raise
            return  # a mask that fails costs points where masks are tested
        after = recorded(seen, inputs=list)["inputs"]
        result = seen.get("result")
        some = isinstance(result, tuple | list) and any(isinstance(part, Tensor) for part in result)
        expect(some, f"No tensors came back, so there is nothing that could have spoiled the inputs: {named(result)}.")
        expect(len(after) == len(given), "What was recorded of this call did not come back whole.")
        for name, before, now in zip(("q", "k", "v", "", "mask"), given, after, strict=True):
            if isinstance(before, Tensor):
                expect(
                    same_as_before(before, now),
                    f"After the call the caller's `{name}` is not what it was: some step writes into it.",
                )


@points("scaled_dot_product", 0.5)
def test_gradients_reach_queries_keys_and_values(submission: Submission, rng: torch.Generator) -> None:
    """All three are outputs of layers that learn."""
    q, k, v = heads(rng, 2, 3, 5, 4, 6)
    seen = submission.scenario("gradients", "scaled_dot_product", [q, k, v], draw(rng, *v.shape), 0.0, None)
    seen = recorded(seen, result_found=bool, gradients=list)
    expect(seen["result_found"], f"No result had the shape of the values, {tuple(v.shape)}.")
    expect(len(seen["gradients"]) == 3, "What was recorded of this call did not come back whole.")
    for name, before, gradient in zip(("queries", "keys", "values"), (q, k, v), seen["gradients"], strict=True):
        arrived = gradient is not None and tensor(gradient, before.shape, f"The gradient of the {name}").any()
        expect(arrived, f"No gradient reaches the {name}, so the layer behind them cannot learn.")


# ----------------------------------------------------------------------------------------------------------------
# 3.3 norms, self_attention, mean_of_two


def norms_of_some(submission: Submission, rng: torch.Generator) -> list[tuple[float, object]]:
    """Three β, one below 1, where β² < β, and two above; with what norms returns for each."""
    low, middle, high = torch.rand(3, generator=rng, dtype=torch.float64).tolist()
    betas = [0.3 + 0.4 * low, 3 + 4 * middle, 30 + 40 * high]
    return list(zip(betas, submission.each("norms", *[(beta,) for beta in betas]), strict=True))


@points("norms", 0.5)
def test_a_single_vector_keeps_its_norm(submission: Submission, rng: torch.Generator) -> None:
    """|x₂| is β."""
    for beta, returned in norms_of_some(submission, rng):
        _, single, _ = numbers(returned, 3, "the norms")
        off = abs(single / beta - 1)
        expect(off < 1e-5, f"For β = {beta:.2f} the norm of x₂ = a came out as {single:.2f}; a has the length β.")


@points("norms", 0.5)
def test_a_sum_of_two_orthogonal_vectors_is_longer(submission: Submission, rng: torch.Generator) -> None:
    """|x₁| and |x₃| are √2·β."""
    for beta, returned in norms_of_some(submission, rng):
        first, _, third = numbers(returned, 3, "the norms")
        for name, seen in (("x₁ = d + b", first), ("x₃ = c + b", third)):
            expect(
                abs(seen / (math.sqrt(2) * beta) - 1) < 1e-5,
                f"For β = {beta:.2f} the norm of {name} came out as {seen:.2f}; think of the diagonal of a square.",
            )


@points("self_attention", 0.25)
def test_each_output_is_a_softmax_mix_of_the_tokens(submission: Submission, rng: torch.Generator) -> None:
    """softmax(x xᵀ) x, unscaled, with as many tokens as features or not."""
    inputs = [draw(rng, 5, 3), draw(rng, 4, 7)]
    for x, returned in zip(inputs, submission.each("self_attention", *[(x,) for x in inputs]), strict=True):
        y = tensor(returned, x.shape, "The output")
        off = apart(y, F.softmax(x @ x.T, dim=-1) @ x)
        expect(off < 1e-5, f"The outputs are not softmax(x xᵀ) x: they are {off:.2g} apart for {len(x)} tokens.")


@points("self_attention", 0.25)
def test_outputs_have_the_dtype_of_the_tokens(submission: Submission, rng: torch.Generator) -> None:
    """float64 in, and the same mix in float64 out."""
    x = draw(rng, 6, 4)
    returned = in_float64(submission, "self_attention", x)
    off = apart(tensor(returned, x.shape, "The output"), F.softmax(x @ x.T, dim=-1) @ x)
    expect(off < 1e-5, f"In float64 the outputs are {off:.2g} away from softmax(x xᵀ) x, whatever their dtype.")
    expect_float64(returned, "The output")


@points("self_attention", 0.5)
def test_long_tokens_copy_themselves(submission: Submission, rng: torch.Generator) -> None:
    """The tokens d + b, a, c + b with orthogonal a, b, c, d, turned at random, of length β."""
    betas, inputs = (20.0, 300.0), []
    for beta in betas:
        turn, _ = torch.linalg.qr(draw(rng, 6, 6))
        a, b, c, d = beta * turn[:4]
        inputs.append(torch.stack([d + b, a, c + b]))
    outputs = submission.each("self_attention", *[(x,) for x in inputs])
    for beta, x, returned in zip(betas, inputs, outputs, strict=True):
        y = tensor(returned, x.shape, f"The output for β = {beta:.0f}")
        off = ((y - x).norm(dim=-1) / beta).max().item()
        expect(off < 1e-3, f"With β = {beta:.0f} each token should copy itself, but one is {off:.2g}·β away.")


def three_tokens(submission: Submission, betas: tuple[float, ...]) -> Iterator[tuple[float, Tensor]]:
    """Each β with what mean_of_two returns for it, (3, d)."""
    for beta, returned in zip(betas, submission.each("mean_of_two", *[(beta,) for beta in betas]), strict=True):
        yield beta, three_of(returned)


def three_of(returned: Any) -> Tensor:
    fits = isinstance(returned, Tensor) and returned.ndim == 2 and returned.shape[0] == 3 and returned.shape[1] >= 2
    expect(fits, f"mean_of_two should return three tokens, (3, d) with d at least 2, but returned {named(returned)}.")
    x = tensor(returned, returned.shape, "The three tokens")
    expect(x.norm(dim=-1).max() > 0, "All three tokens are zero.")
    return x


@points("mean_of_two", 0.5)
def test_first_output_is_the_mean_of_the_other_two(submission: Submission, rng: torch.Generator) -> None:
    """Within 1% of the length of the longest token, as the docstring says, for every β from 5 on."""
    for beta, x in three_tokens(submission, (5.0, 6 + 4 * torch.rand((), generator=rng).item(), 40.0)):
        weights = F.softmax(x @ x[0], dim=-1)
        off = ((weights @ x - (x[1] + x[2]) / 2).norm() / x.norm(dim=-1).max()).item()
        first, second, third = weights.tolist()
        expect(
            off <= 0.01,
            f"For β = {beta:.1f} the first token attends to itself, the second and the third with the weights "
            f"{first:.2f}, {second:.2f} and {third:.2f}, so its output is not the mean of the two others.",
        )


@points("mean_of_two", 0.5)
def test_the_mean_is_not_there_from_the_start(submission: Submission, rng: torch.Generator) -> None:
    """The first token is another than the mean, and the two others differ."""
    for beta, x in three_tokens(submission, (5.0, 15 + 10 * torch.rand((), generator=rng).item())):
        longest = x.norm(dim=-1).max()
        gap = ((x[0] - (x[1] + x[2]) / 2).norm() / longest).item()
        expect(
            gap >= 0.1,
            f"For β = {beta:.1f} the first token is only {gap:.0%} of the longest one's length away from the mean.",
        )
        gap = ((x[1] - x[2]).norm() / longest).item()
        expect(
            gap >= 0.1,
            f"For β = {beta:.1f} the second and third token are only {gap:.0%} of the longest one's length apart.",
        )


# ----------------------------------------------------------------------------------------------------------------
# 3.4 dot_product_variance, saturation


@points("dot_product_variance", 0.5)
def test_variance_grows_as_the_dimension(submission: Submission, rng: torch.Generator) -> None:
    """The variance of q·k is d_k.

    q·k has variance d and fourth moment 3d² + 6d, so the sample variance of n products has the standard deviation
    d·√((2 + 6/d)/n); the bound is five of them.
    """
    n = 3_000
    calls = [(low + int(torch.randint(20, (), generator=rng)), n) for low in (20, 60)]
    for (d_k, _), returned in zip(calls, submission.each("dot_product_variance", *calls), strict=True):
        seen = number(returned, "The variance")
        bound = 5 * math.sqrt((2 + 6 / d_k) / n)
        expect(
            abs(seen / d_k - 1) < bound,
            f"For d_k = {d_k} the variance came out as {seen:.2f}; it should be within {bound:.0%} of {d_k}.",
        )


@points("dot_product_variance", 0.5)
def test_variance_is_measured_on_n_pairs(submission: Submission, rng: torch.Generator) -> None:
    """With few pairs a measurement scatters: ten in a row within 10% of d_k would be a chance below 1 in 10 billion."""
    seen, scatter = [], []
    calls = [(10 + int(torch.randint(30, (), generator=rng)), n) for n in range(3, 13)]
    for (d_k, _), returned in zip(calls, submission.each("dot_product_variance", *calls), strict=True):
        seen.append(number(returned, "The variance"))
        scatter.append(abs(seen[-1] / d_k - 1))
    largest = max(scatter)
    expect(largest > 1e-9, "The variance is d_k to the last digit, so it was not measured on random pairs.")
    expect(largest > 0.1, f"Even with 3 to 12 pairs the variance stays within {largest:.0%} of d_k: is n used?")
    expect(len(set(seen)) > 1, f"The variance is {seen[0]:.3g} in every call, whatever d_k and n are.")


def measures_of_some(submission: Submission, rng: torch.Generator) -> list[tuple[Tensor, object]]:
    """Even and uneven scores, with what saturation returns for each."""
    scores = [draw(rng, 4), 2 * draw(rng, 7)]
    return list(zip(scores, submission.each("saturation", *[(some,) for some in scores]), strict=True))


@points("saturation", 0.5)
def test_entropy_of_the_softmax_is_in_nats(submission: Submission, rng: torch.Generator) -> None:
    """−Σ p ln p."""
    for scores, returned in measures_of_some(submission, rng):
        entropy, _ = numbers(returned, 2, "the two measures")
        expected = torch.special.entr(F.softmax(scores, dim=0)).sum().item()
        expect(
            abs(entropy - expected) < 1e-5,
            f"The entropy for {len(scores)} scores came out as {entropy:.3f} instead of {expected:.3f} nats.",
        )


@points("saturation", 0.25)
def test_norm_of_the_softmax_jacobian(submission: Submission, rng: torch.Generator) -> None:
    """The Frobenius norm of diag(p) − p pᵀ."""
    for scores, returned in measures_of_some(submission, rng):
        _, norm = numbers(returned, 2, "the two measures")
        p = F.softmax(scores, dim=0)
        expected = (torch.diag(p) - torch.outer(p, p)).norm().item()
        expect(
            abs(norm - expected) < 1e-5,
            f"The norm of the Jacobian for {len(scores)} scores came out as {norm:.3f} instead of {expected:.3f}.",
        )


@points("saturation", 0.25)
def test_a_saturated_softmax_has_an_entropy_of_zero(submission: Submission, rng: torch.Generator) -> None:
    """Scores up to 1,000 in steps of at least 100, in random order: one weight is 1, the others underflow."""
    scores = (
        1000 - 200 * torch.arange(6, dtype=torch.float64) - 100 * torch.rand((), generator=rng, dtype=torch.float64)
    )
    measures = numbers(submission.saturation(scores[torch.randperm(6, generator=rng)]), 2, "the two measures")
    for what, seen in zip(("entropy", "norm of the Jacobian"), measures, strict=True):
        expect(abs(seen) < 1e-5, f"With one score far ahead the {what} should be 0, but it came out as {seen:.3g}.")


# ----------------------------------------------------------------------------------------------------------------
# 3.5 low_rank_attention, linear_attention


def low_rank(q: Tensor, k: Tensor, v: Tensor, e: Tensor, f: Tensor) -> Tensor:
    return F.softmax(q @ (e @ k).mT / math.sqrt(q.shape[-1]), dim=-1) @ (f @ v)


@points("low_rank_attention", 0.75)
def test_low_rank_attention_mixes_projected_values(submission: Submission, rng: torch.Generator) -> None:
    """softmax(Q (EK)ᵀ/√d_k) FV, with E = F so that an exchange of the two does not show here."""
    calls = []
    for batch, n_heads, seq, d_k, d_v, rank in ((2, 3, 7, 5, 6, 4), (3, 1, 8, 2, 4, 5)):
        q, k, v = heads(rng, batch, n_heads, seq, d_k, d_v)
        e = draw(rng, rank, seq) / 2
        calls.append((q, k, v, e, e))
    for (q, k, v, e, _), returned in zip(calls, submission.each("low_rank_attention", *calls), strict=True):
        rank, d_k = len(e), q.shape[-1]
        values = tensor(returned, v.shape, "The tensor of values")
        off = apart(values, low_rank(q, k, v, e, e))
        expect(
            off < 1e-5,
            f"With {rank} projected rows and d_k = {d_k} the values are {off:.2g} away from softmax(Q (EK)ᵀ/√d_k) FV.",
        )


@points("low_rank_attention", 0.25)
def test_low_rank_attention_keeps_the_dtype(submission: Submission, rng: torch.Generator) -> None:
    """float64 in, and the same values in float64 out."""
    q, k, v = heads(rng, 2, 3, 6, 5, 4)
    e = draw(rng, 3, 6) / 2
    returned = in_float64(submission, "low_rank_attention", q, k, v, e, e)
    off = apart(tensor(returned, v.shape, "The tensor of values"), low_rank(q, k, v, e, e))
    expect(off < 1e-5, f"In float64 the values are {off:.2g} away from softmax(Q (EK)ᵀ/√d_k) FV, whatever their dtype.")
    expect_float64(returned, "The tensor of values")


@points("low_rank_attention", 0.5)
def test_keys_and_values_have_their_own_projection(submission: Submission, rng: torch.Generator) -> None:
    """E belongs to the keys: without it the weights are even. F belongs to the values: the result is linear in it."""
    q, k, v = heads(rng, 2, 3, 7, 5, 6)
    e, f = draw(rng, 4, 7), draw(rng, 4, 7)
    calls = [(q, k, v, torch.zeros_like(e), f), (q, k, v, e, f), (q, k, v, e, 2 * f)]
    returned = submission.each("low_rank_attention", *calls)
    even, once, twice = (tensor(values, v.shape, "The tensor of values") for values in returned)
    off = apart(even, (f @ v).mean(2, keepdim=True).expand_as(v))
    expect(
        off < 1e-5,
        f"When e is zero all keys are alike and each query gets the mean of the rows of f v; it is {off:.2g} off.",
    )
    off = apart(twice, 2 * once)
    expect(off < 1e-5, f"When f is doubled the values should double, but they are {off:.2g} away from that.")


@points("low_rank_attention", 0.5)
def test_low_rank_attention_compares_no_pair_of_tokens(submission: Submission, rng: torch.Generator) -> None:
    """No tensor on the way has as many entries as there are pairs of tokens."""
    seq = 200
    q, k, v = heads(rng, 2, 3, seq, 4, 5)
    e, f = draw(rng, 6, seq), draw(rng, 6, seq)
    seen = submission.scenario("sizes_of_results", "low_rank_attention", q, k, v, e, f)
    seen = recorded(seen, largest=int, total=int)
    tensor(seen.get("result"), v.shape, "The tensor of values")
    expect_no_pairs(seen, seq, 6)


def off_in_direction(values: Tensor, q: Tensor, k: Tensor, v: Tensor) -> float:
    """How far values are from being proportional to φ(q) (φ(k)ᵀ v) with φ = elu + 1."""
    shape = (F.elu(q) + 1) @ ((F.elu(k) + 1).mT @ v)
    return apart(F.normalize(values, dim=-1), F.normalize(shape, dim=-1))


@points("linear_attention", 0.75)
def test_linear_attention_follows_the_elu_features(submission: Submission, rng: torch.Generator) -> None:
    """The output is proportional to φ(q) (φ(k)ᵀ v) with φ = elu + 1; the factor is the business of another test."""
    inputs = [heads(rng, 2, 3, 6, 5, 4), heads(rng, 3, 1, 7, 2, 5)]
    for (q, k, v), returned in zip(inputs, submission.each("linear_attention", *inputs), strict=True):
        off = off_in_direction(tensor(returned, v.shape, "The tensor of values"), q, k, v)
        expect(
            off < 1e-5,
            f"The values do not come from the features elu(x) + 1 of queries and keys: {off:.2g} off in direction.",
        )


@points("linear_attention", 0.25)
def test_linear_attention_keeps_the_dtype(submission: Submission, rng: torch.Generator) -> None:
    """float64 in, and values from the same features in float64 out."""
    q, k, v = heads(rng, 3, 2, 5, 4, 6)
    returned = in_float64(submission, "linear_attention", q, k, v)
    off = off_in_direction(tensor(returned, v.shape, "The tensor of values"), q, k, v)
    expect(off < 1e-5, f"In float64 the values are {off:.2g} off in direction, whatever their dtype.")
    expect_float64(returned, "The tensor of values")


@points("linear_attention", 0.5)
def test_linear_attention_is_a_weighted_mean(submission: Submission, rng: torch.Generator) -> None:
    """The weights of a query sum to one, so values that are all alike come out as they are."""
    q, k, v = heads(rng, 3, 2, 6, 4, 5)
    alike = v[:, :, :1].expand_as(v).contiguous()
    values = tensor(submission.linear_attention(q, k, alike), v.shape, "The tensor of values")
    off = apart(values, alike)
    expect(off < 1e-5, f"When all tokens have the same value, each query should get just that, but is {off:.2g} away.")


@points("linear_attention", 0.5)
def test_linear_attention_compares_no_pair_of_tokens(submission: Submission, rng: torch.Generator) -> None:
    """No tensor on the way has as many entries as there are pairs of tokens, nor have many small ones together."""
    seq = 300
    q, k, v = heads(rng, 2, 3, seq, 4, 5)
    seen = submission.scenario("sizes_of_results", "linear_attention", q, k, v)
    seen = recorded(seen, largest=int, total=int)
    tensor(seen.get("result"), v.shape, "The tensor of values")
    expect_no_pairs(seen, seq, 6)


def expect_no_pairs(seen: dict[str, Any], seq: int, matrices: int) -> None:
    """`matrices` is the number of heads of the whole batch, each of which would have its own T × T weights."""
    expect(
        seen["largest"] < seq**2,
        f"For {seq} tokens a tensor of {seen['largest']:,} entries was built on the way: every token was compared with "
        "every other.",
    )
    expect(
        seen["total"] < matrices * seq**2,
        f"For {seq} tokens {seen['total']:,} numbers were computed on the way, one for every pair of tokens or more.",
    )

"""Hidden tests of stage 04. All sizes within a test differ, so that a swapped axis shows.

Nothing here depends on the order in which a module keeps queries, keys, values and heads. Either all weights before the
output layer are alike, or the module is compared with itself, or it has copied torch's weights by its own map.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from autograder.hidden_tests import expect, points
from autograder.remote import Submission
from solutions.reading import apart, draw, named, number, padding, recorded, tensor

Pass = tuple[Tensor, Tensor | None]


# ----------------------------------------------------------------------------------------------------------------
# 4.1 MultiHeadAttention


def attend(
    submission: Submission,
    arguments: list[Any],
    passes: list[Pass],
    fill: dict[str, float] | None = None,
    output: tuple[Tensor, Tensor] | None = None,
    training: bool = False,
) -> list[Tensor]:
    """What the module returns for each pass, as float64; filled at random where nothing is given."""
    seen = submission.scenario("attend", arguments, fill, output, passes, training)
    fits = isinstance(seen, list) and len(seen) == len(passes)
    expect(fits, "What was recorded of this call did not come back whole.")
    return [
        tensor(result, given.shape, "The result for an embedding of that shape")
        for result, (given, _) in zip(seen, passes, strict=True)
    ]


def untouched(embed_dim: int) -> tuple[Tensor, Tensor]:
    """An output layer that hands on what it gets."""
    return torch.eye(embed_dim, dtype=torch.float64), torch.zeros(embed_dim, dtype=torch.float64)


def all_alike(embed_dim: int) -> dict[str, float]:
    """Every feature of every query, key and value of a token is 0.8·(sum of its embedding)/√embed_dim."""
    return {"weights": 0.8 / math.sqrt(embed_dim), "biases": 0.0}


@points("MultiHeadAttention", 0.25)
def test_result_has_the_shape_of_the_embedding(submission: Submission, rng: torch.Generator) -> None:
    """For reviews of several tokens and of one, with a mask and without."""
    for embed_dim, n_heads in ((12, 3), (10, 5), (6, 1)):
        x, single = draw(rng, 3, 7, embed_dim), draw(rng, 2, 1, embed_dim)
        attend(submission, [embed_dim, n_heads, 0.0], [(x, None), (x, padding(rng, 3, 7).bool()), (single, None)])


@points("MultiHeadAttention", 0.5)
def test_number_of_parameters_is_right(submission: Submission, rng: torch.Generator) -> None:
    """4·d² + 4·d, whatever the number of heads."""
    for embed_dim, n_heads in ((12, 3), (10, 5), (14, 1)):
        seen = submission.scenario("attention_parameters", [embed_dim, n_heads, 0.1])
        seen = recorded(seen, trainable=int, o_proj=dict)
        due = 4 * embed_dim**2 + 4 * embed_dim
        expect(
            seen["trainable"] == due,
            f"With embed_dim {embed_dim} and {n_heads} heads there are {seen['trainable']:,} trainable parameters; "
            f"expected {due:,}.",
        )


@points("MultiHeadAttention", 0.5)
def test_weights_start_xavier_uniform(submission: Submission, rng: torch.Generator) -> None:
    """Bounds ±√(6/(inputs + outputs)), even in between; a fused layer may be drawn as a whole or in its parts.

    Of n even numbers the largest is below (1 − 15/n) of the bound once in 3 million times; the mean square, of which
    one has the variance 4/45 of the fourth power of the bound, is within five standard deviations.
    """
    embed_dim, n_heads = 48, 4
    seen = recorded(submission.scenario("attention_start", [embed_dim, n_heads, 0.1]), inputs=list, output=list)
    expect(len(seen["inputs"]) > 0, "There are no weights that make queries, keys and values.")
    head_dim = embed_dim // n_heads
    outputs = [head_dim, 2 * head_dim, 3 * head_dim, embed_dim, 2 * embed_dim, 3 * embed_dim]
    for weights, sizes, what in (
        (seen["inputs"], outputs, "weights that make queries, keys and values"),
        (seen["output"], [embed_dim], "weights of the output layer"),
    ):
        for weight in weights:
            expect(isinstance(weight, Tensor), "What was recorded of this call did not come back whole.")
            bounds = [math.sqrt(6 / (embed_dim + size)) for size in sizes]
            values = tensor(weight, weight.shape, f"The {what}").flatten()
            largest = values.abs().max().item()
            expect(
                any(is_uniform(values, bound) for bound in bounds),
                f"The {what} start with a standard deviation of {values.std():.3f} and sizes up to {largest:.3f}. "
                f"Uniform numbers have a deviation of 0.577 times their bound, here {bounds[-1]:.3f} for a layer of "
                f"{embed_dim} inputs and {sizes[-1]} outputs.",
            )


def is_uniform(values: Tensor, bound: float) -> bool:
    count, scaled = len(values), values / bound
    even = abs(scaled.square().mean().item() - 1 / 3) < 5 * math.sqrt(4 / 45 / count)
    return even and 1 - 15 / count < scaled.abs().max().item() < 1 + 1e-5


@points("MultiHeadAttention", 0.25)
def test_biases_start_at_zero(submission: Submission, rng: torch.Generator) -> None:
    """All of them."""
    seen = recorded(submission.scenario("attention_start", [12, 3, 0.1]), biases=list)
    for bias in seen["biases"]:
        expect(isinstance(bias, Tensor), "What was recorded of this call did not come back whole.")
        largest = tensor(bias, bias.shape, "A bias").abs().max().item()
        expect(largest == 0, f"A new module has biases of up to {largest:.2f}; they should all be 0.")


@points("MultiHeadAttention", 0.5)
def test_heads_that_do_not_divide_are_refused(submission: Submission, rng: torch.Generator) -> None:
    """With a ValueError that names both numbers, when the module is made; heads that divide are taken."""
    wrong, right = [(10, 3), (7, 2), (4, 8)], [(10, 5), (7, 1), (8, 8)]
    seen = submission.scenario("attention_made", [[*sizes, 0.1] for sizes in wrong + right])
    expect(isinstance(seen, list) and len(seen) == 6, "What was recorded of this call did not come back whole.")
    for (embed_dim, n_heads), entry in zip(wrong + right, seen, strict=True):
        entry = recorded(entry, raised=str, message=str)
        case = f"{n_heads} heads for embed_dim {embed_dim}"
        if (embed_dim, n_heads) in right:
            expect(not entry["raised"], f"There can be {case}, but it raises {entry['raised']}.")
            continue
        expect(
            entry["raised"] == "ValueError",
            f"There cannot be {case}. That should raise a ValueError, but it raises {entry['raised'] or 'nothing'}.",
        )
        named_both = all(str(size) in entry["message"] for size in (embed_dim, n_heads))
        expect(named_both, f"The message of the error for {case} should name both numbers, to be of help.")


@points("MultiHeadAttention", 0.5)
def test_result_goes_through_the_output_layer(submission: Submission, rng: torch.Generator) -> None:
    """With other weights in o_proj the result changes as a linear layer does, and not otherwise."""
    embed_dim = 12
    x, fill = draw(rng, 2, 5, embed_dim), all_alike(embed_dim)
    as_it_is, no_bias = untouched(embed_dim)
    weight = draw(rng, embed_dim, embed_dim)
    plain, mixed, nothing = (
        attend(submission, [embed_dim, 3, 0.0], [(x, None)], fill, (filled, no_bias))[0]
        for filled in (as_it_is, weight, 0 * weight)
    )
    off = nothing.abs().max().item()
    expect(
        off < 1e-6, f"With o_proj's weights and bias at 0 nothing should be left, but the result is up to {off:.2g}."
    )
    off = apart(mixed, plain @ weight.T)
    expect(off < 1e-6, f"With other weights in o_proj the result is {off:.2g} away from what that layer makes of it.")


@points("MultiHeadAttention", 0.75)
def test_every_head_has_its_own_attention(submission: Submission, rng: torch.Generator) -> None:
    """A token of a pair gets a·v₁ + (1 − a)·v₂ in each feature: a can be read off, and features of a head share it.

    What a token has to give, v, is what it gets when it is alone. The output layer hands on what it gets.
    """
    pairs = 6
    for embed_dim, n_heads in ((12, 3), (10, 5)):
        x = draw(rng, pairs, 2, embed_dim)
        mixed, alone = attend(
            submission,
            [embed_dim, n_heads, 0.0],
            [(x, None), (x.reshape(2 * pairs, 1, embed_dim), None)],
            output=untouched(embed_dim),
        )
        first, second = alone.view(pairs, 2, 1, embed_dim).unbind(1)  # (pairs, 1, embed_dim) each
        between = first - second
        expect((between.abs() > 1e-9).all(), "Different tokens offer the same values.")
        shares = ((mixed - second) / between).flatten(0, 1)  # (2 * pairs, embed_dim)
        # Of a float32 result, a sum of so few numbers, up to 16·2⁻²⁴ may be wrong; here it is divided by a difference.
        blur = (16 * 2**-24 * mixed.abs().max() / between.abs()).expand(pairs, 2, embed_dim).flatten(0, 1)
        expect(
            (shares + blur).min() > -1e-6 and (shares - blur).max() < 1 + 1e-6,
            "In a review of two tokens, the features of an output do not lie between those that the two tokens have "
            "when they are alone. Are heads, tokens and features mixed up on the way?",
        )
        gaps = (shares[:, :, None] - shares[:, None, :]).abs() - (blur[:, :, None] + blur[:, None, :])
        alike = gaps.amax(0) < 1e-5
        sizes = alike.sum(0)
        head_dim = embed_dim // n_heads
        expect(
            (sizes == head_dim).all(),
            f"With embed_dim {embed_dim} and {n_heads} heads, each attention should be shared by {head_dim} features; "
            f"some feature shares its with {sizes.max() - 1} others.",
        )


def mean_of_features(feature: Tensor, head_dim: int, divisor: float) -> Tensor:
    """What each token gets, (batch, seq_len, 1), where all `head_dim` features of a head are alike."""
    scores = feature[:, :, None] * feature[:, None, :] * head_dim / divisor
    return scores.softmax(-1) @ feature[:, :, None]


@points("MultiHeadAttention", 0.5)
def test_products_are_scaled_by_the_size_of_a_head(submission: Submission, rng: torch.Generator) -> None:
    """Where all features of a token are alike, the score of two tokens is √head_dim times the product of a feature."""
    for embed_dim, n_heads in ((12, 3), (10, 2)):
        x = draw(rng, 2, 5, embed_dim)
        fill = all_alike(embed_dim)
        (seen,) = attend(submission, [embed_dim, n_heads, 0.0], [(x, None)], fill, untouched(embed_dim))
        feature = fill["weights"] * x.sum(-1)  # (batch, seq_len)
        head_dim = embed_dim // n_heads
        divisors = {
            f", but they are of products divided by √embed_dim = √{embed_dim}": math.sqrt(embed_dim),
            ", but they are of products that nobody divided": 1.0,
            f", but they are of products divided by head_dim = {head_dim}": float(head_dim),
        }
        away = {text: apart(seen, mean_of_features(feature, head_dim, divisor)) for text, divisor in divisors.items()}
        instead = next((text for text, off in away.items() if off < 1e-6), "")
        off = apart(seen, mean_of_features(feature, head_dim, math.sqrt(head_dim)))
        expect(
            off < 1e-6,
            f"Where all features are alike, the results should be those of products divided by √head_dim = √{head_dim}"
            f"{instead or f'; they are {off:.2g} away'}.",
        )


@points("MultiHeadAttention", 0.75)
def test_padding_changes_nothing_for_real_tokens(submission: Submission, rng: torch.Generator) -> None:
    """A padded review gives its real tokens what it gives them when the padding is cut off."""
    x, mask = draw(rng, 3, 7, 12), padding(rng, 3, 7).bool()
    real = ~mask
    cut: list[Pass] = [(x[i : i + 1, real[i]], None) for i in range(3)]
    whole, *parts = attend(submission, [12, 3, 0.0], [(x, mask), *cut])
    for i, part in enumerate(parts):
        off = apart(whole[i, real[i]], part[0])
        expect(
            off < 1e-6,
            f"In review {i + 1} the results of the real tokens change by {off:.2g} when its padding is cut off.",
        )


@points("MultiHeadAttention", 0.25)
def test_padded_tokens_still_ask(submission: Submission, rng: torch.Generator) -> None:
    """A padded token gets an answer from all real tokens, and from these alone."""
    x = draw(rng, 1, 7, 12)
    hidden = torch.randperm(7, generator=rng)[:3]
    mask = torch.zeros(1, 7, dtype=torch.bool)
    mask[0, hidden] = True
    kept = (~mask[0]).nonzero().flatten()
    only = torch.tensor([[False] * len(kept) + [True]])
    alone: list[Pass] = [(x[:, [*kept.tolist(), place]], only) for place in hidden.tolist()]
    whole, *parts = attend(submission, [12, 3, 0.0], [(x, mask), *alone])
    for place, part in zip(hidden.tolist(), parts, strict=True):
        off = apart(whole[0, place], part[0, -1])
        expect(off < 1e-6, f"What a padded token gets depends on other padding: it changes by {off:.2g} without it.")
    moved = x.clone()
    moved[0, kept[0]] += 3
    before, after = attend(submission, [12, 3, 0.0], [(x, mask), (moved, mask)])
    expect(
        all((after[0, place] - before[0, place]).abs().max() > 1e-6 for place in hidden.tolist()),
        "When a real token changes, what padded tokens get stays the same: they are not allowed to ask.",
    )
    first, second = before[0, hidden[0]], before[0, hidden[1]]
    expect(not torch.allclose(first, second), "Different padded tokens all get the same answer.")


@points("MultiHeadAttention", 0.25)
def test_mask_may_hold_booleans_or_numbers(submission: Submission, rng: torch.Generator) -> None:
    """The same mask as bool, int64 and float32 gives the same result."""
    x, mask = draw(rng, 2, 6, 10), padding(rng, 2, 6)
    seen = attend(submission, [10, 5, 0.0], [(x, kind) for kind in (mask.bool(), mask, mask.float())])
    for kind, other in (("integers", seen[1]), ("floating-point numbers", seen[2])):
        off = apart(other, seen[0])
        expect(off < 1e-6, f"With a mask of {kind} the result is {off:.2g} away from that with the same booleans.")


@points("MultiHeadAttention", 0.5)
def test_dropout_falls_on_the_weights_in_training(submission: Submission, rng: torch.Generator) -> None:
    """An empty token asks itself and another, half and half: what it gets is all or nothing, head by head.

    Of n weights the number dropped is binomial: its share is within 5·√(rate·(1 − rate)/n) of the rate but once in
    1.7 million.
    """
    batch, embed_dim, n_heads = 300, 12, 3
    head_dim = embed_dim // n_heads
    rate = round(0.25 + 0.15 * torch.rand((), generator=rng).item(), 3)
    x = torch.zeros(batch, 2, embed_dim, dtype=torch.float64)
    x[:, 1] = 1 + draw(rng, embed_dim).abs()
    fill, output = all_alike(embed_dim), untouched(embed_dim)
    (plain,) = attend(submission, [embed_dim, n_heads, 0.0], [(x[:1], None)], fill, output)
    expect((plain[:, 0].abs() > 1e-3).all(), "At rate 0 a token gets nothing from the other one.")
    seen = attend(submission, [embed_dim, n_heads, rate], [(x, None), (x, None)], fill, output, training=True)
    growth = seen[0][:, 0] / plain[:, 0]  # (batch, embed_dim)
    gone = growth.abs() < 0.02
    share, count = gone.double().mean().item(), batch * n_heads
    expect(
        abs(share - rate) < 5 * math.sqrt(rate * (1 - rate) / count),
        f"At rate {rate:.2f} a share of {share:.2f} of the weights is dropped in training.",
    )
    kept = growth[~gone]
    expect(
        ((kept * (1 - rate) - 1).abs() < 0.02).all(),
        f"At rate {rate:.2f} the weights that stay should grow by the factor {1 / (1 - rate):.2f}; they grow by "
        f"{kept.min():.2f} up to {kept.max():.2f}.",
    )
    dropped = gone.sum(1)
    expect(
        (dropped % head_dim == 0).all(),
        "Single features are dropped. Where a weight of the attention is dropped, all features of its head lose it.",
    )
    mixed = ((dropped > 0) & (dropped < embed_dim)).double().mean().item()
    expect(mixed > 0.2, "All heads lose the same weights, as if the dice were thrown once for all of them.")
    again = (seen[1][:, 0] / plain[:, 0]).abs() < 0.02
    expect(not again.equal(gone), "Two calls drop exactly the same weights, as if the dice were reset each time.")


@points("MultiHeadAttention", 0.25)
def test_nothing_is_dropped_in_eval_mode(submission: Submission, rng: torch.Generator) -> None:
    """A module with a rate and one without give the same, time after time."""
    x, fill, output = draw(rng, 4, 9, 12), all_alike(12), untouched(12)
    changes = recorded(submission.scenario("attention_changes", [12, 3, 0.6], x), training=bool, eval=bool)
    expect(not changes["eval"], "In eval mode two calls with the same embedding give different results.")
    (once,) = attend(submission, [12, 3, 0.6], [(x, None)], fill, output)
    (without,) = attend(submission, [12, 3, 0.0], [(x, None)], fill, output)
    off = apart(once, without)
    expect(off < 1e-9, f"In eval mode a rate of 0.6 changes the result by {off:.2g}.")


@points("MultiHeadAttention", 0.25)
def test_every_weight_learns(submission: Submission, rng: torch.Generator) -> None:
    """A gradient reaches each entry of each weight, and the embedding."""
    x, direction = draw(rng, 2, 5, 12), draw(rng, 2, 5, 12)
    seen = submission.scenario("attention_gradients", [12, 3, 0.0], x, direction)
    seen = recorded(seen, weights=int, without=int, embedding=bool)
    expect(
        seen["weights"] > 0 and seen["without"] == 0,
        f"No gradient reaches {seen['without']:,} of {seen['weights']:,} entries of the weights: they cannot learn.",
    )
    expect(seen["embedding"], "No gradient reaches the embedding, so what lies before this module cannot learn.")


# ----------------------------------------------------------------------------------------------------------------
# 4.2 MultiHeadAttention.copy_from


def weights_of_torch(rng: torch.Generator, embed_dim: int) -> dict[str, Tensor]:
    """Those of an nn.MultiheadAttention, by its names."""
    spread = embed_dim**-0.5
    return {
        "in_proj_weight": draw(rng, 3 * embed_dim, embed_dim) * spread * 1.5,
        "in_proj_bias": draw(rng, 3 * embed_dim),
        "out_proj.weight": draw(rng, embed_dim, embed_dim) * spread,
        "out_proj.bias": draw(rng, embed_dim),
    }


def copied(submission: Submission, n_heads: int, weights: dict[str, Tensor], x: Tensor) -> dict[str, Any]:
    """What the scenario recorded, with tensors of the right shape."""
    seen = submission.scenario("attention_after_copying", n_heads, weights, x)
    seen = recorded(seen, unharmed=bool, trainable=list)
    for key, what in (("ours", "The result"), ("later", "The later result")):
        seen[key] = tensor(seen.get(key), x.shape, what)
    theirs = nn.MultiheadAttention(x.shape[-1], n_heads, batch_first=True).double().eval()
    theirs.load_state_dict(weights)
    with torch.no_grad():
        seen["theirs"] = theirs(x, x, x, need_weights=False)[0]
    return seen


SIZES = ((12, 3), (10, 5), (6, 1))


@points("MultiHeadAttention", 0.5)
def test_values_and_output_weights_are_copied(submission: Submission, rng: torch.Generator) -> None:
    """With queries and keys of 0 every token gets the mean of all values: their map shows, whatever the scale."""
    for embed_dim, n_heads in SIZES:
        x, weights = draw(rng, 2, 5, embed_dim), weights_of_torch(rng, embed_dim)
        weights["in_proj_weight"][: 2 * embed_dim] = 0
        weights["in_proj_bias"] *= 0
        weights["out_proj.bias"] *= 0
        seen = copied(submission, n_heads, weights, x)
        off = apart(seen["ours"], seen["theirs"])
        expect(
            off < 1e-6,
            f"After copy_from, with embed_dim {embed_dim}, {n_heads} heads and even attention, the results are "
            f"{off:.2g} away from torch's. The weights of the values or of the output layer are not where they belong.",
        )


@points("MultiHeadAttention", 0.5)
def test_queries_and_keys_are_copied(submission: Submission, rng: torch.Generator) -> None:
    """The same with queries and keys; biases are 0."""
    for embed_dim, n_heads in SIZES:
        x, weights = draw(rng, 2, 5, embed_dim), weights_of_torch(rng, embed_dim)
        weights["in_proj_bias"] *= 0
        weights["out_proj.bias"] *= 0
        seen = copied(submission, n_heads, weights, x)
        off = apart(seen["ours"], seen["theirs"])
        expect(
            off < 1e-6,
            f"After copy_from, with embed_dim {embed_dim} and {n_heads} heads, the results are {off:.2g} away from "
            "those of torch's own attention.",
        )


@points("MultiHeadAttention", 0.5)
def test_copied_biases_count_too(submission: Submission, rng: torch.Generator) -> None:
    """Those of the values and of the output layer, and then those of the queries."""
    for embed_dim, n_heads in SIZES:
        x, weights = draw(rng, 2, 5, embed_dim), weights_of_torch(rng, embed_dim)
        weights["in_proj_weight"] *= 0  # what is left are biases
        seen = copied(submission, n_heads, weights, x)
        off = apart(seen["ours"], seen["theirs"])
        expect(off < 1e-6, f"With weights of 0 and biases that are not, the results are {off:.2g} away from torch's.")
        weights["in_proj_weight"][embed_dim:] = draw(rng, 2 * embed_dim, embed_dim)
        seen = copied(submission, n_heads, weights, x)
        off = apart(seen["ours"], seen["theirs"])
        expect(
            off < 1e-6, f"With queries that are nothing but their biases, the results are {off:.2g} away from torch's."
        )


@points("MultiHeadAttention", 0.5)
def test_copy_is_a_copy(submission: Submission, rng: torch.Generator) -> None:
    """The module takes numbers and nothing else: torch's stays as it was, and later changes to it do not matter."""
    seen = copied(submission, 3, weights_of_torch(rng, 12), draw(rng, 2, 5, 12))
    expect(seen["unharmed"], "copy_from changes the module that it copies from.")
    off = apart(seen["ours"], seen["later"])
    expect(
        off == 0, f"When torch's module changes after the copy, the results of the other change by {off:.2g} with it."
    )
    before, after = (number(count, "The number of parameters") for count in [*seen["trainable"], None, None][:2])
    expect(before == after > 0, f"copy_from leaves {after:,.0f} trainable parameters of {before:,.0f}.")


# ----------------------------------------------------------------------------------------------------------------
# 4.3 equivariance_gap


def gap(submission: Submission, kind: str, table: Tensor, x: Tensor, perm: Tensor) -> float:
    return number(submission.scenario("gap_of_module", kind, table, x, perm), "The gap")


@points("equivariance_gap", 0.5)
def test_gap_is_the_largest_difference(submission: Submission, rng: torch.Generator) -> None:
    """A module that adds a number of its own at each place, for tokens that are alike; three of them change places.

    The differences at the three places sum to 0, so one is larger than the others and of the other sign.
    """
    step = 1 + torch.rand((), generator=rng).item()
    x, table = draw(rng, 3, 1, 6).repeat(1, 6, 1), torch.zeros(6, 6, dtype=torch.float64)
    three = torch.randperm(6, generator=rng)[:3]
    table[three] = torch.tensor([[0.0], [step], [2 * step]], dtype=torch.float64)
    perm = torch.arange(6)
    perm[three] = three.roll(-1)
    for moved in (perm, perm.argsort()):
        seen = gap(submission, "place", table, x, moved)
        expect(
            abs(seen - 2 * step) < 1e-6,
            f"For a module with a gap of {2 * step:.3f} it came out as {seen:.3g}: what is the largest difference, "
            "in either direction?",
        )


@points("equivariance_gap", 0.5)
def test_outputs_are_permuted_as_the_tokens_are(submission: Submission, rng: torch.Generator) -> None:
    """A module that treats each token by itself has no gap, under any permutation."""
    for seq_len in (5, 7):
        x, table = draw(rng, 2, seq_len, 3), draw(rng, seq_len, 3)
        perm = torch.randperm(seq_len, generator=rng)
        while perm.equal(perm.argsort()):  # its own opposite
            perm = torch.randperm(seq_len, generator=rng)
        seen = gap(submission, "each", table, x, perm)
        expect(
            abs(seen) < 1e-9,
            f"A module that treats every token by itself has no gap, but under a permutation of {seq_len} tokens it "
            f"came out as {seen:.3g}.",
        )


@points("equivariance_gap", 0.5)
def test_gap_is_measured_without_dropout(submission: Submission, rng: torch.Generator) -> None:
    """A module that treats each token by itself and then drops features in training has no gap."""
    x, table = draw(rng, 2, 6, 5), draw(rng, 6, 5)
    swap = torch.tensor([1, 0, 2, 3, 4, 5])
    alike = x.clone()
    alike[:, 1] = alike[:, 0]  # so that nothing but dropout can make a difference
    seen = gap(submission, "dropout", table, alike, swap)
    expect(abs(seen) < 1e-9, f"A module with dropout shows a gap of {seen:.3g} that is only chance.")


# ----------------------------------------------------------------------------------------------------------------
# 4.4 head_profile


def profile(submission: Submission, attention: Tensor) -> tuple[Any, Any]:
    returned = submission.head_profile(attention)
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    expect(pair, f"Two tensors should come back, entropies and distances, but it was {named(returned)}.")
    return returned[0], returned[1]


@points("head_profile", 0.5)
def test_entropy_is_a_mean_over_the_queries(submission: Submission, rng: torch.Generator) -> None:
    """In nats, one number per head."""
    attention = (2 * draw(rng, 3, 7, 7)).softmax(-1)
    entropy = tensor(profile(submission, attention)[0], (3,), "The entropy")
    due = torch.special.entr(attention).sum(-1).mean(-1)
    off = apart(entropy, due)
    expect(
        off < 1e-5,
        f"The entropy of the first head is {due[0]:.3f} nats, taken over the keys and averaged over the queries; it "
        f"came out as {entropy[0]:.3f}.",
    )


@points("head_profile", 0.5)
def test_weights_of_zero_add_no_entropy(submission: Submission, rng: torch.Generator) -> None:
    """Where each query looks at one key alone, nothing is uncertain."""
    attention = torch.eye(5, dtype=torch.float64)[torch.randint(5, (2, 5), generator=rng)]
    entropy = tensor(profile(submission, attention)[0], (2,), "The entropy where some weights are exactly 0")
    largest = entropy.abs().max().item()
    expect(
        largest < 1e-5, f"Where each query looks at one key alone the entropy is 0, but it came out as {largest:.3g}."
    )


@points("head_profile", 0.5)
def test_distance_is_how_far_the_weights_reach(submission: Submission, rng: torch.Generator) -> None:
    """|i − j| weighted by the attention, averaged over the queries."""
    attention = draw(rng, 4, 6, 6).softmax(-1)
    distance = tensor(profile(submission, attention)[1], (4,), "The distance")
    places = torch.arange(6.0, dtype=torch.float64)
    due = (attention * torch.cdist(places[:, None], places[:, None], p=1)).sum(-1).mean(-1)
    off = apart(distance, due)
    expect(
        off < 1e-5,
        f"On average the first head looks {due[0]:.3f} tokens away, by weight; it came out as {distance[0]:.3f}.",
    )


# ----------------------------------------------------------------------------------------------------------------
# 4.5 statements_attention


def stated(submission: Submission, number_of_statement: int) -> bool:
    """What was answered to a statement."""
    answers = submission.statements_attention()
    expect(isinstance(answers, dict), f"A dict from numbers to True or False should come back, not {named(answers)}.")
    answer = answers.get(number_of_statement)
    expect(isinstance(answer, bool), f"There is no True or False for statement {number_of_statement}.")
    return bool(answer)


@points("statements_attention", 0.25)
def test_where_queries_keys_and_values_come_from(submission: Submission, rng: torch.Generator) -> None:
    """Statement 1."""
    expect(stated(submission, 1), "Think about statement 1 again: what goes into the layer that makes all three?")


@points("statements_attention", 0.25)
def test_what_an_attention_weight_is(submission: Submission, rng: torch.Generator) -> None:
    """Statement 2."""
    expect(
        not stated(submission, 2), "Think about statement 2 again: which values can a cosine have, and which a weight?"
    )


@points("statements_attention", 0.25)
def test_what_more_heads_cost(submission: Submission, rng: torch.Generator) -> None:
    """Statement 3."""
    expect(not stated(submission, 3), "Think about statement 3 again: what happens to the width of each head?")


@points("statements_attention", 0.25)
def test_what_happens_when_tokens_change_places(submission: Submission, rng: torch.Generator) -> None:
    """Statement 4."""
    expect(stated(submission, 4), "Think about statement 4 again: what did you measure in exercise 4.3?")

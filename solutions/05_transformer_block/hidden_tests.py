"""Hidden tests of stage 05. All sizes within a test differ, so that a swapped axis shows.

A block's parameters are filled by their shapes alone, so that no test depends on what a student calls them, on their
order, or on how attention lays out its heads; see `probes.fill`. Attention then writes in one
direction only, and either half of a block can be silenced: with the parts from `quiet` attention adds nothing, without
a feed-forward matrix that layer adds nothing. Where only the direction of a result matters it is normalised here, so
that a missing normalisation is paid for once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.hidden_tests import expect, points
from autograder.remote import Submission
from solutions.reading import apart, draw, named, numbers, padding, recorded, same_as_before, tensor

Sizes = tuple[int, int]
Parts = dict[str, Tensor]

NEAR = 1e-3  # a normalisation adds a small number, of the student's choice, to the variance
BEND = 4e-3  # GELU itself and its approximation by a hyperbolic tangent are this close, and no other bend is
LOST = "What was recorded of this call did not come back whole."


def normalised(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def attention_parts(rng: torch.Generator, sizes: Sizes) -> Parts:
    """What makes attention speak: `into` reads one feature per head, and `back` writes all, each with another factor.

    In each head the squares of `back` sum to the width of the head, and `into` has the same sum with and without
    `back` as factors. So separate layers for queries, keys and values give what one layer for all of them gives.
    """
    embed_dim, n_heads = sizes
    width = embed_dim // n_heads
    reads = 0.3 + 0.4 * torch.rand(n_heads, generator=rng, dtype=torch.float64)
    factors = 0.5 * torch.rand(n_heads, generator=rng, dtype=torch.float64)
    factors = 1 + factors - (factors * reads).sum() / reads.sum()
    others = F.normalize(draw(rng, n_heads, width - 1), dim=1) * (width - factors.square()).sqrt()[:, None]
    into = torch.zeros(n_heads, width, dtype=torch.float64)
    into[:, 0] = reads
    return {"into": into.flatten(), "back": torch.cat([factors[:, None], others], dim=1).flatten()}


def quiet(sizes: Sizes) -> Parts:
    """What makes attention add nothing."""
    zeros = torch.zeros(sizes[0], dtype=torch.float64)
    return {"into": zeros, "back": zeros}


def feed_forward_parts(rng: torch.Generator, sizes: Sizes) -> Parts:
    """What makes the feed-forward layer speak: its numbers are about as large as those of its input."""
    embed_dim, _ = sizes
    wide = draw(rng, 4 * embed_dim, embed_dim) / math.sqrt(embed_dim)
    return {"wide": wide, "shift": draw(rng, 4 * embed_dim)}


def attended(x: Tensor, parts: Parts, sizes: Sizes, mask: Tensor | None = None) -> Tensor:
    """What attention with these parts adds to x (batch, seq, embed_dim)."""
    embed_dim, n_heads = sizes
    read = x @ parts["into"]  # (batch, seq): queries, keys and values are this number, all over
    scores = read[:, :, None] * read[:, None, :] * math.sqrt(embed_dim // n_heads)
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, :] != 0, -math.inf)
    mixed = scores.softmax(-1) @ read[:, :, None]
    written: Tensor = mixed * parts["into"].sum() * parts["back"]
    return written


def fed_forward(x: Tensor, parts: Parts, width: int) -> Tensor:
    """What the feed-forward layer with these parts adds to x, if it is so wide inside."""
    rows = torch.arange(width) % len(parts["wide"])
    wide, shift = parts["wide"][rows], parts["shift"][rows]
    return F.gelu(x @ wide.T + shift) @ wide


def read_with_block(
    submission: Submission,
    sizes: Sizes,
    parts: Parts,
    passes: Sequence[tuple[Tensor, Tensor | None]],
    *,
    rates: tuple[float, float] = (0.0, 0.0),
    training: bool = False,
) -> tuple[list[Tensor], dict[str, Any]]:
    """The embeddings of one block for each pass, as float64, and all that was recorded.

    Where the two results are exchanged or only one comes back, that is put right: the test of what comes back takes
    points for it.
    """
    given = [(embedding.clone(), mask) for embedding, mask in passes]
    seen = recorded(
        submission.scenario("block_outputs", sizes, rates, parts, training, given),
        returned=list,
        inputs=list,
        parameters=int,
        widths=list,
    )
    expect(len(seen["returned"]) == len(passes) == len(seen["inputs"]), LOST)
    embeddings = []
    for returned, (embedding, _) in zip(seen["returned"], passes, strict=True):
        results = returned if isinstance(returned, tuple | list) else [returned]
        fitting = [part for part in results if isinstance(part, Tensor) and part.shape == embedding.shape]
        expect(fitting, f"No embedding of shape {tuple(embedding.shape)} came back, but {named(returned)}.")
        embeddings.append(tensor(fitting[0], embedding.shape, "The embedding that comes back"))
    return embeddings, seen


# ----------------------------------------------------------------------------------------------------------------
# 5.1 TransformerBlock


@points("TransformerBlock", 0.5)
def test_a_block_returns_embedding_and_mask(submission: Submission, rng: torch.Generator) -> None:
    """A tuple goes in and a tuple of the same kind comes out, so blocks stand in a row; the input stays as it was."""
    sizes = (12, 3)
    parts = attention_parts(rng, sizes) | feed_forward_parts(rng, sizes)
    embedding, mask = draw(rng, 2, 5, 12), padding(rng, 2, 5)
    for given in (None, mask):
        after = embedding.clone()
        passes = [(after, given)]
        seen = submission.scenario("block_outputs", sizes, (0.0, 0.0), parts, False, passes)
        seen = recorded(seen, returned=list, inputs=list)
        expect(len(seen["returned"]) == len(seen["inputs"]) == 1, LOST)
        pair, after = seen["returned"][0], seen["inputs"][0]
        expect(
            isinstance(pair, tuple | list) and len(pair) == 2,
            f"A block should return two things, embedding and mask, but it returned {named(pair)}.",
        )
        swapped = isinstance(pair[1], Tensor) and pair[1].shape == embedding.shape
        expect(not swapped, "The mask comes back first and the embedding second; they are exchanged.")
        tensor(pair[0], embedding.shape, "The embedding that comes back")
        if given is None:
            expect(pair[1] is None, f"No mask went in, but {named(pair[1])} came back in its place.")
        else:
            kept = isinstance(pair[1], Tensor) and pair[1].shape == given.shape and not pair[1].is_complex()
            kept = kept and torch.equal(pair[1].to(torch.float64), given.to(torch.float64))
            expect(kept, f"The mask should come back as it went in, for the next block, but it is {named(pair[1])}.")
        expect(same_as_before(embedding, after), "After the call the caller's embedding is not what it was.")


@points("TransformerBlock", 0.5)
def test_a_block_has_its_parameters(submission: Submission, rng: torch.Generator) -> None:
    """Attention 4d² + 4d, the feed-forward layer 8d² + 5d, two normalisations 2d each."""
    for sizes in ((12, 3), (10, 2)):
        d = sizes[0]
        _, seen = read_with_block(submission, sizes, quiet(sizes), [(draw(rng, 2, 3, d), None)])
        due, learned = 12 * d * d + 13 * d, seen["parameters"]
        expect(
            learned == due,
            f"With embed_dim = {d} a block should learn {due:,} numbers ({4 * d * d + 4 * d:,} in attention, "
            f"{8 * d * d + 5 * d:,} in the two linear layers, {4 * d} in the two normalisations), but it learns "
            f"{learned:,}.",
        )


@points("TransformerBlock", 0.5)
def test_every_token_leaves_normalised(submission: Submission, rng: torch.Generator) -> None:
    """The last step is a normalisation: at the start of training each token leaves with mean 0 and variance 1."""
    sizes = (12, 4)
    parts = attention_parts(rng, sizes) | feed_forward_parts(rng, sizes)
    x = 3 * draw(rng, 2, 5, 12) + 2
    (outputs,), _ = read_with_block(submission, sizes, parts, [(x, None)])
    means, variances = outputs.mean(-1), outputs.var(-1, correction=0)
    expect(
        means.abs().max() < NEAR,
        f"The tokens that leave the block have means from {means.min():.2f} to {means.max():.2f} over their features; "
        "after a normalisation each has the mean 0.",
    )
    expect(
        (variances - 1).abs().max() < 10 * NEAR,
        f"The tokens that leave the block have variances from {variances.min():.2f} to {variances.max():.2f} over "
        "their features; after a normalisation each has the variance 1.",
    )


def closest(seen: Tensor, candidates: dict[str, Tensor], bound: float) -> str | None:
    """The name of the candidate that `seen` equals but for its mean and size, if there is one."""
    found = [name for name, value in candidates.items() if apart(normalised(seen), normalised(value)) < bound]
    return found[0] if found else None


@points("TransformerBlock", 0.5)
def test_attention_is_added_to_its_input(submission: Submission, rng: torch.Generator) -> None:
    """With a silent feed-forward layer the token leaves as x + attention(x), normalised; x is normalised before.

    What another test takes points for is let through: a normalisation of what is added, a lost second residual.
    """
    for sizes, batch, seq in (((12, 3), 2, 5), ((8, 2), 3, 4)):
        parts = attention_parts(rng, sizes)
        x = normalised(draw(rng, batch, seq, sizes[0]))
        (outputs,), _ = read_with_block(submission, sizes, parts, [(x, None)])
        said = attended(x, parts, sizes)
        right = {"sum": x + said, "sum with a normalised part": x + normalised(said)}
        if closest(outputs, right, NEAR):
            continue
        # A second residual that is missing or starts elsewhere hides the first half; a feed-forward layer shows it.
        feed = feed_forward_parts(rng, sizes)
        (through,), _ = read_with_block(submission, sizes, parts | feed, [(x, None)])
        later = fed_forward(normalised(x + said), feed, 4 * sizes[0])
        if closest(through, {"none": later, "elsewhere": x + later}, BEND):
            continue
        wrong = {" It is what attention says alone.": said, " It is its input alone.": x}
        expect(
            False,
            "With a feed-forward layer that adds nothing, a token should leave the block as the normalised sum of its "
            f"input and what attention says.{closest(outputs, wrong, NEAR) or ''}",
        )


@points("TransformerBlock", 0.5)
def test_the_feed_forward_layer_is_added_to_its_input(submission: Submission, rng: torch.Generator) -> None:
    """With silent attention the token leaves as x + W₂ GELU(W₁ x + b), normalised; x is normalised before.

    What another test takes points for is let through: another width, a normalisation of the part that is added, or a
    lost first residual, which leaves 0 in the place of x.
    """
    for sizes, batch, seq in (((12, 3), 2, 5), ((8, 2), 3, 4)):
        d = sizes[0]
        parts = feed_forward_parts(rng, sizes)
        x = normalised(draw(rng, batch, seq, d))
        (outputs,), seen = read_with_block(submission, sizes, quiet(sizes) | parts, [(x, None)])
        widths = [width for width in seen["widths"] if type(width) is int and 0 < width <= 16 * d]
        width = widths[0] if len(widths) == 1 else 4 * d
        said = fed_forward(x, parts, width)
        none = torch.zeros_like(x)
        right = {
            "sum": x + said,
            "sum with a normalised part": x + normalised(said),
            "of nothing": fed_forward(none, parts, width),
        }
        if closest(outputs, right, BEND):
            continue
        rows = torch.arange(width) % (4 * d)
        inside = x @ parts["wide"][rows].T + parts["shift"][rows]
        wrong = {
            " It is what this layer says alone, without its input.": said,
            " It is its input alone.": x,
            " It looks as if a ReLU stood in the place of GELU.": x + F.relu(inside) @ parts["wide"][rows],
            " It looks as if nothing stood between the two linear layers.": x + inside @ parts["wide"][rows],
        }
        expect(
            False,
            "With attention that adds nothing, a token should leave the block as the normalised sum of its input and "
            f"of what two linear layers with GELU between them make of it.{closest(outputs, wrong, BEND) or ''}",
        )


@points("TransformerBlock", 0.25)
def test_the_second_half_works_on_what_the_first_made(submission: Submission, rng: torch.Generator) -> None:
    """A block with both halves does what a block with attention alone and one with feed-forward alone do in a row."""
    sizes = (12, 3)
    attention, feed = attention_parts(rng, sizes), feed_forward_parts(rng, sizes)
    x = 3 * draw(rng, 2, 5, 12) + 1
    (whole,), _ = read_with_block(submission, sizes, attention | feed, [(x, None)])
    (half,), _ = read_with_block(submission, sizes, attention, [(x, None)])
    (both,), _ = read_with_block(submission, sizes, quiet(sizes) | feed, [(half, None)])
    off = apart(whole, both)
    expect(
        off < 10 * NEAR,
        "A whole block should do what its first half and then its second half do: the feed-forward layer reads, and is "
        f"added to, the normalised result of the first half. It is {off:.2g} apart.",
    )


@points("TransformerBlock", 0.5)
def test_the_mask_reaches_attention(submission: Submission, rng: torch.Generator) -> None:
    """What stands behind padding changes no real token, nor does its being there."""
    sizes = (12, 4)
    parts = attention_parts(rng, sizes) | feed_forward_parts(rng, sizes)
    x, mask = draw(rng, 3, 7, 12), padding(rng, 3, 7)
    behind = mask.bool()[..., None]
    other = torch.where(behind, x + 2 * draw(rng, 3, 7, 12), x)
    passes = [(x, mask), (other, mask)]
    (hidden, moved), _ = read_with_block(submission, sizes, parts, passes)
    off = apart(torch.where(behind, 0, hidden), torch.where(behind, 0, moved))
    expect(off < 1e-6, f"When only what stands behind padding changes, real tokens change by {off:.2g}.")
    (silent,), _ = read_with_block(submission, sizes, parts | quiet(sizes), [(x, mask)])
    expect(apart(hidden, silent) > 1e-4, "What attention says changes nothing, with or without a mask.")
    alone = [(x[i : i + 1, mask[i] == 0], None) for i in range(3)]
    cut_off, _ = read_with_block(submission, sizes, parts, alone)
    off = max(apart(hidden[i : i + 1, mask[i] == 0], cut_off[i]) for i in range(3))
    expect(
        off < 1e-6, f"Without its padding, and without a mask, a review should come out the same: it is {off:.2g} off."
    )
    for kind, given in (("booleans", mask.bool()), ("floating-point numbers", mask.to(torch.float32))):
        (alike,), _ = read_with_block(submission, sizes, parts, [(x, given)])
        expect(apart(alike, hidden) < 1e-6, f"A mask of {kind} hides other tokens than the same mask of integers.")


def expect_dropped(outputs: Tensor, plain: Tensor, signs: Tensor, rate: float, what: str) -> None:
    """See that of what is added to `signs` each number was dropped on its own beforehand.

    outputs, plain, signs   (tokens, embed_dim): with dropout, without, and what it is added to, ±1, as many of each

    A normalisation at the end moves and stretches a token. That is undone with the numbers that were dropped: where +1
    stood they all leave with the same value, where −1 stood with another, while all other numbers differ.
    Of n numbers the dropped are binomial: their share is within 5·√(rate·(1 − rate)/n) of the rate but once in 1.7
    million. A token in which fewer than two numbers of a sign were dropped tells nothing and is left out.
    """
    gone, off = [], 0.0
    for token, whole, sign in zip(outputs, plain, signs, strict=True):
        high, low = _repeated(token[sign == 1]), _repeated(token[sign == -1])
        if high is None or low is None:
            continue
        expect(
            abs(high - low) > 1e-6,
            f"Dropout falls on the sum of input and {what}: the input is lost too, but only what is added may be.",
        )
        added = 2 * (token - low) / (high - low) - 1 - sign
        kept = added.abs() > 1e-6
        gone.append(~kept)
        if kept.any():
            # The sum without dropout is known, but for how the normalisation moved and stretched it.
            known = (sign + (1 - rate) * added)[kept]
            line = torch.stack([whole[kept], torch.ones_like(known)], dim=1)
            off = max(off, (line @ (torch.linalg.pinv(line) @ known) - known).abs().max().item())
    expect(
        len(gone) > 0.8 * len(outputs),
        f"With a layer rate of {rate:.2f} the numbers of {what} should be dropped one by one before they are added, "
        f"but that is seen in {len(gone)} of {len(outputs)} tokens only.",
    )
    lost = torch.stack(gone).double()
    share, bound = lost.mean().item(), 5 * math.sqrt(rate * (1 - rate) / lost.numel())
    expect(abs(share - rate) < bound, f"At a layer rate of {rate:.2f} a share of {share:.3f} of {what} is dropped.")
    expect(
        off < 0.02,
        f"At a layer rate of {rate:.2f} what stays of {what} should be added {1 / (1 - rate):.2f} times.",
    )


def _repeated(values: Tensor) -> float | None:
    """The value that occurs most often, if it occurs twice."""
    alike = ((values[:, None] - values[None, :]).abs() < 1e-9).sum(1)
    return values[alike.argmax()].item() if alike.max() > 1 else None


def balanced(rng: torch.Generator, tokens: int, embed_dim: int) -> Tensor:
    """Tokens of ±1, as many of each."""
    half = torch.ones(embed_dim, dtype=torch.float64)
    half[embed_dim // 2 :] = -1
    return torch.stack([half[torch.randperm(embed_dim, generator=rng)] for _ in range(tokens)])


@points("TransformerBlock", 0.5)
def test_dropout_falls_on_what_is_added(submission: Submission, rng: torch.Generator) -> None:
    """In training, at the rate of the layers, on what attention adds and on what the feed-forward layer adds."""
    sizes = (48, 4)
    rate = round(0.35 + 0.1 * torch.rand((), generator=rng).item(), 3)
    x = balanced(rng, 24, 48).reshape(4, 6, 48)
    attention, feed = attention_parts(rng, sizes), feed_forward_parts(rng, sizes)
    given: list[tuple[str, Parts]] = [
        ("what attention says", attention),
        ("what the feed-forward layer says", quiet(sizes) | feed),
    ]
    seen = []
    for what, parts in given:
        plain, _ = read_with_block(submission, sizes, parts, [(x, None)])
        passes = [(x, None)] * 2
        twice, _ = read_with_block(submission, sizes, parts, passes, rates=(0.0, rate), training=True)
        seen.append((what, plain[0], twice[0], twice[1]))
    for what, whole, outputs, again in seen:
        expect(apart(outputs, whole) > 1e-6, f"At a layer rate of {rate:.2f} nothing of {what} is dropped.")
        expect(not outputs.equal(again), f"Two passes drop exactly the same numbers of {what}.")
        expect_dropped(outputs.flatten(0, 1), whole.flatten(0, 1), x.flatten(0, 1), rate, what)


@points("TransformerBlock", 0.25)
def test_each_rate_has_its_place(submission: Submission, rng: torch.Generator) -> None:
    """The first rate is that of the attention weights, the second of what is added; in eval mode neither counts."""
    sizes = (12, 3)
    attention, feed = attention_parts(rng, sizes), feed_forward_parts(rng, sizes)
    x = draw(rng, 4, 9, 12)

    def outputs(parts: Parts, rates: tuple[float, float], training: bool) -> Tensor:
        (result,), _ = read_with_block(submission, sizes, parts, [(x, None)], rates=rates, training=training)
        return result

    both = attention | feed
    plain = outputs(both, (0.0, 0.0), False)
    expect(apart(outputs(both, (0.4, 0.3), False), plain) < 1e-9, "In eval mode numbers are still dropped.")
    expect(apart(outputs(both, (0.0, 0.0), True), plain) < 1e-9, "In train mode numbers are dropped at rates of 0.")
    expect(
        apart(outputs(both, (0.4, 0.0), True), plain) > 1e-6,
        "With a rate for the attention weights, and none for the layers, attention drops nothing.",
    )
    quiet_feed = quiet(sizes) | feed
    expect(
        apart(outputs(quiet_feed, (0.4, 0.0), True), outputs(quiet_feed, (0.0, 0.0), True)) < 1e-9,
        "With a rate for the attention weights, and none for the layers, the feed-forward layer drops numbers.",
    )
    # A review of one token has one weight in one head. Where that is dropped, nothing at all is added to the token;
    # of its 12 numbers each on its own, hardly ever all are. 50 of 200 are 7 standard deviations from the half.
    sizes = (12, 1)
    alone, only = normalised(draw(rng, 200, 1, 12)), attention_parts(rng, sizes)
    (spoken,), _ = read_with_block(submission, sizes, only, [(alone, None)])
    if apart(normalised(spoken), alone) < NEAR:
        return  # the second residual starts elsewhere and hides attention, which costs points elsewhere
    (seen,), _ = read_with_block(submission, sizes, only, [(alone, None)], rates=(0.0, 0.5), training=True)
    untouched = (normalised(seen) - alone).abs().amax(-1) < NEAR
    expect(
        untouched.sum() < 50,
        "With a rate for the layers, and none for the attention weights, attention weights are dropped.",
    )


# ----------------------------------------------------------------------------------------------------------------
# 5.2 PositionalEncoding, shift_matrix


def waves(seq: int, embed_dim: int, first: int = 0) -> Tensor:
    """The encoding of positions from `first` on, (seq, embed_dim)."""
    feature = torch.arange(embed_dim)
    angle = torch.arange(first, first + seq, dtype=torch.float64)[:, None] / 10_000.0 ** (
        (feature - feature % 2) / embed_dim
    )
    return torch.where(feature % 2 == 0, angle.sin(), angle.cos())


def positions(
    submission: Submission, embed_dim: int, embeddings: list[Tensor], max_len: int | None = None
) -> tuple[list[Tensor], dict[str, Any]]:
    """What a positional encoding makes of embeddings, as float64, and all that was recorded."""
    given = [embedding.clone() for embedding in embeddings]
    seen = submission.scenario("positions_added", embed_dim, max_len, given)
    seen = recorded(seen, returned=list, inputs=list, parameters=int)
    expect(len(seen["returned"]) == len(seen["inputs"]) == len(embeddings), LOST)
    results = [
        tensor(returned, embedding.shape, "The embedding with its positions")
        for returned, embedding in zip(seen["returned"], embeddings, strict=True)
    ]
    return results, seen


def added(submission: Submission, embed_dim: int, seq: int, max_len: int | None = None) -> Tensor:
    """What is added to a review of so many tokens, (seq, embed_dim): what a review of zeros becomes."""
    (result,), _ = positions(submission, embed_dim, [torch.zeros(1, seq, embed_dim, dtype=torch.float64)], max_len)
    return result[0]


@points("PositionalEncoding", 0.5)
def test_positions_are_added_alike_to_every_review(submission: Submission, rng: torch.Generator) -> None:
    """What is added depends on the place of a token alone: not on its review, nor on what it says."""
    one, other = draw(rng, 3, 7, 6), draw(rng, 3, 7, 6)
    results, seen = positions(submission, 6, [one, other])
    gaps = [result - embedding for result, embedding in zip(results, (one, other), strict=True)]
    for after, before in zip(seen["inputs"], (one, other), strict=True):
        expect(same_as_before(before, after), "After the call the caller's embedding is not what it was.")
    off = apart(gaps[0], gaps[1])
    expect(off < 1e-5, f"What is added to a token depends on what the token says: it changes by {off:.2g}.")
    off = apart(gaps[0], gaps[0][:1].expand_as(gaps[0]))
    expect(off < 1e-5, f"What is added to a token depends on the review it stands in: it changes by {off:.2g}.")
    step = (gaps[0][:, 1:] - gaps[0][:, :-1]).abs().amax((0, 2)).min().item()
    expect(step > 1e-3, "Two tokens next to each other get the same position.")


@points("PositionalEncoding", 0.75)
def test_pairs_of_features_are_sine_and_cosine(submission: Submission, rng: torch.Generator) -> None:
    """Even sizes: features 2i and 2i + 1 are sine and cosine of position / 10,000 to the power of 2i/embed_dim."""
    for embed_dim, seq, max_len in ((6, 9, None), (16, 60, None), (8, 5, 5)):
        seen, due = added(submission, embed_dim, seq, max_len), waves(seq, embed_dim)
        off = (seen - due).abs() > 1e-4
        if off.any():
            place, feature = off.nonzero()[0].tolist()
            wave = "cosine" if feature % 2 else "sine"
            expect(
                False,
                f"With embed_dim = {embed_dim}, position {place} has {seen[place, feature]:.4f} as feature {feature}; "
                f"the {wave} there is {due[place, feature]:.4f} (both counted from 0).",
            )


@points("PositionalEncoding", 0.25)
def test_an_odd_size_leaves_the_last_cosine_out(submission: Submission, rng: torch.Generator) -> None:
    """An odd size follows the same formula.

    Pair i of size d has the pace of pair 2i of size 2d, so the two are compared: a wrong formula is paid for once.
    """
    for embed_dim, seq in ((7, 11), (13, 6)):
        seen, even = added(submission, embed_dim, seq), added(submission, 2 * embed_dim, seq)
        expect(seen.any(), f"With embed_dim = {embed_dim} nothing is added.")
        feature = torch.arange(embed_dim)
        off = (seen - even[:, 2 * feature - feature % 2]).abs().max().item()
        expect(
            off < 1e-4,
            f"With embed_dim = {embed_dim} the formula holds as well, but for a cosine at the end that has no room; "
            f"what is added is up to {off:.2g} away from it.",
        )


@points("PositionalEncoding", 0.5)
def test_positions_move_with_the_model_and_are_not_learned(submission: Submission, rng: torch.Generator) -> None:
    """Nothing to learn, and what is kept goes where the module goes."""
    x = draw(rng, 2, 5, 6)
    (result,), seen = positions(submission, 6, [x])
    expect(apart(result, x) > 1e-3, "Nothing is added to the embedding.")
    expect(
        seen["parameters"] == 0,
        f"The encoding has {seen['parameters']:,} numbers as parameters, which an optimizer would change; it should "
        "have none.",
    )
    moved = recorded(submission.scenario("positions_on_another_device", 6, 5), moved=bool, message=str)
    expect(
        moved["moved"],
        "After the module has moved to another device, its positions are not there. What is kept in a buffer moves "
        "with the module.",
    )


@points("shift_matrix", 0.5)
def test_the_matrix_shifts_any_position(submission: Submission, rng: torch.Generator) -> None:
    """M PE(t) = PE(t + k) for every t, for shifts to the right."""
    for embed_dim, low in ((4, 1), (10, 5), (16, 20)):
        k = low + int(torch.randint(5, (), generator=rng))
        matrix = tensor(submission.shift_matrix(k, embed_dim), (embed_dim, embed_dim), "The matrix")
        for t in (0, 3, 50 + int(torch.randint(100, (), generator=rng))):
            seen, due = matrix @ waves(1, embed_dim, t)[0], waves(1, embed_dim, t + k)[0]
            off = (seen - due).abs().max().item()
            expect(
                off < 1e-3,
                f"With embed_dim = {embed_dim}, position {t} shifted by {k} should become position {t + k}, but the "
                f"product is up to {off:.2g} away from it.",
            )


@points("shift_matrix", 0.5)
def test_shifts_add_up(submission: Submission, rng: torch.Generator) -> None:
    """Shifting by 0 is no shift, shifting back undoes a shift, and two shifts are one."""
    embed_dim = 6
    k, more = (3 + int(torch.randint(9, (), generator=rng)) for _ in range(2))
    eye = torch.eye(embed_dim, dtype=torch.float64)

    def shift(by: int) -> Tensor:
        return tensor(submission.shift_matrix(by, embed_dim), (embed_dim, embed_dim), "The matrix")

    expect(apart(shift(0), eye) < 1e-4, "A shift by 0 should leave every position where it is.")
    expect(not apart(shift(k), eye) < 1e-2, f"A shift by {k} leaves every position where it is.")
    off = apart(shift(-k) @ shift(k), eye)
    expect(off < 1e-4, f"A shift by {-k} should undo a shift by {k}, but what remains is {off:.2g} away from no shift.")
    off = apart(shift(more) @ shift(k), shift(k + more))
    expect(off < 1e-4, f"Shifts by {k} and by {more} should make a shift by {k + more}, but they are {off:.2g} apart.")


# ----------------------------------------------------------------------------------------------------------------
# 5.3 gradient_norms


def small_blocks(rng: torch.Generator, depth: int, embed_dim: int) -> list[list[Tensor]]:
    """Weight, bias and gain of each block; see the scenario gradient_norms_twice."""
    return [[draw(rng, embed_dim, embed_dim), draw(rng, embed_dim), 1 + draw(rng, embed_dim) / 4] for _ in range(depth)]


def gradient_norms(parts: list[list[Tensor]], x: Tensor) -> Tensor:
    leaves = [[part.clone().requires_grad_() for part in block] for block in parts]
    for weight, bias, gain in leaves:
        x = torch.tanh(x @ weight + bias) * gain
    grads = torch.autograd.grad(x[..., 0].mean(), [leaf for block in leaves for leaf in block])
    return torch.stack(
        [torch.cat([grad.flatten() for grad in grads[3 * i : 3 * i + 3]]).norm() for i in range(len(parts))]
    )


def norms_seen(submission: Submission, parts: list[list[Tensor]], x: Tensor) -> dict[str, Tensor]:
    seen = submission.scenario("gradient_norms_twice", parts, x)
    expect(isinstance(seen, dict), LOST)
    depth = len(parts)
    return {
        call: torch.tensor(numbers(seen.get(call), depth, f"the norms of {depth} blocks"), dtype=torch.float64)
        for call in ("first", "second", "after_others")
    }


@points("gradient_norms", 0.5)
def test_each_block_has_the_norm_of_all_its_gradients(submission: Submission, rng: torch.Generator) -> None:
    """The norms of the blocks are in the right proportion to each other."""
    for depth, batch, seq, embed_dim in ((3, 2, 5, 4), (5, 3, 2, 6)):
        parts, x = small_blocks(rng, depth, embed_dim), draw(rng, batch, seq, embed_dim)
        seen, due = norms_seen(submission, parts, x)["first"], gradient_norms(parts, x)
        expect((seen > 0).all(), "The norm of a gradient came out as 0 or less.")
        shares, expected = seen / seen.sum(), due / due.sum()
        off = (shares / expected - 1).abs()
        worst = int(off.argmax())
        expect(
            off.max() < 1e-4,
            f"Of {depth} blocks, number {worst + 1} should have {expected[worst]:.1%} of the sum of all norms, but it "
            f"has {shares[worst]:.1%}. Each norm is that of all gradients of a block's parameters as one vector.",
        )


@points("gradient_norms", 0.25)
def test_the_loss_is_the_mean_of_the_first_feature(submission: Submission, rng: torch.Generator) -> None:
    """The same reviews twice give the same mean; with the right proportions the size is right too."""
    parts, x = small_blocks(rng, 2, 5), draw(rng, 3, 4, 5)
    once = norms_seen(submission, parts, x)["first"]
    twice = norms_seen(submission, parts, torch.cat([x, x]))["first"]
    expect(once.norm() > 0, "All norms came out as 0.")
    factor = (twice.norm() / once.norm()).item()
    expect(
        abs(factor - 1) < 1e-4,
        f"When every review is there twice, the norms are {factor:.2f} times as large. The loss should be a mean.",
    )
    other = norms_seen(submission, parts, draw(rng, 3, 4, 5))["first"]
    expect(apart(once, other) > 1e-6, "For other reviews the norms are exactly the same.")
    due = gradient_norms(parts, x)
    factor = (once.norm() / due.norm()).item()
    alike = apart(once / once.norm(), due / due.norm()) < 1e-4
    expect(
        not alike or abs(factor - 1) < 1e-4,
        f"The norms are {factor:.3g} times what they should be. The loss is the mean of the first feature over all "
        "tokens.",
    )


@points("gradient_norms", 0.25)
def test_old_gradients_do_not_count(submission: Submission, rng: torch.Generator) -> None:
    """A second call gives the same as the first, whatever gradients stood in the parameters."""
    parts = small_blocks(rng, 3, 4)
    seen = norms_seen(submission, parts, draw(rng, 2, 5, 4))
    other = norms_seen(submission, parts, draw(rng, 2, 5, 4))["first"]
    expect(seen["first"].norm() > 0, "All norms came out as 0.")
    expect(apart(seen["first"], other) > 1e-6, "For other reviews the norms are exactly the same.")
    for call, what in (("second", "A second call"), ("after_others", "A call after another backward pass")):
        off = ((seen[call] / seen["first"]) - 1).abs().max().item()
        expect(
            off < 1e-5, f"{what} gives other norms: some block's is off by {off:.0%}. Are old gradients still there?"
        )


# ----------------------------------------------------------------------------------------------------------------
# 5.4 statements_block


def answered(submission: Submission, statement: int, hint: str, right: bool) -> None:
    given = submission.statements_block()
    expect(isinstance(given, dict), f"The answers should come back as a dict, but came as {named(given)}.")
    answer = given.get(statement)
    expect(isinstance(answer, bool), f"Statement {statement} has no answer: it should be True or False.")
    expect(answer is right, hint)


@points("statements_block", 0.5)
def test_what_follows_attention(submission: Submission, rng: torch.Generator) -> None:
    """A normalisation follows attention and helps training."""
    answered(submission, 1, "Statement 1 is not answered rightly. What is the fourth of the ten steps good for?", True)


@points("statements_block", 0.25)
def test_what_a_layer_norm_looks_at(submission: Submission, rng: torch.Generator) -> None:
    """At the features of one token."""
    answered(submission, 2, "Statement 2 is not answered rightly. Whose mean and variance are they?", False)


@points("statements_block", 0.25)
def test_what_the_feed_forward_layer_looks_at(submission: Submission, rng: torch.Generator) -> None:
    """At one token."""
    answered(submission, 3, "Statement 3 is not answered rightly. Which step brings tokens together?", False)

"""Hidden tests of stage 06. Sizes within a test differ, so that a swapped axis shows.

A BertModel is looked at from outside: what it returns when its inputs and its one table of embeddings are changed, and
how many parameters it has. So it does not matter how a student arranges the parts. Where something is drawn at random,
its share is within five standard deviations of what is right but once in 1.7 million.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.hidden_tests import expect, points
from autograder.remote import CallRaised, Submission
from coursekit.stand_ins import PositionalEncoding, TransformerBlock
from solutions.reading import apart, draw, named, number, recorded, rounding, tensor

# ----------------------------------------------------------------------------------------------------------------
# 6.1 BertModel

Sizes = tuple[int, int, int, int]
Batch = tuple[Tensor, Tensor | None]


def tokens(rng: torch.Generator, vocab_size: int, *shape: int) -> Tensor:
    return torch.randint(vocab_size, shape, generator=rng)


def scored(scores: Any, shape: tuple[int, ...]) -> Tensor:
    """Scores of each token, whatever the last dimension: a wrong output layer costs its own test only."""
    fits = isinstance(scores, Tensor) and scores.ndim == 3 and tuple(scores.shape[:2]) == shape
    expect(fits, f"There should be scores for each of {shape[0]} × {shape[1]} tokens, but it is {named(scores)}.")
    return tensor(scores, scores.shape, "The result")


def read(
    submission: Submission, sizes: Sizes, batches: list[Batch], table: Tensor | None = None
) -> tuple[list[Tensor], dict[str, Any]]:
    """The scores of a model for each batch, and what else was recorded of it."""
    seen = submission.scenario("bert_outputs", sizes, batches, table)
    seen = recorded(seen, outputs=list, table=list, weights=list, biases=list, others=int)
    expect(len(seen["outputs"]) == len(batches), "What was recorded of this call did not come back whole.")
    pairs = zip(seen["outputs"], batches, strict=True)
    return [scored(scores, tuple(ids.shape)) for scores, (ids, _) in pairs], seen


@points("BertModel", 0.5)
def test_there_are_scores_for_every_token_of_the_vocabulary(submission: Submission, rng: torch.Generator) -> None:
    """Scores (batch, seq_len, vocab_size), also without a mask and for other sizes than the last time."""
    for sizes, batch, seq_len in (((2, 22, 12, 3), 4, 7), ((1, 37, 8, 2), 3, 5)):
        outputs, _ = read(submission, sizes, [(tokens(rng, sizes[1], batch, seq_len), None)])
        scores = tensor(outputs[0], (batch, seq_len, sizes[1]), "The result")
        expect(scores.std() > 0, "All scores are the same number.")


@points("BertModel", 0.25)
def test_the_mask_token_has_an_embedding(submission: Submission, rng: torch.Generator) -> None:
    """The id that follows the vocabulary goes in like any other, and looks like no other."""
    sizes = (1, 22, 12, 3)
    ids = tokens(rng, 22, 3, 6)
    masked = ids.clone()
    masked[:, 2] = 22
    try:
        (plain, with_mask), _ = read(submission, sizes, [(ids, None), (masked, None)])
    except CallRaised as error:
        expect(
            error.kind not in ("IndexError", "RuntimeError"),
            "With a vocabulary of 22 the mask token has the id 22, and the model stops at it: the embedding needs a "
            "row for it.",
        )
        raise
    expect(apart(plain, with_mask) > 1e-9, "It changes nothing when a token is replaced by the mask token.")


@points("BertModel", 0.5)
def test_positions_are_added_once_to_the_embeddings(submission: Submission, rng: torch.Generator) -> None:
    """Tokens whose embedding makes up for their position look all the same: their outputs are equal.

    With row i of the table being c − position i, token i at place i comes to c. Tokens that are equal there attend to
    equal tokens, so they stay equal in every block, if the positions are added once, unscaled and before the blocks.
    """
    vocab_size, width, seq_len = 22, 12, 8
    positions = PositionalEncoding(width).double()(torch.zeros(1, seq_len, width, dtype=torch.float64))[0].detach()
    table = draw(rng, vocab_size + 1, width)
    table[:seq_len] = draw(rng, width) - positions
    places = torch.arange(seq_len)
    same = torch.full((1, seq_len), vocab_size - 1)
    sizes = (2, vocab_size, width, 3)
    (made_up, alike), seen = read(submission, sizes, [(places[None], None), (same, None)], table)
    expect(seen["table"], "No table of embeddings was found, with a row for each token.")
    spread = (alike - alike[:, :1]).abs().max().item()
    expect(
        spread > 1e-6, "One word written eight times gets the same scores at every place: the model sees no positions."
    )
    off = apart(made_up, made_up[:, :1].expand_as(made_up))
    expect(
        off < 1e-8 + rounding(submission),
        "What goes into the first block is not embedding plus position, each added once and unscaled: tokens for which "
        "this sum is equal are told apart.",
    )


@points("BertModel", 0.5)
def test_padding_is_hidden_in_every_block(submission: Submission, rng: torch.Generator) -> None:
    """What stands at padded places changes nothing at the real ones, for masks of bool, int and float."""
    sizes = (3, 22, 12, 2)
    ids = 1 + tokens(rng, 20, 3, 7)
    mask = torch.zeros(3, 7, dtype=torch.int64)
    mask[0, 5:], mask[1, 2:4], mask[2, 0] = 1, 1, 1
    real = (mask == 0).unsqueeze(-1)
    # Zeros, as padding mostly has: a model that looks for them instead of at the mask tells itself apart.
    others = torch.where(mask == 1, 0, ids)
    given = [mask.bool(), mask, mask.double()]
    batches: list[Batch] = [(text, kind) for kind in given for text in (ids, others)]
    outputs, _ = read(submission, sizes, [*batches, (ids, torch.zeros_like(mask)), (ids, None)])
    equal = 1e-8 + rounding(submission)
    for kind, one, other in zip(("truth values", "integers", "numbers"), outputs[0:6:2], outputs[1:6:2], strict=True):
        off = apart(one * real, other * real)
        expect(
            off < equal,
            f"When only padded tokens change, the scores of real ones change by {off:.2g} (mask of {kind}): the mask "
            "must reach every block.",
        )
        expect(
            apart(one * real, outputs[0] * real) < equal,
            f"A mask of {kind} hides other tokens than one of truth values.",
        )
    expect(
        apart(outputs[0] * real, outputs[-1] * real) > equal,
        "With a mask, padding should be hidden, but nothing changes.",
    )
    expect(apart(outputs[-2], outputs[-1]) < equal, "A mask without any padding changes the scores.")


@points("BertModel", 0.25)
def test_tokens_see_their_own_review_and_no_other(submission: Submission, rng: torch.Generator) -> None:
    """A token's scores depend on each other token of its review, before and after it, and on no other review."""
    sizes = (2, 22, 12, 3)
    ids = tokens(rng, 22, 4, 6)
    other = ids.clone()
    other[1, 3] = (ids[1, 3] + 1) % 22
    (one, two), _ = read(submission, sizes, [(ids, None), (other, None)])
    moved = (one - two).abs().amax(-1)
    expect(
        moved[1].min() > 1e-9,
        "One word of a review was changed, and the scores of some other word of it stayed: do all tokens go through "
        "the blocks, and see both sides?",
    )
    moved[1] = 0
    expect(
        moved.max() < 1e-8 + rounding(submission),
        "One review of the batch was changed, and the scores of another one changed too.",
    )


@points("BertModel", 0.25)
def test_scores_are_a_linear_function_of_the_hidden_states(submission: Submission, rng: torch.Generator) -> None:
    """Scores less the bias lie in the space that the columns of the output layer span."""
    (scores,), seen = read(submission, (1, 37, 8, 2), [(tokens(rng, 37, 3, 6), None)])
    last = scores.shape[-1]
    expect(last != 8, "There are 8 numbers for each token, which are hidden states: no output layer has scored them.")
    expect(
        len(seen["weights"]) == 1 and len(seen["biases"]) == 1,
        f"There are {last} scores for each token, but no output layer of its own with {last} rows of weights, 8 wide, "
        f"and {last} biases.",
    )
    weight = tensor(seen["weights"][0], (last, 8), "The tensor of the output layer's weights")
    bias = tensor(seen["biases"][0], (last,), "The output layer's bias")
    base, _ = torch.linalg.qr(weight)
    above = scores.flatten(0, 1) - bias
    off = apart(above @ base @ base.T, above)
    expect(
        off < 1e-6,
        "The results are no linear function of hidden states: something is applied to the scores of the output layer.",
    )


@points("BertModel", 0.25)
def test_number_of_parameters(submission: Submission, rng: torch.Generator) -> None:
    """Beside embeddings and output layer, those of so many blocks; the positions have none."""
    for sizes in ((3, 22, 12, 2), (1, 37, 8, 4)):
        n_layers, vocab_size, width, n_heads = sizes
        _, seen = read(submission, sizes, [(tokens(rng, vocab_size, 2, 5), None)])
        block = sum(p.numel() for p in TransformerBlock(width, n_heads, 0.0, 0.0).parameters())
        expect(
            seen["others"] == n_layers * block,
            f"Beside embeddings and output layer, a model of {n_layers} layers and width {width} has "
            f"{seen['others']:,} parameters, enough for {seen['others'] / block:.2f} blocks; expected were "
            f"{n_layers * block:,}.",
        )


@points("BertModel", 0.25)
def test_gradients_reach_every_parameter(submission: Submission, rng: torch.Generator) -> None:
    """A gradient at the scores gets to all parameters, and to the embeddings of all tokens that were read."""
    sizes = (3, 22, 12, 2)
    ids = torch.arange(22).view(2, 11)
    masked = torch.where(ids == 5, 22, ids)
    for text in (ids, masked):
        try:
            seen = recorded(submission.scenario("bert_gradients", sizes, text), without=list, rows=list)
        except CallRaised:
            if text is ids:
                raise
            return  # the missing row of the mask token costs its own test
        left = [name for name in seen["without"] if isinstance(name, str)]
        expect(
            not seen["without"],
            f"{len(seen['without'])} parameters get no gradient, for instance {left[0][:60] if left else 'one'}: is "
            "every part used in the forward pass?",
        )
        reached = {row for row, got in enumerate(seen["rows"]) if got is True}
        # Token 0 may be declared as padding of the embedding.
        idle = sorted(set(text.flatten().tolist()) - reached - {0})
        expect(
            not idle,
            f"The embedding of token {idle[0] if idle else 0} gets no gradient though it was read (the mask token is "
            "22).",
        )


def kinds(scores: Any, count: int) -> int:
    """How many different rows there are among so many equal reviews of one token."""
    rows = scored(scores, (count, 1)).flatten(1)
    different = 0
    while len(rows):
        far = (rows - rows[0]).abs().amax(1) > 1e-9 * (1 + rows[0].abs().max())
        rows = rows[far]
        different += 1
    return different


@points("BertModel", 0.25)
def test_drop_rates_reach_the_blocks(submission: Submission, rng: torch.Generator) -> None:
    """One token alone, many times: dropped weights leave two outcomes per head, dropped activations many more.

    Three heads in each of two layers have 2^6 outcomes, of which 512 reviews show most. A layer too few or too many
    would leave 2^3 or some 320 of 2^9; one head in each of two layers leaves 4. Each costs its own test.
    """
    ids = tokens(rng, 22, 1, 1).expand(512, 1).contiguous()
    seen = submission.scenario("bert_dropout", (2, 22, 12, 3), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)], ids)
    expect(isinstance(seen, list) and len(seen) == 3, "What was recorded of this call did not come back whole.")
    plain, weights, activations = (recorded(pair, training=Tensor, eval=Tensor) for pair in seen)
    for pair in (plain, weights, activations):
        expect(kinds(pair["eval"], 512) == 1, "In eval mode something is dropped: equal reviews get different scores.")
    expect(kinds(plain["training"], 512) == 1, "With both rates 0 something is still dropped.")
    outcomes = kinds(weights["training"], 512)
    expect(
        8 <= outcomes <= 400,
        "With attn_drop_rate 0.5 and layer_drop_rate 0, three heads that read one token in two layers have 64 "
        f"outcomes, but {outcomes} were seen.",
    )
    expect(
        kinds(activations["training"], 512) > 400,
        "With layer_drop_rate 0.5 and attn_drop_rate 0, hidden states should be dropped in training, and are not.",
    )


# ----------------------------------------------------------------------------------------------------------------
# 6.2 mask_inputs


def text_of(rng: torch.Generator, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high, shape, generator=rng)


def masked(submission: Submission, text: Tensor, vocab_size: int, *more: Any) -> tuple[Tensor, Tensor]:
    """Masked text and labels as int64."""
    returned = submission.mask_inputs(text, vocab_size, *more)
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    expect(pair, f"mask_inputs should return two tensors, masked text and labels, but returned {named(returned)}.")
    both = []
    for part, what in zip(returned, ("The masked text", "The labels"), strict=True):
        whole = tensor(part, text.shape, what)
        expect((whole == whole.round()).all(), f"{what} should hold whole numbers only.")
        both.append(whole.long())
    masked_text, labels = both
    exchanged = bool((masked_text == -100).any()) and not bool((labels == -100).any())
    return (labels, masked_text) if exchanged else (masked_text, labels)


def chosen_in(text: Tensor, masked_text: Tensor, labels: Tensor) -> Tensor:
    """Where a token was chosen: it has its own label, or was changed. Wrong labels cost their own test only."""
    own = labels == text
    everywhere = own.double().mean() > 0.9
    return masked_text != text if everywhere else own | (masked_text != text)


def deviations(ratio: float, count: int) -> float:
    """By how many standard deviations a sample variance over the true one misses 1, by Wilson and Hilferty."""
    width = 2 / (9 * (count - 1))
    return (max(ratio, 0.0) ** (1 / 3) - 1 + width) / math.sqrt(width)


@points("mask_inputs", 0.75)
def test_labels_are_the_original_tokens_where_chosen(submission: Submission, rng: torch.Generator) -> None:
    """Masked text and labels, both of token ids; labels are −100 but where a token was chosen; the input stays."""
    text = text_of(rng, 1, 100, 40, 56)
    for only_mask in (False, True):
        seen = recorded(submission.scenario("with_inputs", "mask_inputs", text, 100, 0.3, only_mask), inputs=list)
        returned: Any = seen.get("result")
        pair = isinstance(returned, tuple | list) and len(returned) == 2
        expect(pair, f"Two tensors should come back, masked text and labels, but it was {named(returned)}.")
        after = seen["inputs"][0] if seen["inputs"] else None
        expect(
            isinstance(after, Tensor) and after.shape == text.shape and bool((after == text).all()),
            "The text that was passed in is changed afterwards; work on a copy.",
        )
        for part, what in zip(returned, ("The masked text", "The labels"), strict=True):
            tensor(part, text.shape, what)
            expect(
                part.dtype == torch.int64,
                f"{what} should hold token ids, of dtype int64, but has {str(part.dtype)[6:]}.",
            )
        masked_text, labels = returned
        expect(
            not (masked_text == -100).any(),
            "Somewhere in the masked text stands −100, which is no token. Are the two exchanged?",
        )
        changed, labelled = masked_text != text, labels != -100
        expect(
            (labels[labelled] == text[labelled]).all(),
            "Some labels are neither −100 nor the token that stood there before.",
        )
        # That the whole text becomes the mask costs its own test.
        expect(
            bool(changed.all()) or not (changed & ~labelled).any(),
            "Some tokens were changed but have the label −100, so nobody asks what stood there.",
        )
        expect(
            labelled.double().mean() < 0.9,
            f"At a rate of 0.3, {labelled.double().mean():.0%} of the tokens have a label.",
        )
        expect(labelled.any(), "No token has a label.")


@points("mask_inputs", 0.5)
def test_the_share_of_chosen_tokens_is_the_mask_rate(submission: Submission, rng: torch.Generator) -> None:
    """The default of 0.15, and a rate of its own."""
    text = text_of(rng, 1, 100, 128, 128)
    rate = round(0.3 + 0.3 * torch.rand((), generator=rng).item(), 2)
    for more, right in (((), 0.15), ((rate,), rate)):
        masked_text, labels = masked(submission, text, 100, *more)
        chosen = chosen_in(text, masked_text, labels).double().mean().item()
        # Wrong labels cost their own test: the share that changes, 0.9 of the chosen, is as good.
        changed = (masked_text != text).double().mean().item() / (0.8 + 0.1 * 98 / 99)
        bound = 5 * math.sqrt(right * (1 - right) / text.numel())
        expect(
            min(abs(chosen - right), abs(changed - right)) <= bound,
            f"A share of {chosen:.3f} of the tokens is chosen; it should be {right:.2f}.",
        )


@points("mask_inputs", 0.75)
def test_of_the_chosen_tokens_80_10_10_are_masked_random_kept(submission: Submission, rng: torch.Generator) -> None:
    """Of all tokens, 80, 10 and 10 percent of those chosen; a random token is the old one again once in 99 times."""
    text = text_of(rng, 1, 100, 128, 128)
    rate, total = 0.4, text.numel()
    masked_text, labels = masked(submission, text, 100, rate)
    own = labels == text
    everywhere = own.double().mean() > 0.9
    at_all = chosen_in(text, masked_text, labels)
    chosen = int(total * rate) if everywhere else int(at_all.sum())
    expect(chosen > 0, "No token was chosen.")
    changed = masked_text != text
    # The mask is whatever the chosen tokens become most often: a wrong id costs its own test only.
    most = masked_text[changed].mode().values if changed.any() else torch.tensor(100)
    to_mask = changed & (masked_text == most)
    bound = 1.2 if everywhere else 1.0  # then the number of chosen tokens is not seen but expected
    for count, right, what in (
        (to_mask, 0.8, "becomes the mask"),
        (changed & ~to_mask, 0.1 * 98 / 99, "becomes another token"),
        ((own & ~changed) if not everywhere else None, 0.1 + 0.1 / 99, "stays as it is"),
    ):
        if count is None:
            continue
        seen = count.sum().item() / chosen
        limit = bound * (5 * math.sqrt(right * (1 - right) / chosen) + 2e-3)
        expect(
            abs(seen - right) <= limit,
            f"Of the chosen tokens a share of {seen:.3f} {what}; it should be about {right:.2f}.",
        )


@points("mask_inputs", 0.5)
def test_random_tokens_come_from_the_whole_vocabulary(submission: Submission, rng: torch.Generator) -> None:
    """Each token of the vocabulary but padding is drawn as often, also those that the batch does not have."""
    vocab_size, pad_id = 12, 4
    text = text_of(rng, 5, 8, 192, 128)  # three of the twelve tokens
    masked_text, _ = masked(submission, text, vocab_size, 0.5, False, pad_id)
    changed = masked_text[masked_text != text]
    expect(len(changed) > 0, "No token was changed.")
    counts = torch.bincount(changed.clamp(0, vocab_size + 1), minlength=vocab_size + 2)
    expect(counts[vocab_size + 1] == 0, "Some tokens became an id beyond that of the mask, which no token has.")
    # The mask is what tokens become most often: a wrong id of the mask costs its own test.
    most = int(counts.argmax())
    expect(
        pad_id == most or counts[pad_id] == 0,
        f"{counts[pad_id]} tokens became padding, which a random token should never be: padding is hidden.",
    )
    absent = [token for token in range(vocab_size) if token not in (4, 5, 6, 7, most)]
    drawn = counts[absent].sum().item()
    expect(drawn > 0, "No token becomes one that the batch did not have. Random tokens come from the whole vocabulary.")
    mean = drawn / len(absent)
    for token in absent:
        seen = counts[token].item()
        expect(
            abs(seen - mean) <= 6 * math.sqrt(mean),  # counts of about 110 lean to the right
            f"Token {token} was drawn {seen} times, and the others of the vocabulary about {mean:.0f} times each.",
        )


@points("mask_inputs", 0.5)
def test_padding_is_never_chosen(submission: Submission, rng: torch.Generator) -> None:
    """Padding stays and has no label, whatever its id is; token 0 is a token like any other where it is not padding."""
    for pad_id in (0, 9):
        text = text_of(rng, 0, 30, 48, 80)
        lengths = torch.randint(10, 70, (48, 1), generator=rng)
        text = torch.where(text == pad_id, 3, text)
        text = torch.where(torch.arange(80) < lengths, text, pad_id)
        padded = text == pad_id
        for only_mask in (False, True):
            masked_text, labels = masked(submission, text, 30, 0.4, only_mask, pad_id)
            changed = (masked_text[padded] != pad_id).sum().item()
            expect(
                changed == 0 or bool((masked_text != text).all()),  # the whole text masked costs its own test
                f"{changed} padded places were changed (padding has the id {pad_id}); they should stay as they are.",
            )
            labelled = (labels[padded] == pad_id).double().mean().item()
            if (labels == text).double().mean() < 0.9 and not (labels[~padded] == pad_id).any():
                expect(labelled == 0, f"{labelled:.0%} of the padding has a label, though padding is never predicted.")
        if pad_id:
            zero = (masked_text != text)[text == 0]
            expect(zero.any(), "Token 0 is never changed where padding has another id: it is a token like any other.")


@points("mask_inputs", 0.5)
def test_only_mask_masks_every_chosen_token(submission: Submission, rng: torch.Generator) -> None:
    """The mask has the id that follows the vocabulary; with only_mask it is all that chosen tokens become."""
    text = text_of(rng, 1, 60, 64, 96)
    masked_text, labels = masked(submission, text, 60, 0.3, True)
    became = masked_text[masked_text != text].unique()
    expect(len(became) > 0, "With only_mask no token is changed.")
    most = masked_text[masked_text != text].mode().values.item()
    expect(most == 60, f"With a vocabulary of 60 the mask has the id 60, but the tokens become {most}.")
    expect(
        len(became) == 1,
        f"With only_mask the chosen tokens become the mask and nothing else, but {len(became)} ids were seen.",
    )
    kept = ((labels == text) & (masked_text == text)).sum().item()
    if (labels == text).double().mean() < 0.9:
        expect(kept == 0, f"With only_mask every chosen token is masked, but {kept} have a label and stay as they are.")
    expect(
        (masked_text == text).any(), "With only_mask the whole text becomes the mask. Only the chosen tokens should."
    )
    masked_text, _ = masked(submission, text, 60, 0.3)
    changed = masked_text[masked_text != text]
    expect(len(changed) > 0, "Without only_mask no token is changed.")
    most = changed.mode().values.item()
    expect(most == 60, f"With a vocabulary of 60 the mask has the id 60, but the tokens mostly become {most}.")


@points("mask_inputs", 0.5)
def test_tokens_are_chosen_independently_and_anew(submission: Submission, rng: torch.Generator) -> None:
    """Chosen tokens lie anywhere, vary in number from review to review and call to call, and are others each time."""
    n_reviews, seq_len, rate = 96, 120, 0.3
    text = text_of(rng, 1, 100, n_reviews, seq_len)
    places, totals = [], []
    for _ in range(6):
        masked_text, labels = masked(submission, text, 100, rate)
        places.append((masked_text != text).double())
        totals.append(int((labels == text).sum()) if (labels == text).double().mean() < 0.9 else None)
    one, two = places[:2]
    changed = torch.stack(places).mean().item()
    expect(changed > 0, "No token was changed.")
    spread = math.sqrt(changed * (1 - changed))
    # Correlations of independent draws: 0 within 5/√n.
    again = ((one - changed) * (two - changed)).mean().item() / spread**2
    expect(
        abs(again) < 6 / math.sqrt(text.numel()),
        "Two calls on the same text choose the same places more often than chance would.",
    )
    by_place, by_review = one.mean(0), one.mean(1)
    uneven = (by_place - by_place.mean()).square().mean().item() * n_reviews / spread**2
    expect(
        abs(deviations(uneven, seq_len)) < 5,
        "The chosen tokens gather at certain places of the reviews, as if in order. Each token has a draw of its own.",
    )
    varied = (by_review - by_review.mean()).square().mean().item() * seq_len / spread**2
    expect(
        abs(deviations(varied, n_reviews)) < 5,
        "The number of tokens that change in a review varies "
        + ("less" if varied < 1 else "more")
        + " than that of independent draws.",
    )
    masks = (masked(submission, text, 100, rate)[0] == 100).double().mean(1)
    mean = masks.mean().item()
    if 0 < mean < 1:
        varied = (masks - mean).square().mean().item() * seq_len / (mean * (1 - mean))
        expect(
            abs(deviations(varied, n_reviews)) < 5,
            "The number of masks in a review varies "
            + ("less" if varied < 1 else "more")
            + " than that of independent draws.",
        )
    expect(
        totals[0] is None or len(set(totals)) > 1,
        f"In six calls exactly {totals[0]} tokens were chosen each time. That many is the mean; independent draws "
        "vary.",
    )


# ----------------------------------------------------------------------------------------------------------------
# 6.3 pretraining_step

WIDTH, WORDS, RATE = 5, 17, 0.3


def toy(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    return draw(rng, WORDS + 1, WIDTH), draw(rng, WORDS, WIDTH)


def masked_batch(rng: torch.Generator, pad_id: int) -> tuple[Tensor, Tensor]:
    """A masked text of 4 reviews with padding, and its labels."""
    text = torch.randint(WORDS, (4, 9), generator=rng)
    text = torch.where(text == pad_id, pad_id + 1, text)
    text[0, 6:], text[2, 4:] = pad_id, pad_id
    labels = torch.full_like(text, -100)
    for row, column in ((0, 1), (1, 5), (1, 8), (2, 0), (3, 3)):
        labels[row, column] = text[row, column]
        text[row, column] = WORDS
    labels[3, 7] = text[3, 7]  # chosen, and stays
    return text, labels


def step(submission: Submission, rng: torch.Generator, pad_id: int) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
    """One step on a toy model, and what went in: table, weight, text, labels."""
    table, weight = toy(rng)
    text, labels = masked_batch(rng, pad_id)
    given = {"pad_id": pad_id} if pad_id else {}
    seen = submission.scenario("step_on_toy", table, weight, text, labels, RATE, **given)
    seen = recorded(seen, calls=list, table=Tensor, weight=Tensor, steps=int)
    for call in seen["calls"]:
        recorded(call, training=bool, text=Tensor)
    expect(len(seen["calls"]) >= 1, "The model was never called.")
    return seen, (table, weight, text, labels)


def seen_by_model(call: dict[str, Any], text: Tensor) -> Tensor:
    """1 where the model was shown a token: what its mask said, whatever that is."""
    mask = call.get("mask")
    if mask is None:
        return torch.ones(text.shape, dtype=torch.float64)
    return 1 - tensor(mask, text.shape, "The mask that the model gets")


def expected_loss(table: Tensor, weight: Tensor, text: Tensor, labels: Tensor, seen: Tensor) -> Tensor:
    """The toy's loss, written again outside the student's process."""
    rows = F.embedding(text, table)
    context = torch.einsum("bs,bsd->bd", seen, rows) / seen.sum(1, keepdim=True).clamp(min=1)
    logits = F.linear(rows + context[:, None], weight)
    return F.cross_entropy(logits.transpose(1, 2), labels)


def slope(table: Tensor, weight: Tensor, text: Tensor, labels: Tensor, seen: Tensor) -> Tensor:
    """The gradient of the toy's loss at table and weight, in one row."""
    rows, columns = table.clone().requires_grad_(), weight.clone().requires_grad_()
    parts = torch.autograd.grad(expected_loss(rows, columns, text, labels, seen), (rows, columns))
    return torch.cat([part.flatten() for part in parts])


@points("pretraining_step", 0.5)
def test_the_loss_is_the_mean_over_labelled_tokens(submission: Submission, rng: torch.Generator) -> None:
    """A plain number: the cross-entropy of the labelled tokens before the step."""
    seen, (table, weight, text, labels) = step(submission, rng, 0)
    loss = number(seen.get("loss"), "The loss")
    right = expected_loss(table, weight, text, labels, seen_by_model(seen["calls"][0], text)).item()
    expect(
        abs(loss - right) < 1e-6 * (1 + right),
        f"The loss is {loss:.4f}; the mean cross-entropy of the labelled tokens is {right:.4f}.",
    )
    expect(
        seen.get("plain") is True,
        "The loss comes back as a tensor. Return a plain number, so that its graph can be freed.",
    )


@points("pretraining_step", 0.5)
def test_the_step_follows_the_gradient_of_this_batch(submission: Submission, rng: torch.Generator) -> None:
    """With plain gradient descent the weights move against the gradient of the loss; older gradients are gone.

    Only the direction is compared: a loss with another scale costs its own test.
    """
    seen, (table, weight, text, labels) = step(submission, rng, 0)
    shown = seen_by_model(seen["calls"][0], text)
    downhill = -slope(table, weight, text, labels, shown)
    moved = [
        tensor(seen[name], before.shape, "A parameter") - before
        for name, before in (("table", table), ("weight", weight))
    ]
    went = torch.cat([part.flatten() for part in moved])
    made = f"The optimizer made {seen['steps']} steps, and"
    expect(went.norm() > 1e-9, f"{made} the weights of the model are the same after it as before.")
    alike = F.cosine_similarity(went, downhill, dim=0).item()
    older = -torch.ones_like(downhill)
    if alike < 0.9999:
        left = F.cosine_similarity(went - RATE * downhill, older, dim=0).item()
        why = " Gradients of an earlier step are still in it." if left > 0.999 else ""
        # A step on the labels of all tokens costs the test of the loss.
        copied = torch.where(text < WORDS, text, WORDS - 1)
        copying = F.cosine_similarity(went, -slope(table, weight, text, copied, shown), dim=0).item()
        expect(copying > 0.9999, f"The step does not go down the gradient of this batch's loss.{why}")


@points("pretraining_step", 0.75)
def test_padding_is_hidden_from_the_model(submission: Submission, rng: torch.Generator) -> None:
    """The model gets the masked text, and a mask that is 1 at padding and nowhere else, whatever id padding has."""
    for pad_id in (0, 6):
        seen, (_, _, text, _) = step(submission, rng, pad_id)
        call = seen["calls"][0]
        expect(
            call["text"].shape == text.shape and bool((call["text"] == text).all()),
            "The model is not called on the masked text as it was passed in.",
        )
        expect(
            call.get("mask") is not None, "The model is called without a mask, so padding is not hidden from attention."
        )
        mask = tensor(call["mask"], text.shape, "The mask that the model gets")
        wrong = (mask != (text == pad_id)).sum().item()
        expect(
            wrong == 0,
            f"Padding has the id {pad_id}, and in {wrong} of {text.numel()} places the mask that the model gets is "
            "not 1 for padding or not 0 for a token.",
        )


@points("pretraining_step", 0.25)
def test_the_model_is_in_training_mode(submission: Submission, rng: torch.Generator) -> None:
    """A model that comes in eval mode is switched."""
    seen, _ = step(submission, rng, 0)
    expect(seen["calls"][0]["training"], "The model came in eval mode and was called in it: dropout stays off.")


# ----------------------------------------------------------------------------------------------------------------
# 6.4 unigram_entropy, fill_mask


@points("unigram_entropy", 1)
def test_entropy_of_the_frequencies(submission: Submission, rng: torch.Generator) -> None:
    """In nats, over the tokens that occur, without padding."""
    for pad_id, shape in ((0, (6, 50)), (3, (4, 30))):
        weights = torch.tensor([0.3, 0.25, 0.0, 0.2, 0.1, 0.0, 0.1, 0.05])
        ids = torch.multinomial(weights, math.prod(shape), replacement=True, generator=rng).view(shape)
        counts = torch.bincount(ids[ids != pad_id], minlength=8).double()
        p = counts[counts > 0] / counts.sum()
        right = torch.special.entr(p).sum().item()
        entropy = number(submission.unigram_entropy(ids, pad_id), "The entropy")
        expect(
            abs(entropy - right) < 1e-4,
            f"For {len(p)} different tokens, padding left out, the entropy is {entropy:.4f}; it should be {right:.4f} "
            "nats.",
        )
    alike = number(submission.unigram_entropy(torch.arange(1, 33).view(4, 8)), "The entropy")
    expect(
        abs(alike - math.log(32)) < 1e-4, f"For 32 tokens, each once, the entropy is {alike:.3f}, not ln 32 = 3.466."
    )


def filled(
    submission: Submission, rng: torch.Generator, pad_id: int, k: int
) -> tuple[dict[str, Any], Tensor, Tensor, Tensor]:
    """What fill_mask gave on a toy model: the record, the text, and the right guesses under the mask it used."""
    table, weight = toy(rng)
    text, _ = masked_batch(rng, pad_id)
    seen = submission.scenario("fill_with_toy", table, weight, text, WORDS, pad_id=pad_id, k=k)
    seen = recorded(seen, calls=list)
    for call in seen["calls"]:
        recorded(call, training=bool, gradients=bool, text=Tensor)
    expect(len(seen["calls"]) >= 1, "The model was never called.")
    expect(seen["calls"][0]["text"].shape == text.shape, "The model is not called on the text that was passed in.")
    shown = seen_by_model(seen["calls"][0], text)
    rows = F.embedding(text, table)
    context = torch.einsum("bs,bsd->bd", shown, rows) / shown.sum(1, keepdim=True).clamp(min=1)
    shares = F.linear(rows + context[:, None], weight).softmax(-1)[text == WORDS]
    best = shares.sort(dim=-1, descending=True)
    return seen, text, best.indices[:, :k], best.values[:, :k]


@points("fill_mask", 0.5)
def test_guesses_are_the_most_likely_tokens(submission: Submission, rng: torch.Generator) -> None:
    """For each mask, in reading order, the k most likely tokens and their probabilities among the whole vocabulary."""
    for pad_id, k in ((0, 3), (6, 4)):
        seen, _, guesses, chances = filled(submission, rng, pad_id, k)
        result: Any = seen.get("result")
        pair = isinstance(result, tuple | list) and len(result) == 2
        expect(pair, f"Two tensors should come back, tokens and probabilities, but it was {named(result)}.")
        given = tensor(result[0], guesses.shape, "The tensor of tokens")
        shares = tensor(result[1], chances.shape, "The tensor of probabilities")
        whole = bool((given == given.round()).all())
        expect(whole, "The tokens should be ids, which are whole numbers. Are tokens and probabilities exchanged?")
        right = (given == guesses).double().mean().item()
        expect(right == 1, f"{right:.0%} of the guesses are the most likely tokens of their mask, in falling order.")
        off = apart(shares, chances)
        expect(
            off < 1e-4,
            f"The probabilities of the guesses are up to {off:.2g} away from those over the whole vocabulary.",
        )


@points("fill_mask", 0.5)
def test_the_model_reads_without_dropout_and_padding(submission: Submission, rng: torch.Generator) -> None:
    """The model is in eval mode, and sees everything but padding."""
    for pad_id in (0, 6):
        seen, text, _, _ = filled(submission, rng, pad_id, 2)
        call = seen["calls"][0]
        expect(not call["training"], "The model is called in training mode, so dropout changes its guesses.")
        shown = seen_by_model(call, text)
        leaked, hidden = (shown[text == pad_id] > 0).any(), (shown[text != pad_id] < 1).any()
        expect(not leaked, f"Padding, here of id {pad_id}, is not hidden from the model.")
        expect(not hidden, "Some tokens that are no padding are hidden from the model.")


# ----------------------------------------------------------------------------------------------------------------
# 6.5 statements_pretraining


def verdict(submission: Submission, statement: int) -> bool:
    """What a student says of a statement."""
    given = submission.statements_pretraining()
    expect(isinstance(given, dict), f"A dict from number to True or False should come back, but it is {named(given)}.")
    said = given.get(statement)
    expect(isinstance(said, bool), f"Statement {statement} has neither True nor False.")
    return bool(said)


@points("statements_pretraining", 0.25)
def test_how_an_encoder_learns(submission: Submission) -> None:
    """Statement 1."""
    expect(verdict(submission, 1) is False, "Statement 1 is judged wrongly: what may a masked word be predicted from?")


@points("statements_pretraining", 0.25)
def test_which_of_the_two_is_an_encoder(submission: Submission) -> None:
    """Statement 2."""
    expect(verdict(submission, 2) is False, "Statement 2 is judged wrongly: which of the two writes text?")


@points("statements_pretraining", 0.25)
def test_what_bert_is_pretrained_with(submission: Submission) -> None:
    """Statement 3."""
    expect(verdict(submission, 3) is True, "Statement 3 is judged wrongly: what are the two tasks of the paper?")


@points("statements_pretraining", 0.25)
def test_what_a_shot_is(submission: Submission) -> None:
    """Statement 4."""
    expect(verdict(submission, 4) is False, "Statement 4 is judged wrongly: how many examples are in the prompt?")

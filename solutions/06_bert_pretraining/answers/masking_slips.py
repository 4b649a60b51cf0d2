"""6.2 Wrong answers to mask_inputs: each is the right one with a slip, or a different idea of what is drawn."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import edited, misconception

CHOSEN = "chosen = (torch.rand(text.shape, device=text.device) < mask_rate) & (text != pad_id)"
LABELS = "mask_labels = text.masked_fill(~chosen, -100)"
ONLY = "return text.masked_fill(chosen, vocab_size), mask_labels"
FATE = "fate = torch.rand(text.shape, device=text.device)"
MASKED = "masked_text = text.masked_fill(chosen & (fate < 0.8), vocab_size)"
DRAWN = "anything = torch.randint_like(text, vocab_size - 1)\n    anything += anything >= pad_id"
SET_RANDOM = "masked_text = torch.where(chosen & (fate >= 0.9), anything, masked_text)"
BOTH_MASKED = "return masked_text, masked_text.masked_fill(~chosen, -100)"
SAME = "torch.Generator().manual_seed(0)"
LAST = "return torch.where(chosen & (fate >= 0.9), anything, masked_text), mask_labels"

edited(
    "mask_inputs",
    "labels_everywhere",
    "Every token has a label. Only the chosen ones should, or the model is mostly rewarded for copying what it sees.",
    [(LABELS, "mask_labels = text.clone()")],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "labels_zero_elsewhere",
    "Where no token was chosen the label is 0, a token id like any other. The loss leaves out −100 only.",
    [(LABELS, "mask_labels = text.masked_fill(~chosen, 0)")],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "labels_one_elsewhere",
    "Where no token was chosen the label is −1. The loss leaves out −100 only, and stops with an error at −1.",
    [(LABELS, "mask_labels = text.masked_fill(~chosen, -1)")],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "labels_from_the_masked_text",
    "The labels are read from the text after it was masked. They must hold what stood there before.",
    [
        (ONLY, "masked_text = text.masked_fill(chosen, vocab_size)\n        " + BOTH_MASKED),
        (LAST, f"{SET_RANDOM}\n    {BOTH_MASKED}"),
    ],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "unchanged_tokens_without_label",
    "Tokens that were chosen and stay as they are have no label. They were chosen, so they are predicted like the "
    "others.",
    [(LAST, f"{SET_RANDOM}\n    return masked_text, mask_labels.masked_fill(masked_text == text, -100)")],
    caught_by="test_of_the_chosen_tokens_80_10_10_are_masked_random_kept",
)
edited(
    "mask_inputs",
    "text_changed_in_place",
    "The text that came in is changed itself. The next epoch would then start from masks: work on a copy.",
    [
        (ONLY, "return text.masked_fill_(chosen, vocab_size), mask_labels"),
        (LAST, "text.copy_(torch.where(chosen & (fate >= 0.9), anything, masked_text))\n    return text, mask_labels"),
    ],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "results_exchanged",
    "The labels come back first and the masked text second; they are exchanged.",
    [
        (ONLY, "return mask_labels, text.masked_fill(chosen, vocab_size)"),
        (LAST, "return mask_labels, torch.where(chosen & (fate >= 0.9), anything, masked_text)"),
    ],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "masked_text_alone",
    "Only the masked text comes back. Without the labels nobody knows what stood there.",
    [
        (ONLY, "return text.masked_fill(chosen, vocab_size)"),
        (LAST, "return torch.where(chosen & (fate >= 0.9), anything, masked_text)"),
    ],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "floating_point_tokens",
    "The masked text comes back as floating-point numbers. Token ids are whole numbers: an embedding takes no others.",
    [
        (ONLY, "return text.masked_fill(chosen, vocab_size).float(), mask_labels"),
        (LAST, "return torch.where(chosen & (fate >= 0.9), anything, masked_text).float(), mask_labels"),
    ],
    caught_by="test_labels_are_the_original_tokens_where_chosen",
)
edited(
    "mask_inputs",
    "padding_chosen",
    "Padding is chosen like any token. There is nothing to learn from predicting it.",
    [(CHOSEN, "chosen = torch.rand(text.shape, device=text.device) < mask_rate")],
    caught_by="test_padding_is_never_chosen",
)
edited(
    "mask_inputs",
    "padding_always_zero",
    "Padding is taken to have the id 0, whatever id is given for it.",
    [(CHOSEN, "pad_id = 0\n    " + CHOSEN)],
    caught_by="test_padding_is_never_chosen",
)
edited(
    "mask_inputs",
    "every_chosen_token_masked",
    "Every chosen token becomes the mask. A tenth should become a random token, and a tenth should stay.",
    [("if only_mask:", "if True:")],
    caught_by="test_of_the_chosen_tokens_80_10_10_are_masked_random_kept",
)
edited(
    "mask_inputs",
    "none_stay",
    "Of the chosen tokens a fifth become random tokens and none stay. The two tenths are different things.",
    [("fate >= 0.9", "fate >= 0.8")],
    caught_by="test_of_the_chosen_tokens_80_10_10_are_masked_random_kept",
)
edited(
    "mask_inputs",
    "none_random",
    "Of the chosen tokens a fifth stay as they are and none become random tokens. The two tenths are different things.",
    [(LAST, "return masked_text, mask_labels")],
    caught_by="test_of_the_chosen_tokens_80_10_10_are_masked_random_kept",
)
edited(
    "mask_inputs",
    "a_tenth_of_the_rest",
    "Too few tokens become random: a tenth of those that did not become the mask, instead of a tenth of all chosen. "
    "Of the fifth that is left, which share must it be?",
    [("chosen & (fate >= 0.9)", "chosen & (fate >= 0.8) & (torch.rand(text.shape) < 0.1)")],
    caught_by="test_of_the_chosen_tokens_80_10_10_are_masked_random_kept",
)
edited(
    "mask_inputs",
    "random_over_masks",
    "The tenth that becomes random is drawn again among all chosen tokens, so it also falls on masks: fewer masks are "
    "left than 80%.",
    [("chosen & (fate >= 0.9)", "chosen & (torch.rand(text.shape) < 0.1)")],
    caught_by="test_of_the_chosen_tokens_80_10_10_are_masked_random_kept",
)
edited(
    "mask_inputs",
    "one_fate_per_review",
    "It is drawn once per review whether its chosen tokens become masks, become random or stay. Each token has a draw "
    "of its own.",
    [(FATE, "fate = torch.rand(len(text), 1).expand(text.shape)")],
    caught_by="test_tokens_are_chosen_independently_and_anew",
)
edited(
    "mask_inputs",
    "random_from_the_batch",
    "The random tokens are taken from the batch itself. They should come from the whole vocabulary.",
    [(DRAWN, "anything = text.flatten()[torch.randperm(text.numel())].view(text.shape)")],
    caught_by="test_random_tokens_come_from_the_whole_vocabulary",
)
edited(
    "mask_inputs",
    "one_random_token_for_all",
    "One random token is drawn and used everywhere. Each place has a draw of its own.",
    [(DRAWN, "anything = torch.randint(1, vocab_size, ()).expand(text.shape)")],
    caught_by="test_random_tokens_come_from_the_whole_vocabulary",
)
edited(
    "mask_inputs",
    "random_can_be_padding",
    "A random token can be padding, which hides a real word from attention. Padding is not a token to draw.",
    [(DRAWN, "anything = torch.randint_like(text, vocab_size)")],
    caught_by="test_random_tokens_come_from_the_whole_vocabulary",
)
edited(
    "mask_inputs",
    "random_below_the_padding",
    "The random tokens leave out id 0 instead of the id of padding.",
    [(DRAWN, "anything = torch.randint(1, vocab_size, text.shape)")],
    caught_by="test_random_tokens_come_from_the_whole_vocabulary",
)
edited(
    "mask_inputs",
    "random_from_a_part",
    "The random tokens come from the first part of the vocabulary only.",
    [(DRAWN, DRAWN.replace("vocab_size - 1", "vocab_size // 2"))],
    caught_by="test_random_tokens_come_from_the_whole_vocabulary",
)
edited(
    "mask_inputs",
    "mask_is_the_last_word",
    "The last token of the vocabulary is used as the mask, so the model can no longer tell the two apart. The mask is "
    "the next id after it.",
    [
        (ONLY, "return text.masked_fill(chosen, vocab_size - 1), mask_labels"),
        (MASKED, "masked_text = text.masked_fill(chosen & (fate < 0.8), vocab_size - 1)"),
    ],
    caught_by="test_only_mask_masks_every_chosen_token",
)
edited(
    "mask_inputs",
    "mask_is_padding",
    "The chosen tokens become padding. Padding is hidden from attention; the mask must be seen, and has an id of its "
    "own.",
    [
        (ONLY, "return text.masked_fill(chosen, pad_id), mask_labels"),
        (MASKED, "masked_text = text.masked_fill(chosen & (fate < 0.8), pad_id)"),
    ],
    caught_by="test_only_mask_masks_every_chosen_token",
)
edited(
    "mask_inputs",
    "only_mask_ignored",
    "With only_mask, some chosen tokens still stay or become random. Then all of them become the mask.",
    [("if only_mask:", "if False:")],
    caught_by="test_only_mask_masks_every_chosen_token",
)
edited(
    "mask_inputs",
    "only_mask_masks_the_text",
    "With only_mask, the whole text becomes the mask. It says what happens to the chosen tokens, not which are chosen.",
    [(ONLY, "return torch.full_like(text, vocab_size), mask_labels")],
    caught_by="test_only_mask_masks_every_chosen_token",
)
edited(
    "mask_inputs",
    "rate_fixed",
    "The rate is always 0.15, whatever is asked for.",
    [("< mask_rate", "< 0.15")],
    caught_by="test_the_share_of_chosen_tokens_is_the_mask_rate",
)
edited(
    "mask_inputs",
    "rate_upside_down",
    "The share that should be chosen is left alone, and all the rest is chosen: look at the direction of the "
    "comparison.",
    [("< mask_rate", "> mask_rate")],
    caught_by="test_the_share_of_chosen_tokens_is_the_mask_rate",
)
edited(
    "mask_inputs",
    "eighty_percent_of_the_rate",
    "Too few tokens are chosen: 80% of the mask rate. All chosen tokens count, also those that stay or become random.",
    [("< mask_rate", "< 0.8 * mask_rate")],
    caught_by="test_the_share_of_chosen_tokens_is_the_mask_rate",
)
edited(
    "mask_inputs",
    "same_places_every_time",
    "Every call chooses the same places. They must be drawn anew, so that each epoch masks other words.",
    [("torch.rand(text.shape, device=text.device) < mask", f"torch.rand(text.shape, generator={SAME}) < mask")],
    caught_by="test_tokens_are_chosen_independently_and_anew",
)


@misconception(
    "mask_inputs",
    "The chosen tokens stand at the beginning of each review, in order. Each token is chosen by a draw of its own.",
    caught_by="test_tokens_are_chosen_independently_and_anew",
)
def first_tokens(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    real = text != pad_id
    place = real.cumsum(1) - 1
    chosen = real & (place + torch.rand(len(text), 1) < mask_rate * real.sum(1, keepdim=True))
    labels = torch.where(chosen, text, -100)
    fate = torch.zeros(text.shape) if only_mask else torch.rand(text.shape)
    other = (torch.randint(1, vocab_size, text.shape) + pad_id) % vocab_size
    masked = torch.where(fate < 0.8, vocab_size, torch.where(fate < 0.9, other, text))
    return torch.where(chosen, masked, text), labels


@misconception(
    "mask_inputs",
    "Every review has exactly the same share of chosen tokens. Each token is chosen by a draw of its own, so the "
    "number should vary from review to review.",
    caught_by="test_tokens_are_chosen_independently_and_anew",
)
def exact_share_per_review(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    real = text != pad_id
    score = torch.rand(text.shape).masked_fill(~real, 2.0)
    rank = score.argsort(1).argsort(1)
    chosen = rank < mask_rate * real.sum(1, keepdim=True) - torch.rand(len(text), 1)
    labels = torch.where(chosen, text, -100)
    fate = torch.zeros(text.shape) if only_mask else torch.rand(text.shape)
    other = (torch.randint(1, vocab_size, text.shape) + pad_id) % vocab_size
    masked = torch.where(fate < 0.8, vocab_size, torch.where(fate < 0.9, other, text))
    return torch.where(chosen, masked, text), labels


@misconception(
    "mask_inputs",
    "Exactly the same number of tokens is chosen in every call. Each token is chosen by a draw of its own, so the "
    "number should vary.",
    caught_by="test_tokens_are_chosen_independently_and_anew",
)
def exact_number_per_batch(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    places = torch.nonzero(text.flatten() != pad_id).squeeze(1)
    places = places[torch.randperm(len(places))[: round(mask_rate * len(places))]]
    chosen = torch.zeros(text.numel(), dtype=torch.bool)
    chosen[places] = True
    chosen = chosen.view(text.shape)
    labels = torch.where(chosen, text, -100)
    fate = torch.zeros(text.shape) if only_mask else torch.rand(text.shape)
    other = (torch.randint(1, vocab_size, text.shape) + pad_id) % vocab_size
    masked = torch.where(fate < 0.8, vocab_size, torch.where(fate < 0.9, other, text))
    return torch.where(chosen, masked, text), labels


@misconception(
    "mask_inputs",
    "The same places are chosen in every review of the batch. Each token is chosen by a draw of its own.",
    caught_by="test_tokens_are_chosen_independently_and_anew",
)
def same_places_in_every_review(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    real = text != pad_id
    longest = real.sum(1).max()
    places = torch.randperm(int(longest))[: int(mask_rate * longest + torch.rand(()))]
    chosen = torch.zeros(text.shape, dtype=torch.bool)
    chosen[:, places] = True
    chosen &= real
    labels = torch.where(chosen, text, -100)
    fate = torch.zeros(text.shape) if only_mask else torch.rand(text.shape)
    other = (torch.randint(1, vocab_size, text.shape) + pad_id) % vocab_size
    masked = torch.where(fate < 0.8, vocab_size, torch.where(fate < 0.9, other, text))
    return torch.where(chosen, masked, text), labels

"""4.4 Right and wrong answers to head_profile."""

# mypy: disallow-untyped-defs=False, disable-error-code="no-untyped-call"
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import alternative, edited, reference

ENTROPY = "test_entropy_is_a_mean_over_the_queries"
ZEROS = "test_weights_of_zero_add_no_entropy"
DISTANCE = "test_distance_is_how_far_the_weights_reach"


@reference("head_profile")
def with_xlogy(attention):
    seq_len = attention.shape[-1]
    entropy = -torch.xlogy(attention, attention).sum(dim=-1).mean(dim=-1)
    place = torch.arange(seq_len)
    away = (place[:, None] - place).abs()
    distance = (attention * away).sum(dim=-1).mean(dim=-1)
    return entropy, distance


@alternative("head_profile")
def with_where(attention):
    logs = torch.where(attention > 0, attention, torch.ones_like(attention)).log()
    t = attention.size(1)
    steps = torch.tensor([[abs(i - j) for j in range(t)] for i in range(t)], dtype=attention.dtype)
    return (-attention * logs).sum((1, 2)) / t, torch.einsum("hij,ij->h", attention, steps) / t


@alternative("head_profile")
def with_clamp(attention):
    entropy = (attention * -attention.clamp(min=1e-12).log()).sum(-1).mean(1)
    rows, columns = torch.meshgrid(torch.arange(attention.shape[1]), torch.arange(attention.shape[2]), indexing="ij")
    return [entropy, (attention * torch.abs(rows - columns)).sum(-1).mean(1)]


@alternative("head_profile")
def head_after_head(attention):
    entropies, distances = [], []
    for head in attention:
        entropies.append(torch.special.entr(head).sum() / len(head))
        far = sum(abs(i - j) * head[i, j] for i in range(len(head)) for j in range(len(head)))
        distances.append(far / len(head))
    return torch.stack(entropies), torch.stack(distances)


edited(
    "head_profile",
    "zero_times_minus_infinity",
    "Where a weight is exactly 0 the entropy becomes nan. What is the limit of p log p for p to 0?",
    [("torch.xlogy(attention, attention)", "(attention * attention.log())")],
    caught_by=ZEROS,
)
edited(
    "head_profile",
    "entropy_in_bits",
    "The entropy is in bits. It was asked for in nats, with the natural logarithm.",
    [("torch.xlogy(attention, attention)", "(torch.xlogy(attention, attention) / torch.tensor(2.0).log())")],
    caught_by=ENTROPY,
)
edited(
    "head_profile",
    "entropy_below_zero",
    "The entropy has the wrong sign: the logarithm of a weight below 1 is negative.",
    [("-torch.xlogy", "torch.xlogy")],
    caught_by=ENTROPY,
)
edited(
    "head_profile",
    "entropy_of_the_columns",
    "The entropy is taken down the columns, over those who ask. Along which dimension do the weights sum to one?",
    [
        (
            "-torch.xlogy(attention, attention).sum(dim=-1).mean(dim=-1)",
            "torch.special.entr(attention / attention.sum(1, keepdim=True).clamp(min=1e-30)).sum(1).mean(1)",
        )
    ],
    caught_by=ENTROPY,
)
edited(
    "head_profile",
    "entropy_of_the_mean",
    "The weights are averaged over the queries first. Queries that each look at one token, but not at the same one, "
    "then seem to look everywhere.",
    [
        (
            "torch.xlogy(attention, attention).sum(dim=-1).mean(dim=-1)",
            "torch.special.entr(attention.mean(1)).sum(-1) * -1",
        )
    ],
    caught_by=ENTROPY,
)
edited(
    "head_profile",
    "entropy_summed_up",
    "The entropies of all queries are added up, so a longer review has more. What was asked for is their mean.",
    [("attention).sum(dim=-1).mean(dim=-1)", "attention).sum(dim=-1).sum(dim=-1)")],
    caught_by=ENTROPY,
)
edited(
    "head_profile",
    "signed_distance",
    "The distances keep their signs, so looking two to the left and two to the right cancel out.",
    [("(place[:, None] - place).abs()", "place[:, None] - place")],
    caught_by=DISTANCE,
)
edited(
    "head_profile",
    "distance_to_the_strongest",
    "Only the key with the largest weight is measured. How far is the rest of the attention from home?",
    [
        (
            "(attention * away).sum(dim=-1).mean(dim=-1)",
            "away.expand_as(attention).gather(2, attention.argmax(2, keepdim=True)).to(attention.dtype).mean((1, 2))",
        )
    ],
    caught_by=DISTANCE,
)
edited(
    "head_profile",
    "distance_of_all_pairs",
    "The weighted distances are divided by the number of pairs. Within a row, the weights already make a mean of them.",
    [("(attention * away).sum(dim=-1).mean(dim=-1)", "(attention * away).mean(dim=(-2, -1))")],
    caught_by=DISTANCE,
)
edited(
    "head_profile",
    "distance_squared",
    "The distance is squared on the way, so far keys count too much.",
    [("(attention * away)", "(attention * away**2)")],
    caught_by=DISTANCE,
)
edited(
    "head_profile",
    "pair_exchanged",
    "Entropy and distance come back in the wrong order.",
    [("return entropy, distance", "return distance, entropy")],
    caught_by=ENTROPY,
)

"""1.7 split_indices."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import random

import torch

from autograder.answers import alternative, edited, edited_alternative, misconception, reference

SIZES = "test_parts_have_their_shares_and_lose_nothing"
RANDOM = "test_split_is_random_and_repeatable"


@reference("split_indices")
def with_a_generator(n, shares, seed):
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator).tolist()
    parts = []
    start = 0
    for share in shares[:-1]:
        end = start + n * share // sum(shares)
        parts.append(order[start:end])
        start = end
    parts.append(order[start:])
    return parts


@alternative("split_indices")
def with_pythons_shuffle(n, shares, seed):
    numbers = list(range(n))
    random.Random(seed).shuffle(numbers)
    sizes = [share * n // sum(shares) for share in shares]
    sizes[-1] += n - sum(sizes)
    parts = []
    for size in sizes:
        parts.append(numbers[:size])
        numbers = numbers[size:]
    return parts


@alternative("split_indices")
def with_numpy(n, shares, seed):
    import numpy as np

    order = np.random.default_rng(seed).permutation(n)
    sizes = n * np.array(shares) // sum(shares)
    return np.split(order, np.cumsum(sizes)[:-1])


@alternative("split_indices")
def with_random_split(n, shares, seed):
    from torch.utils.data import random_split

    sizes = [n * share // sum(shares) for share in shares[:-1]]
    sizes.append(n - sum(sizes))
    parts = random_split(range(n), sizes, generator=torch.Generator().manual_seed(seed))
    return [list(part) for part in parts]


@alternative("split_indices")
def part_by_part(n, shares, seed):
    left, dice, parts = list(range(n)), random.Random(seed), []
    for share in shares[:-1]:
        chosen = set(dice.sample(left, n * share // sum(shares)))
        parts.append(sorted(chosen))
        left = [number for number in left if number not in chosen]
    return [*parts, left]


edited_alternative("split_indices", "sizes_by_split", [
    ("order = torch.randperm(n, generator=generator).tolist()", "order = torch.randperm(n, generator=generator)"),
    ("parts.append(order[start:end])", "parts.append(order[start:end].tolist())"),
    ("parts.append(order[start:])", "parts.append(order[start:].tolist())"),
])  # fmt: skip
edited_alternative("split_indices", "seeded_for_all", [
    ("generator = torch.Generator().manual_seed(seed)", "generator = torch.manual_seed(seed)"),
])  # fmt: skip

edited(
    "split_indices", "not_shuffled",
    "The numbers are cut as they stand. IMDB is ordered by label: the last part would hold one kind of review only.",
    [("torch.randperm(n, generator=generator).tolist()", "list(range(n))")],
    caught_by=RANDOM,
)  # fmt: skip
edited(
    "split_indices", "seed_not_used",
    "The same seed gives other parts the second time. From where do the random numbers come?",
    [("torch.randperm(n, generator=generator).tolist()", "torch.randperm(n).tolist()")],
    caught_by=RANDOM,
)  # fmt: skip
edited(
    "split_indices", "always_the_same",
    "All seeds give the same parts. Use the argument.",
    [("manual_seed(seed)", "manual_seed(0)")],
    caught_by=RANDOM,
)  # fmt: skip
edited(
    "split_indices", "with_repetitions",
    "The numbers are drawn with repetition: some are in several parts, which is a leak, and some in none.",
    [("torch.randperm(n, generator=generator)", "torch.randint(n, (n,), generator=generator)")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "parts_overlap",
    "Every part begins at the front, so the parts share numbers. Where does the second one begin?",
    [("        start = end\n", "")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "remainder_lost",
    "What is left over when sizes are rounded down is in no part. It should go to the last one.",
    [("parts.append(order[start:])", "parts.append(order[start : start + n * shares[-1] // sum(shares)])")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "shares_taken_for_sizes",
    "The shares are taken for numbers of reviews. They say how many of all: divide by their sum.",
    [("n * share // sum(shares)", "share")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "equal_parts",
    "All parts are of the same size, whatever the shares are.",
    [("n * share // sum(shares)", "n // len(shares)")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "one_off",
    "Between two parts a number is lost: the next part begins one too late.",
    [("start = end\n", "start = end + 1\n")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "tenths",
    "The shares are divided by ten, whatever their sum is. Thirds would come out wrong.",
    [("sum(shares)", "10")],
    caught_by=SIZES,
)  # fmt: skip
edited(
    "split_indices", "counted_from_one",
    "The numbers go from 1 to n. The first review has the number 0, and there is none with the number n.",
    [("torch.randperm(n, generator=generator).tolist()",
      "[number + 1 for number in torch.randperm(n, generator=generator).tolist()]")],
    caught_by=SIZES,
)  # fmt: skip


@misconception(
    "split_indices",
    "Each part is shuffled by itself, after the cut. Which reviews are in which part is then no matter of chance.",
    caught_by=RANDOM,
)
def shuffled_after_the_cut(n, shares, seed):
    generator = torch.Generator().manual_seed(seed)
    parts, start = [], 0
    for place, share in enumerate(shares):
        end = n if place == len(shares) - 1 else start + n * share // sum(shares)
        order = torch.randperm(end - start, generator=generator)
        parts.append([start + number for number in order.tolist()])
        start = end
    return parts

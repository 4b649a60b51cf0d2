"""Changed reviews: with sentences left out and exchanged, a review is no longer the one that everybody can look up."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

FEWEST = 4
"""Sentences that a review needs: of a shorter one too little would be left to judge by."""

EXCHANGED = 0.1
"""Share of the sentences that is exchanged, besides the first, which is left out.

What is taken away lowers the accuracy of honest models and what is put in raises it; with a tenth they balance.
"""

# A class of characters comes first: the search then skips what is in no such class.
_END = re.compile(r"""(?:[.!?]["')\]]?\s+|<br\s*/?>)(?:\s*<br\s*/?>)*\s*""")


def sentences(text: str) -> list[str]:
    """The sentences of a review, each with the blank or the line breaks behind it."""
    text += " "  # so that the last sentence, too, ends with one
    found, start = [], 0
    for end in _END.finditer(text):
        if any(map(str.isalnum, text[start : end.start()])):
            found.append(text[start : end.end()])
        start = end.end()
    return [*found, text[start:]] if any(map(str.isalnum, text[start:])) else found


def changed(review: Sequence[str], donor: Sequence[str], draw: random.Random) -> str | None:
    """The review with other sentences in other places, and of the same label; None where it is too short for that.

    review  its sentences
    donor   sentences of another review of the same label; its first, too, is left out

    A tenth of the other sentences is exchanged for some of the donor's, at least one comes in, and what is left of the
    review begins in its middle and ends there. So neither the first words nor the last, nor the set of all words are
    what they were.
    """
    rest, others = review[1:], list(donor[1:])
    if len(review) < FEWEST or not others:
        return None
    out = set(draw.sample(range(len(rest)), round(EXCHANGED * len(rest))))
    kept = [sentence for place, sentence in enumerate(rest) if place not in out]
    cut = draw.randrange(1, len(kept))
    kept = kept[cut:] + kept[:cut]
    for sentence in draw.sample(others, min(len(others), max(1, round(EXCHANGED * len(review))))):
        kept.insert(draw.randrange(len(kept) + 1), sentence)
    return "".join(kept).strip()

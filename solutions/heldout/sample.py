"""Writes the reviews that coursekit bundles for places without IMDB: film reviews from a small seeded grammar.

`python -m solutions.heldout.sample` writes train.jsonl and test.jsonl into course/coursekit/sample/. The films
and people do not exist. A review is mostly of one mind but concedes something to the other, negates, and digresses, so
that counting good and bad words gets most of them right and not all.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "course" / "coursekit" / "sample"
SIZES = {"train": 300, "test": 150}
SEED = 3

_ADJECTIVES = ("Silent", "Crooked", "Last", "Paper", "Northern", "Borrowed", "Hollow", "Seventh", "Distant", "Salted")
_NOUNS = ("Harbour", "Orchard", "Witness", "Letter", "Carnival", "Winter", "Mechanic", "Bridge", "Lantern", "Tenant")
_FIRST = ("Ada", "Bruno", "Carla", "Dmitri", "Esther", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Keiko", "Luis")
_LAST = ("Albrecht", "Bellamy", "Castellan", "Drummond", "Eskola", "Fontaine", "Grieg", "Halloran", "Ito", "Jansson")
_GENRES = ("thriller", "comedy", "western", "family drama", "ghost story", "war film", "romance", "heist film")
_THINGS = ("plot", "dialogue", "ending", "camera work", "score", "editing", "second half", "supporting cast")
_WAYS = ("on a long flight", "with my sister", "late at night", "at a half-empty matinee", "on an old tape", "twice")

_OPENINGS = (
    "I saw {title} {way}.",
    "{title} is a {genre} by {director}.",
    "My neighbour kept telling me about {title}, a {genre} with {actor} in the lead.",
    "After three other films by {director} I knew more or less what to expect of {title}.",
    "Set in a small town by the sea, {title} is the second {genre} of {director}.",
    "There are a hundred films like {title}, and I have seen most of them.",
)
_FACTS = (
    "{actor} plays a clerk who finds a letter that was never sent.",
    "The story follows two brothers who inherit a garage and a debt.",
    "It runs for {minutes} minutes and was shot in about six weeks.",
    "The camera hardly ever leaves the kitchen.",
    "In the middle there is a train journey, and everybody on it has something to hide.",
    "{actor} and {other} meet in the first scene and then not again for an hour.",
    "Most of it happens in one night, in the rain.",
    "I have not read the book that it is taken from.",
)
_PRAISE = (
    "{actor} is wonderful, and I believed every word.",
    "The {thing} is {very}superb.",
    "What a beautiful, patient piece of work.",
    "I laughed out loud, and near the end I cried a little.",
    "{director} has a great eye for small gestures.",
    "The {thing} is fresh, and never once did I look at my watch.",
    "Every scene between {actor} and {other} is a joy.",
    "It is clever without being cold, and moving without begging for it.",
    "The {thing} alone is worth the ticket.",
    "I could not find a dull minute in it.",
    "Nothing here is wasted, least of all the {thing}.",
    "It stayed with me for days, and that is rare for a {genre}.",
)
_BLAME = (
    "{actor} is wooden, and I believed nothing.",
    "The {thing} is {very}terrible.",
    "What a lazy, noisy waste of {minutes} minutes.",
    "I laughed once, and not where I was meant to.",
    "{director} has no idea what to do with the camera.",
    "The {thing} is stale, and I looked at my watch every ten minutes.",
    "Every scene between {actor} and {other} is painful.",
    "It is loud without being exciting, and sentimental without being sad.",
    "The {thing} alone is a reason to stay at home.",
    "I could not find a good minute in it.",
    "Nothing here works, least of all the {thing}.",
    "I had forgotten it by the time I got home, which is the best I can say of this {genre}.",
)
_CONCESSIONS = {
    1: (
        "True, the {thing} is not perfect.",
        "The {thing} could have been better, but who cares?",
        "Some will call it slow or even boring. They are wrong.",
        "I had heard awful things about the {thing}; do not listen to them.",
        "The poster is terrible, by the way.",
    ),
    0: (
        "True, the {thing} is not bad.",
        "The {thing} is good, I will give it that, but it cannot save the rest.",
        "Some will call it brilliant or even moving. They are wrong.",
        "I had read great things about the {thing}, and I do not understand them.",
        "The poster is wonderful, by the way.",
    ),
}
_VERDICTS = {
    1: (
        "Do not miss it. {high}/10.",
        "Warmly recommended.",
        "One of the best of its kind, {high} out of 10.",
        "See it before somebody tells you the ending.",
        "I will watch it again, and soon.",
        "That is how it is done.",
    ),
    0: (
        "Avoid it. {low}/10.",
        "Not recommended.",
        "One of the worst of its kind, {low} out of 10.",
        "Do yourself a favour and read a book.",
        "I want my evening back.",
        "How does something like this get made?",
    ),
}
_BREAKS = (" ", " ", " ", "<br /><br />")


def review(label: int, random_numbers: random.Random) -> str:
    """One review of 40 to 150 words, in favour (label 1) or against (label 0)."""
    pick = random_numbers.choice
    actor, other, director = (f"{pick(_FIRST)} {pick(_LAST)}" for _ in range(3))
    own, opposite = (_PRAISE, _BLAME) if label else (_BLAME, _PRAISE)
    opinions = random_numbers.sample(own, random_numbers.randint(2, 5))
    facts = random_numbers.sample(_FACTS, random_numbers.randint(1, 3))
    middle = opinions + facts
    if random_numbers.random() < 0.6:
        middle += random_numbers.sample(_CONCESSIONS[label], random_numbers.randint(1, 2))
    if random_numbers.random() < 0.25:
        middle.append("My brother disagrees: " + pick(opposite))
    random_numbers.shuffle(middle)
    sentences = [pick(_OPENINGS), *middle, pick(_VERDICTS[label])]

    title = f"{pick(('', 'The '))}{pick(_ADJECTIVES)} {pick(_NOUNS)}"
    text = sentences[0]
    for sentence in sentences[1:]:
        text += pick(_BREAKS) + sentence
    while "{thing}" in text:  # each sentence talks about something else
        text = text.replace("{thing}", pick(_THINGS), 1)
    return text.format(
        title=f'"{title}"' if random_numbers.random() < 0.4 else title,
        way=pick(_WAYS),
        genre=pick(_GENRES),
        actor=actor,
        other=other,
        director=director,
        minutes=random_numbers.randint(78, 164),
        very=pick(("", "quite simply ", "really ")),
        high=random_numbers.randint(7, 10),
        low=random_numbers.randint(1, 4),
    )


def splits(seed: int = SEED) -> dict[str, list[dict[str, str | int]]]:
    """All reviews by split, as many of either label, shuffled, no text twice."""
    random_numbers = random.Random(seed)
    seen: set[str] = set()
    result = {}
    for split, size in SIZES.items():
        rows: list[dict[str, str | int]] = []
        while len(rows) < size:
            label = len(rows) % 2
            text = review(label, random_numbers)
            if text not in seen:
                seen.add(text)
                rows.append({"text": text, "label": label})
        random_numbers.shuffle(rows)
        result[split] = rows
    return result


def files() -> dict[Path, str]:
    """What belongs into each file of the sample: path → content."""
    return {
        FOLDER / f"{split}.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        for split, rows in splits().items()
    }


def write() -> list[Path]:
    """Write the files that are missing or stale, and return their paths."""
    stale = [
        (path, content)
        for path, content in files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    for path, content in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return [path for path, _ in stale]


if __name__ == "__main__":
    for path in write():
        print(f"wrote {path}")

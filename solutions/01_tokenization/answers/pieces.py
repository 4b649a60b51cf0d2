"""1.3 wordpiece: greedy cuts, the longest piece first."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

from autograder.answers import alternative, edited, misconception, reference

WHOLE = "test_a_word_of_the_vocabulary_stays_whole"
LONGEST = "test_the_longest_piece_comes_first"
SIGN = "test_pieces_that_continue_carry_their_sign"
UNKNOWN = "test_what_cannot_be_cut_is_unknown"


@reference("wordpiece")
def end_moves_backwards(word, vocab):
    pieces = []
    start = 0
    while start < len(word):
        end = len(word)
        while end > start:
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocab:
                break
            end -= 1
        if end == start:
            return ["[UNK]"]
        pieces.append(piece)
        start = end
    return pieces


@alternative("wordpiece")
def with_for_and_else(word, vocab):
    pieces = []
    rest = word
    while rest:
        for size in range(len(rest), 0, -1):
            piece = ("##" if pieces else "") + rest[:size]
            if piece in vocab:
                pieces.append(piece)
                rest = rest[size:]
                break
        else:
            return ["[UNK]"]
    return pieces


@alternative("wordpiece")
def recursively(word, vocab):
    def cut(rest, sign):
        if not rest:
            return []
        for size in range(len(rest), 0, -1):
            if sign + rest[:size] in vocab:
                after = cut(rest[size:], "##")
                return None if after is None else [sign + rest[:size], *after]
        return None

    pieces = cut(word, "")
    return ["[UNK]"] if pieces is None else pieces


@alternative("wordpiece")
def sign_kept_in_the_rest(word, vocab):
    pieces = []
    while word not in ("", "##"):
        end = len(word)
        while word[:end] not in vocab:
            end -= 1
            if end == 0 or word[:end] in ("#", "##"):
                return ["[UNK]"]
        pieces.append(word[:end])
        word = "##" + word[end:]
    return pieces


@alternative("wordpiece")
def best_of_all_that_fit(word, vocab):
    pieces, at = [], 0
    while at < len(word):
        sign = "##" if at > 0 else ""
        fitting = [word[at:end] for end in range(at + 1, len(word) + 1) if sign + word[at:end] in vocab]
        if not fitting:
            pieces = ["[UNK]"]
            break
        longest = max(fitting, key=len)
        pieces += [sign + longest]
        at += len(longest)
    return pieces


@alternative("wordpiece")
def with_a_flag(word, vocab):
    characters = list(word)
    unknown = False
    start = 0
    pieces = []
    while start < len(characters) and not unknown:
        end = len(characters)
        current = None
        while start < end and current is None:
            substring = "".join(characters[start:end])
            if start > 0:
                substring = f"##{substring}"
            if substring in vocab:
                current = substring
            else:
                end -= 1
        unknown = current is None
        pieces.append(current)
        start = end
    if unknown:
        return ["[UNK]"]
    return pieces


@misconception(
    "wordpiece",
    "The shortest piece is taken first, so words fall into letters. From which end must you try?",
    caught_by=LONGEST,
)
def shortest_first(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        sign = "##" if start else ""
        for end in range(start + 1, len(word) + 1):
            if sign + word[start:end] in vocab:
                pieces.append(sign + word[start:end])
                start = end
                break
        else:
            return ["[UNK]"]
    return pieces


edited(
    "wordpiece", "no_sign_anywhere",
    "All pieces are looked up without ##, also those that continue a word. Only the first piece has no sign.",
    [('word[start:end] if start == 0 else "##" + word[start:end]', "word[start:end]")],
    caught_by=SIGN,
)  # fmt: skip
edited(
    "wordpiece", "sign_added_after_looking_up",
    "A piece that continues a word is looked up without its ##, and gets it afterwards. With and without it are two "
    "entries: which of them do you look for?",
    [('piece = word[start:end] if start == 0 else "##" + word[start:end]', "piece = word[start:end]"),
     ("pieces.append(piece)", 'pieces.append(piece if start == 0 else "##" + piece)')],
    caught_by=SIGN,
)  # fmt: skip
edited(
    "wordpiece", "sign_taken_off_again",
    "The pieces are found with their ## and come back without it. Nobody could tell then where a word begins.",
    [("pieces.append(piece)", 'pieces.append(piece.replace("##", ""))')],
    caught_by=SIGN,
)  # fmt: skip
edited(
    "wordpiece", "sign_on_every_piece",
    "The first piece has ## too. The sign means: this continues a word.",
    [('word[start:end] if start == 0 else "##" + word[start:end]', '"##" + word[start:end]')],
    caught_by=WHOLE,
)  # fmt: skip
edited(
    "wordpiece", "unknown_rest",
    "The pieces found so far are kept and [UNK] put behind them. If one part of a word is unknown, all of it is.",
    [('return ["[UNK]"]', 'return [*pieces, "[UNK]"]')],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "wordpiece", "rest_is_dropped",
    "What no piece fits is dropped, and the pieces before it come back as if they were the whole word.",
    [('return ["[UNK]"]', "return pieces")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "wordpiece", "nothing_for_unknown",
    "A word that cannot be cut gives an empty list. It must leave a trace: which token stands for it?",
    [('return ["[UNK]"]', "return []")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "wordpiece", "letter_by_letter_unknown",
    "A letter that no piece begins with becomes [UNK], and the cutting goes on behind it. All of the word is unknown.",
    [('            return ["[UNK]"]\n', '            piece, end = "[UNK]", start + 1\n')],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "wordpiece", "unknown_letters_skipped",
    "Letters that no piece begins with are skipped. The whole word is unknown then.",
    [('            return ["[UNK]"]\n', "            start += 1\n            continue\n")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "wordpiece", "unknown_as_a_string",
    "An unknown word comes back as a string. A list is expected, also when it holds one token only.",
    [('return ["[UNK]"]', 'return "[UNK]"')],
    caught_by=UNKNOWN,
)  # fmt: skip


@misconception(
    "wordpiece",
    "When the longest piece leads into a dead end, you go back and try a shorter one. The rule never goes back: the "
    "word is unknown.",
    caught_by=UNKNOWN,
)
def goes_back(word, vocab):
    def cut(rest, sign):
        if not rest:
            return []
        for size in range(len(rest), 0, -1):
            if sign + rest[:size] in vocab:
                after = cut(rest[size:], "##")
                if after is not None:
                    return [sign + rest[:size], *after]
        return None

    return cut(word, "") or ["[UNK]"]


@misconception(
    "wordpiece",
    "The word is cut from its end. Begin on the left: which is the longest piece that the word starts with?",
    caught_by=LONGEST,
)
def from_the_right(word, vocab):
    pieces, end = [], len(word)
    while end > 0:
        for start in range(end):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in vocab:
                pieces.insert(0, piece)
                end = start
                break
        else:
            return ["[UNK]"]
    return pieces


@misconception(
    "wordpiece",
    "Only the whole word is looked up. A word that is not in the vocabulary should be cut into pieces that are.",
    caught_by=LONGEST,
)
def whole_words_only(word, vocab):
    return [word] if word in vocab else ["[UNK]"]


@misconception(
    "wordpiece",
    "The last letter of what is left is never tried: look at where the piece ends.",
    caught_by=WHOLE,
)
def never_the_last_letter(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        sign = "##" if start else ""
        for end in range(max(len(word) - 1, start + 1), start, -1):
            if sign + word[start:end] in vocab:
                pieces.append(sign + word[start:end])
                start = end
                break
        else:
            return ["[UNK]"]
    return pieces


@misconception(
    "wordpiece",
    "Numbers come back. Asked for are the pieces themselves.",
    caught_by=WHOLE,
)
def numbers_of_pieces(word, vocab):
    order = {piece: place for place, piece in enumerate(vocab)}
    pieces, start = [], 0
    while start < len(word):
        sign = "##" if start else ""
        for end in range(len(word), start, -1):
            if sign + word[start:end] in vocab:
                pieces.append(order[sign + word[start:end]])
                start = end
                break
        else:
            return [order["[UNK]"]]
    return pieces


@misconception(
    "wordpiece",
    "A single piece comes back as a string. A list is expected, however many pieces there are.",
    caught_by=WHOLE,
)
def string_for_one(word, vocab):
    if word in vocab:
        return word
    pieces, start = [], 0
    while start < len(word):
        sign = "##" if start else ""
        for end in range(len(word), start, -1):
            if sign + word[start:end] in vocab:
                pieces.append(sign + word[start:end])
                start = end
                break
        else:
            return ["[UNK]"]
    return pieces

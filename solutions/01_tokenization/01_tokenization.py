# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Tokenization
#
# `10 points` · about 2 hours and a half · runs half a minute on a laptop CPU
#
# A network reads numbers, and a review is a row of characters. Everything that a model will ever know about a text goes
# through the step in between, and what is lost there is lost for good. You take that step twice: with the vocabulary of
# a pretrained model, and with one that you build yourself. Then you make batches.
#
# **After this notebook you can**
# - read what a pretrained tokenizer does to a sentence, and cut a text so that a model can take it;
# - write WordPiece, the algorithm that leaves no common word unknown;
# - build a vocabulary, and say from which reviews, and why from no others;
# - split data so that nothing is lost, nothing leaks, and the same seed gives the same parts;
# - make batches that compute on words instead of padding, and measure what that saves.

# %% [markdown]
# | | exercise | difficulty | minutes | points |
# |---|---|---|---|---|
# | 1.1 | `vocabulary_facts` | `●○○○○` | 10 | 1 |
# | 1.2 | `tokenize_and_cut`, `encode` | `●●○○○` | 15 | 1 |
# | 1.3 | `wordpiece`, by hand | `●●●●○` | 30 | 1.5 |
# | 1.4 | a vocabulary of your own: `build_vocab`, ✎ | `●●●○○` | 40 | 3 |
# | 1.5 | `tokenize` | `●●○○○` | 10 | 1 |
# | 1.6 | `ReviewDataset` | `●●○○○` | 15 | 0.5 |
# | 1.7 | splits: `split_indices` | `●●○○○` | 15 | 0.5 |
# | 1.8 | batches: `collate`, `bucket_batches` | `●●●○○` | 30 | 1.5 |
#
# Write your code where it says `YOUR CODE HERE`. The cell after it checks what you wrote and tells you what it saw.
# Nothing stops you from going on: a cell that needs an unfinished exercise says so.

# %% tags=["install"]
import coursekit  # released notebooks also say what to do where it is missing

# %%
import random
import re
from collections import Counter
from functools import cache

import torch
import transformers
from coursekit import check, load_imdb, load_tokenizer, plots, runtime, when_done
from coursekit.words import STOP_WORDS
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

runtime.set_seed(1)
transformers.logging.set_verbosity_error()  # it warns of every long review, and long ones are what we cut

# %% [markdown]
# ## Words are too many, letters are too few
#
# One review goes with us through the notebook. Somebody really wrote it, and it is one of the shortest in IMDB:

# %%
review = (
    "Unwatchable. You can't even make it past the first three minutes. "
    "And this is coming from a huge Adam Sandler fan!!1"
)

# %% [markdown]
# How do you number its parts? A number for every word of the language would need millions of them, and the next review
# would bring a new one. A number for every letter needs few, but *n* by itself says nothing. BERT takes the middle way:
# a fixed list of **pieces**, whole words where they are common, parts of words where they are rare.

# %%
tokenizer = load_tokenizer()

# %% [markdown]
# > **Predict before you run.** Which word of the review falls apart? What becomes of the capital letters, of *can't*,
# > and of *!!1*?

# %% tags=["look"]
pieces = tokenizer.tokenize(review)
print(len(review.split()), "words between spaces,", len(pieces), "tokens:")
print(*pieces, sep=" · ")

# %% [markdown]
# *Unwatchable* becomes three tokens. The two signs `##` say: this piece continues a word. Capitals are gone (the
# *uncased* in bert-base-uncased), every sign of punctuation is a token, and no word is unknown.

# %% [markdown]
# ## Exercise 1.1 · What is in the vocabulary?
# `●○○○○` difficulty · 10 min · 1 point
#
# Get to know the `tokenizer`. Its vocabulary is the one of bert-base-uncased. Four of its entries are no words:
# `[CLS]` opens a text and `[SEP]` closes it, `[PAD]` fills up short texts in a batch, and `[UNK]` stands for what
# cannot be written in pieces.
#
# Do not copy numbers from this page: let the tokenizer tell you.
#
# <details><summary>Hint 1: where to look</summary>
#
# `tokenizer.vocab_size`, `tokenizer.tokenize`, `tokenizer.convert_tokens_to_ids`; the last one takes a token or a list.
# </details>
# <details><summary>Hint 2: the error you will meet in older material</summary>
#
# *AttributeError: … has no attribute max_model_input_sizes*: older courses ask for that table. It is gone; what it held
# for this model is now `tokenizer.model_max_length`.
# </details>

# %% nbgrader={"grade": false, "grade_id": "vocabulary_facts_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def vocabulary_facts(sentence: str) -> dict[str, object]:
    """Say what the tokenizer knows, and what it makes of a sentence.

    sentence    any text of fewer than 500 tokens

    Returns a dict with these five keys:
    "size"          int, number of entries in the vocabulary
    "tokens"        list of str, the pieces of the sentence, without special tokens
    "ids"           list of int, the numbers of these pieces
    "special_ids"   dict from "[CLS]", "[SEP]", "[PAD]" and "[UNK]" to their ids
    "max_length"    int, the most tokens that the model can take at once, special tokens included
    """
    ### BEGIN SOLUTION
    tokens = tokenizer.tokenize(sentence)
    special = ["[CLS]", "[SEP]", "[PAD]", "[UNK]"]
    return {
        "size": tokenizer.vocab_size,
        "tokens": tokens,
        "ids": tokenizer.convert_tokens_to_ids(tokens),
        "special_ids": {name: tokenizer.convert_tokens_to_ids(name) for name in special},
        "max_length": tokenizer.model_max_length,
    }
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "vocabulary_facts", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.vocabulary_facts(vocabulary_facts)

# %% tags=["look"]
with when_done(vocabulary_facts):
    for name, fact in vocabulary_facts("Hello WORLD how ARE yoU?").items():
        print(f"{name:12} {fact}")

# %% [markdown]
# What are these entries? Let us sort them into four heaps.
#
# > **Predict before you run.** A model pays for each entry with a row of 768 numbers. How many rows of bert-base are
# > there for nothing?

# %% tags=["look"]
def kind(entry: str) -> str:
    """Name the heap that an entry of the vocabulary belongs to."""
    if entry.startswith("##"):
        return "continue\na word"
    if entry.startswith("[unused"):
        return "never used"
    return "single\ncharacters" if len(entry) == 1 else "words and\nbeginnings"

# %% tags=["look"]
heaps = dict(Counter(map(kind, tokenizer.get_vocab())).most_common())
plots.bars(list(heaps), {"entries": list(heaps.values())}, y_label="entries of the vocabulary")
print({heap.replace("\n", " "): f"{size:,}" for heap, size in heaps.items()})

# %% [markdown]
# Nearly a thousand entries were left free, for words that somebody might want to add. And almost a thousand are single
# characters: with them nearly everything can be written, if need be letter by letter.

# %% [markdown]
# ## Exercise 1.2 · Cut, and frame
# `●●○○○` difficulty · 15 min · 1 point in two parts
#
# The model has a position for 512 tokens and none for the 513th. How often does that matter? Here are 1,000 reviews.
#
# > **Predict before you run.** How many reviews in a hundred are too long?

# %% tags=["look"]
imdb = load_imdb()
train_texts, train_labels = list(imdb["train"]["text"]), list(imdb["train"]["label"])
some = random.Random(1).sample(train_texts, min(1000, len(train_texts)))

# %% tags=["look"]
lengths = torch.tensor([len(tokenizer.tokenize(text)) for text in some])
edges = [0, 128, 256, 384, 511, 10_000]
counts = [int(((lengths >= low) & (lengths < high)).sum()) for low, high in zip(edges, edges[1:])]
names = ["under 128", "128–255", "256–383", "384–510", "over 510"]
plots.bars(names, {"reviews": counts}, x_label="tokens", y_label="reviews")

# %% [markdown]
# About one in seven of the real reviews does not fit, for two of the 512 places are taken: `[CLS]` and `[SEP]` must be
# there as well.
#
# ### 1.2a · Cut
# `●○○○○` difficulty · 5 min · 0.5 points

# %% nbgrader={"grade": false, "grade_id": "tokenize_and_cut_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def tokenize_and_cut(sentence: str) -> list[str]:
    """Return the tokens of a sentence, the first 510 of them if there are more.

    sentence    any text, however long
    returns     list of str, without special tokens: with [CLS] and [SEP] it fits into 512
    """
    ### BEGIN SOLUTION
    return tokenizer.tokenize(sentence)[: tokenizer.model_max_length - 2]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "tokenize_and_cut", "locked": true, "points": 0.5, "schema_version": 3, "solution": false, "task": false}
check.tokenize_and_cut(tokenize_and_cut)

# %% [markdown]
# What do we lose? This is the longest of the 1,000, and where it is cut off:

# %% tags=["look"]
with when_done(tokenize_and_cut):
    longest = some[int(lengths.argmax())]
    kept = tokenize_and_cut(longest)
    print(f"{len(kept)} of {lengths.max()} tokens are kept. The last ones:", *kept[-12:])
    print(f"\nWhat the reviewer wanted to end with: …{longest[-160:]}")

# %% [markdown]
# Reviewers like to sum up at the end, and just that is cut off. There are other ways; we keep to the beginning, and
# remember that it costs something.
#
# ### 1.2b · Frame
# `●●○○○` difficulty · 10 min · 0.5 points
#
# BERT was trained on texts that begin with `[CLS]` and end with `[SEP]`, and it should get no others.

# %% nbgrader={"grade": false, "grade_id": "encode_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def encode(sentence: str) -> list[int]:
    """Return the ids of a sentence: that of [CLS], those of its tokens (510 at most), that of [SEP].

    sentence    any text, however long
    returns     list of int, at most 512 of them
    """
    ### BEGIN SOLUTION
    ids = tokenizer.convert_tokens_to_ids(tokenize_and_cut(sentence))
    return [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "encode", "locked": true, "points": 0.5, "schema_version": 3, "solution": false, "task": false}
check.encode(encode)

# %% [markdown]
# The way back shows what a model gets to see. Is it the review?

# %% tags=["look"]
with when_done(encode):
    print(encode(review))
    print(tokenizer.decode(encode(review)))

# %% [markdown]
# Capitals and spaces are gone, and with them the difference between *can't* and *can ' t*. The rest can be read back:
# unlike the vocabulary that you will build in 1.4, this one throws hardly anything away.

# %% [markdown]
# ## Exercise 1.3 · WordPiece by hand
# `●●●●○` difficulty · 30 min · 1.5 points
#
# How did *unwatchable* become `un ##watch ##able`? Not by grammar. The rule is greedy: **take the longest piece of the
# vocabulary that the word begins with; go on behind it.** Every piece but the first must be in the vocabulary with its
# `##`. With a toy vocabulary:
#
# | left of the word | tried, from long to short | taken |
# |---|---|---|
# | `unwatchable` | `unwatchable` `unwatchabl` … `un` | `un` |
# | `watchable` | `##watchable` `##watchabl` … `##watch` | `##watch` |
# | `able` | `##able` | `##able` |
#
# The rule never goes back. If no piece fits what is left, the **whole** word is `[UNK]`, and the pieces found so far
# are forgotten; even if another way of cutting would have worked.

# %%
toy_vocab = {"un", "watch", "able", "##watch", "##wat", "##able", "##ab", "##a", "##le", "so", "##so", "[UNK]"}

# %% [markdown]
# > **Predict before you write.** With the toy vocabulary: what are *unable*, *watchable*, *soso*, *unso*, *abab*?
#
# **By hand**: a library's tokenizer inside your function costs the points of this exercise. To compare with one costs
# nothing, and you soon will.
#
# <details><summary>Hint 1: two loops</summary>
#
# The outer one runs while something of the word is left. The inner one moves the end of the piece from the end of the
# word backwards.
# </details>
# <details><summary>Hint 2: the error you will probably meet</summary>
#
# A cell that never ends: when no piece fits, your outer loop does not get any further. That is the case of `[UNK]`.
# Interrupt it with ■ in the toolbar.
# </details>

# %% nbgrader={"grade": false, "grade_id": "wordpiece_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def wordpiece(word: str, vocab: dict[str, int] | set[str]) -> list[str]:
    """Cut a word into pieces of the vocabulary, greedily, the longest piece first.

    word      one word as the library hands it over: lower case, at least one character, no spaces
    vocab     holds the pieces (as the keys of a dict, or in a set); "##" stands before those that continue a word
    returns   list of str, ["un", "##watch", "##able"]; ["[UNK]"] if at some point no piece fits
    """
    ### BEGIN SOLUTION
    pieces: list[str] = []
    start = 0
    while start < len(word):
        prefix = "##" if start else ""
        fitting = (end for end in range(len(word), start, -1) if prefix + word[start:end] in vocab)
        end = next(fitting, None)
        if end is None:
            return ["[UNK]"]
        pieces.append(prefix + word[start:end])
        start = end
    return pieces
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "wordpiece", "locked": true, "points": 1.5, "schema_version": 3, "solution": false, "task": false}
check.wordpiece(wordpiece)

# %% tags=["look"]
with when_done(wordpiece):
    for word in ("unable", "watchable", "soso", "unso", "abab"):
        print(f"{word:10}", *wordpiece(word, toy_vocab))

# %% [markdown]
# Now against the library itself. First it splits a text into words, at spaces and around punctuation; then it does what
# you wrote.

# %% tags=["look"]
def words_for_wordpiece(text: str) -> list[str]:
    """Split a text as the library does before WordPiece: lower case, no accents, punctuation apart."""
    backend = tokenizer.backend_tokenizer
    plain = backend.normalizer.normalize_str(text)
    return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(plain)]


bert_vocab = tokenizer.get_vocab()
written = Counter(word for text in some for word in words_for_wordpiece(text))

# %% tags=["look"]
with when_done(wordpiece):
    mine = {word: wordpiece(word, bert_vocab) for word in written}
    differing = [word for word in written if mine[word] != tokenizer.tokenize(word)]
    print(f"{len(some):,} reviews, {written.total():,} words, {len(written):,} different ones.")
    print(f"Cut otherwise than by the library: {len(differing)} {differing[:5]}")

# %% [markdown]
# Every word of all these reviews, cut as the library cuts it. Which words are hard to write?
#
# > **Predict before you run.** How many pieces does the word with the most pieces have? And the average word of a text?

# %% tags=["look"]
with when_done(wordpiece):
    mine = {word: wordpiece(word, bert_vocab) for word in written}
    for pieces in sorted(mine.values(), key=len, reverse=True)[:4]:
        print(len(pieces), "pieces:", *pieces)
    mean = sum(len(mine[word]) * times for word, times in written.items()) / written.total()
    print(f"\nA word of a text has {mean:.2f} pieces on average.")

# %% [markdown]
# The price of hardly ever being at a loss is small: texts grow by a few per cent, and only odd words fall to pieces.
# That is why nearly every model today reads pieces. The vocabulary was made once, from a large amount of text, and is
# as fixed as the weights of the model that was trained with it.

# %% [markdown]
# ## Exercise 1.4 · A vocabulary of your own
# `●●●○○` difficulty · 40 min · 3 points in two parts
#
# The recurrent networks of stage 02 start from nothing. They need no 30,522 pieces: they can have whole words, the ones
# that reviews are written in. We leave out what says little. `STOP_WORDS` holds the small words of English.

# %% tags=["look"]
print(len(STOP_WORDS), "stop words, among them", *sorted(STOP_WORDS)[:12], "…")
print("left in on purpose:", [word for word in ("not", "no", "nor", "t") if word not in STOP_WORDS])

# %% [markdown]
# The *t* is what is left of *can't* once it is taken apart at the apostrophe. Without it, *can't watch* would read
# *watch*.
#
# And there is something else in the reviews, because they were copied from web pages:

# %% tags=["look"]
with_tag = next(text for text in some if "<br />" in text)
place = with_tag.index("<br />")
print("…" + with_tag[max(place - 60, 0) : place + 60] + "…")
print(f"{sum(text.count('<br />') for text in train_texts):,} of these in {len(train_texts):,} reviews")

# %% [markdown]
# If tags stayed in, *br* would be among the most frequent words of your vocabulary: four in each review.
#
# ### 1.4a · Build it
# `●●●○○` difficulty · 30 min · 2 points
#
# What counts as a word, precisely:
# 1. A **tag** is everything from a `<` to the next `>`. It is taken out, and it separates words as a space does:
#    `good<br />film` are two words.
# 2. The rest is read in **lower case**.
# 3. A **word** is an unbroken run of the letters a to z. Everything else separates words: spaces, punctuation,
#    apostrophes, digits, underscores, and also letters like é. So *can't* is *can* and *t*, and *café* is *caf*.
# 4. **Stop words** are left out.
#
# <details><summary>Hint 1: the tools</summary>
#
# `re.sub` replaces what a pattern matches, `re.findall` lists it. `Counter` counts, and keeps the order in which things
# came first. What does its `most_common` do with ties?
# </details>
# <details><summary>Hint 2: the slip you will probably make</summary>
#
# The pattern `<.*>` is greedy as well: it runs from the first `<` of a line to the *last* `>`, and takes the review
# along.
# </details>

# %% nbgrader={"grade": false, "grade_id": "build_vocab_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def build_vocab(texts: list[str], min_freq: int = 5, max_size: int | None = None) -> dict[str, int]:
    """Number the words of the texts.

    texts      reviews, with their tags
    min_freq   words that occur less often in all texts together are left out
    max_size   at most so many words, the most frequent ones, not counting the two special entries; None: all

    Returns a dict word → id. "[PAD]" has id 0 and "[UNK]" id 1. The words have the ids from 2 on without a gap, by
    falling frequency; of two words that are equally frequent, the one that appears first in the texts has the smaller
    id. What is a word is said above this cell.
    """
    ### BEGIN SOLUTION
    frequency: Counter[str] = Counter()
    for text in texts:
        words = re.findall("[a-z]+", re.sub("<[^>]*>", " ", text).lower())
        frequency.update(word for word in words if word not in STOP_WORDS)
    kept = [word for word, count in frequency.most_common() if count >= min_freq]  # ties stay as they came
    return {word: number for number, word in enumerate(["[PAD]", "[UNK]", *kept[:max_size]])}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "build_vocab", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.build_vocab(build_vocab)

# %% tags=["look"]
@cache
def vocab_of_imdb() -> dict[str, int]:
    """Build the vocabulary of the training half, the first time that it is needed."""
    return build_vocab(train_texts, max_size=25_000)


with when_done(build_vocab):
    vocab = vocab_of_imdb()
    print(f"{len(vocab):,} entries from {len(train_texts):,} reviews")
    print("the first:", *list(vocab)[:14])
    print("the last: ", *list(vocab)[-5:])

# %% [markdown]
# 25,000 words and two special entries make 25,002: that is the vocabulary of stage 02, if you have the real reviews.
#
# > **Predict before you run.** We ask that a word occur five times. If once were enough, how much larger would the
# > vocabulary be: a tenth, a half, three times?

# %% tags=["look"]
few = random.Random(2).sample(train_texts, min(5000, len(train_texts)))
with when_done(build_vocab):
    least = [1, 2, 4, 8, 16, 32, 64]
    entries = [len(build_vocab(few, min_freq=at_least)) for at_least in least]
    plots.curves(least, {"entries": entries}, x_label="min_freq", y_label="entries", log_x=True, log_y=True)
    print(f"Of {entries[0]:,} words in {len(few):,} reviews, {1 - entries[1] / entries[0]:.0%} occur only once.")

# %% [markdown]
# Three times as large, on the real reviews. Of a word that occurs once, often a name or a slip of the pen, a model
# could not learn much anyway: one example is too few.

# %% [markdown]
# ### 1.4b · ✎ From which reviews?
# The vocabulary must be built from the reviews that the model is trained on, and from no others. First a measurement:
# what would the test reviews add?

# %% tags=["look"]
test_texts = list(imdb["test"]["text"])
others = random.Random(2).sample(test_texts, min(5000, len(test_texts)))
with when_done(build_vocab):
    honest, peeking = build_vocab(few), build_vocab(few + others)
    never_trained = peeking.keys() - build_vocab(few, min_freq=1).keys()
    print(f"{len(honest):,} entries from {len(few):,} training reviews, {len(peeking):,} with the test reviews added.")
    print(f"{len(never_trained):,} of these words stand in no training review:", *sorted(never_trained)[:6], "…")

# %% [markdown] nbgrader={"grade": false, "grade_id": "training_split_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# `●●○○○` difficulty · 10 min · 1 point
#
# Why is the vocabulary built from the training split only? Say in two to four sentences what would be wrong with the
# figure that you measure on the test reviews, and what would become of the embeddings of those additional words.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point**
#
# - 0.5: the test split stands for reviews that nobody has seen yet. Whoever lets it choose the words (or their order)
#   has used it for building the model, so the measured accuracy no longer says how the model does on new reviews, whose
#   new words will be unknown. "It is cheating" or "data leakage" without saying what leaks or what it distorts: 0.25.
# - 0.5: words that stand in no training review never get a gradient: their embeddings stay as they were drawn at random
#   (noise at test time), whereas [UNK] at least has been trained. Accept: they only cost memory.
#
# Accept "overfitting to the test set" for the first line if it is said that the vocabulary depends on it.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "training_split", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# The test reviews are there to tell how the model does on reviews that do not exist yet. New reviews will bring words
# that it does not know; if the test reviews choose the vocabulary, just these words are known, and the measured
# accuracy is that of a situation which never comes. The gain would not even be real: a word that stands in no training
# review gets no gradient, its embedding remains the random vector it began with, and the model reads noise where
# `[UNK]`, which it has met in training, would have said "some rare word".

# %% [markdown]
# ## Exercise 1.5 · From text to ids
# `●●○○○` difficulty · 10 min · 1 point
#
# The vocabulary is a list of prices; now go shopping with it. A text must be read **exactly** as `build_vocab` read it:
# a word that is cut differently is never found.
#
# <details><summary>Hint</summary>
#
# You have written the reading of a text already. Rather than copying it, move it into a function of its own in the cell
# of 1.4 and use that in both places: then they cannot drift apart.
# </details>

# %% nbgrader={"grade": false, "grade_id": "tokenize_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def tokenize(text: str, vocab: dict[str, int]) -> list[int]:
    """Return the ids of the words of a text, in its order.

    text      a review, with its tags
    vocab     word → id, as build_vocab makes it
    returns   list of int: a word that the vocabulary knows gives its id, a stop word gives nothing, any other word
              gives the id of "[UNK]"
    """
    ### BEGIN SOLUTION
    words = re.findall("[a-z]+", re.sub("<[^>]*>", " ", text).lower())
    return [vocab.get(word, vocab["[UNK]"]) for word in words if word not in STOP_WORDS]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "tokenize", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.tokenize(tokenize)

# %% [markdown]
# There and back again, with the review from the beginning:

# %% tags=["look"]
with when_done(build_vocab, tokenize):
    words = list(vocab_of_imdb())
    print(review)
    print(*[words[number] for number in tokenize(review, vocab_of_imdb())])

# %% [markdown]
# Compare this with the 31 tokens of BERT. Punctuation, stop words and word endings are lost, and the sense is still
# there: *t even make past first three minutes*.
#
# > **Predict before you run.** What share of the words of a review is not in the vocabulary? Is it larger in reviews
# > that the vocabulary was not built from? What does it do if the vocabulary is halved?

# %% tags=["look"]
def all_ids(texts: list[str]) -> Tensor:
    """Return the ids of all texts, one after the other."""
    return torch.cat([torch.tensor(tokenize(text, vocab_of_imdb())) for text in texts])


with when_done(build_vocab, tokenize):
    ids = {"training reviews": all_ids(few[:2000]), "test reviews": all_ids(others[:2000])}
    sizes = [size for size in (400, 800, 1600, 3200, 6400, 12_800, 25_000) if size < 2 * len(vocab_of_imdb())]
    # Ids go by frequency: a vocabulary of n words is this one without the ids from n + 2 on.
    missing = {
        name: [100 * ((seen == 1) | (seen >= size + 2)).double().mean() for size in sizes] for name, seen in ids.items()
    }
    plots.curves(sizes, missing, x_label="words in the vocabulary", y_label="unknown words (%)", log_x=True)

# %% [markdown]
# With 25,000 words, 3 in 100 are unknown in reviews that the vocabulary was built from, and nearly 5 in 100 in others:
# that is what *built from the training split* is about. Half the vocabulary, and so half the embedding, would leave out
# 8 or 9 in 100, for frequencies fall steeply:

# %% tags=["look"]
with when_done(build_vocab, tokenize):
    yours = all_ids(few[:2000]).bincount()[2:].sort(descending=True).values
    between_spaces = Counter(word for text in few[:2000] for word in text.lower().split())
    everything = torch.tensor(sorted(between_spaces.values(), reverse=True))
    ranks = torch.tensor([4**power for power in range(8) if 4**power <= min(len(yours), len(everything))])
    lines = {"all between spaces": everything[ranks - 1], "your words": yours[ranks - 1]}
    plots.curves(ranks, lines, x_label="rank", y_label="occurrences in 2,000 reviews", log_x=True, log_y=True)

# %% [markdown]
# Count everything that stands between spaces, and the frequency is about inversely proportional to the rank: a falling
# line on logarithmic axes, *Zipf's law*. Your vocabulary leaves out its upper end. The stop words were the most
# frequent words of all.

# %% [markdown]
# ## Exercise 1.6 · A data set
# `●●○○○` difficulty · 15 min · 0.5 points
#
# PyTorch wants two things of a data set: how many items there are, and the item with a given number. All the rest, such
# as shuffling and batches, comes from `DataLoader`.
#
# Tokenize in the constructor or when an item is asked for, as you like. The first costs memory, the second time in
# every epoch.
#
# <details><summary>Hint</summary>
#
# The length is that of what you return: measure it after the cut.
# </details>

# %% nbgrader={"grade": false, "grade_id": "ReviewDataset_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
class ReviewDataset(Dataset):
    """Reviews as ids, ready to be made into batches."""

    def __init__(self, texts: list[str], labels: list[int], vocab: dict[str, int], max_length: int) -> None:
        """Keep the reviews.

        texts, labels   one label, 0 or 1, for each text
        vocab           word → id, as build_vocab makes it
        max_length      of each review, only the first so many ids are used
        """
        ### BEGIN SOLUTION
        self.texts = texts
        self.labels = labels
        self.vocab = vocab
        self.max_length = max_length
        ### END SOLUTION

    def __len__(self) -> int:
        """Return the number of reviews."""
        ### BEGIN SOLUTION
        return len(self.texts)
        ### END SOLUTION

    def __getitem__(self, index: int) -> dict[str, object]:
        """Return the review with this number, from 0 on, as a dict:

        "ids"      int64 tensor (length,), made with tokenize
        "length"   int, how many ids there are, at most max_length
        "label"    int
        """
        ### BEGIN SOLUTION
        ids = tokenize(self.texts[index], self.vocab)[: self.max_length]
        return {"ids": torch.tensor(ids, dtype=torch.int64), "length": len(ids), "label": self.labels[index]}
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ReviewDataset", "locked": true, "points": 0.5, "schema_version": 3, "solution": false, "task": false}
check.ReviewDataset(ReviewDataset)

# %% tags=["look"]
with when_done(build_vocab, tokenize, ReviewDataset):
    dataset = ReviewDataset([review, *few], [0] * (1 + len(few)), vocab_of_imdb(), max_length=256)
    print(len(dataset), "reviews; the first one is ours:")
    print(dataset[0])

# %% [markdown]
# Tokens were one measure of length, words are another.
#
# > **Predict before you run.** With BERT's tokens, about one review in seven was longer than 510. How many are longer
# > than 256 words, now that stop words and punctuation are gone?

# %% tags=["look"]
with when_done(build_vocab, tokenize):
    in_words = torch.tensor([len(tokenize(text, vocab_of_imdb())) for text in some]).double()
    print(f"on average {lengths.double().mean():.0f} tokens, and {in_words.mean():.0f} words")
    print(f"longer than 510 tokens: {(lengths > 510).double().mean():.1%}")
    print(f"longer than 256 words:  {(in_words > 256).double().mean():.1%}")

# %% [markdown]
# Well under half the length: with 256 places for words, fewer reviews are cut than with 510 for tokens. A recurrent
# network reads word after word, and has only half as many steps to go.

# %% [markdown]
# ## Exercise 1.7 · Splits
# `●●○○○` difficulty · 15 min · 0.5 points
#
# IMDB comes in two halves of 25,000. Of the first, three tenths are held out to choose a model by: 17,500 to train on,
# 7,500 to validate, 25,000 to test. Others throw all 50,000 together and split them 7 : 1 : 2. Your function does both.
#
# Work on numbers, not on reviews: shuffle 0, 1, …, n − 1 and cut that. The seed makes the split a part of the
# experiment: whoever has it has the same parts.
#
# <details><summary>Hint 1: a shuffle of one's own</summary>
#
# `random.Random(seed)` and `torch.Generator().manual_seed(seed)` are sources of random numbers that nobody else draws
# from. `torch.randperm` takes such a generator.
# </details>
# <details><summary>Hint 2: the sizes</summary>
#
# 10 items in shares 1 : 1 : 1 are 3, 3 and 4. `//` divides and rounds down; where does the remainder go?
# </details>

# %% nbgrader={"grade": false, "grade_id": "split_indices_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def split_indices(n: int, shares: tuple[int, ...], seed: int) -> list[list[int]]:
    """Deal the numbers 0 to n − 1 out at random into parts.

    n         how many there are
    shares    whole numbers, at least 1, one for each part: (7, 3) is 70% and 30%, (7, 1, 2) is 70%, 10% and 20%
    seed      whole number, at least 0; the same seed gives the same parts, whatever was drawn before, and another seed
              gives others

    Returns one list of int per share. Each number is in exactly one of them. A part has n times its share, divided by
    the sum of all shares and rounded down; the last part gets what is left over besides.
    """
    ### BEGIN SOLUTION
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
    parts, start = [], 0
    for share in shares[:-1]:
        size = n * share // sum(shares)
        parts.append(order[start : start + size])
        start += size
    return [*parts, order[start:]]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "split_indices", "locked": true, "points": 0.5, "schema_version": 3, "solution": false, "task": false}
check.split_indices(split_indices)

# %% tags=["look"]
with when_done(split_indices):
    for n, shares in ((25_000, (7, 3)), (50_000, (7, 1, 2))):
        print(f"{n:,} in shares {shares}:", [f"{len(part):,}" for part in split_indices(n, shares, seed=1)])

# %% [markdown]
# Why shuffle at all? Look at the order in which the reviews come.
#
# > **Predict before you run.** Somebody takes the first 70% of the training half as they stand. What share of the
# > held-out reviews is positive?

# %% tags=["look"]
with when_done(split_indices):
    n = len(train_labels)
    cut = [range(n * 7 // 10), range(n * 7 // 10, n)]
    positive = {
        name: [100 * sum(train_labels[i] for i in part) / len(part) for part in (range(n), *parts)]
        for name, parts in {"cut as they stand": cut, "your split": split_indices(n, (7, 3), seed=1)}.items()
    }
    plots.bars(["all", "to train on", "held out"], positive, y_label="positive reviews (%)")

# %% [markdown]
# In IMDB all negative reviews come first. Without a shuffle the held-out part has only positive ones: a model that
# always says *positive* would be perfect there, and useless.

# %% [markdown]
# ## Exercise 1.8 · Batches
# `●●●○○` difficulty · 30 min · 1.5 points in two parts
#
# A batch is a rectangle and reviews are not. The short ones are filled up with `[PAD]`, id 0. How far? To the longest
# review *of this batch*, not of all: that is what `collate` is for, which `DataLoader` calls with the items of a batch.
#
# ### 1.8a · Pad to the longest
# `●●○○○` difficulty · 10 min · 0.5 points
#
# The lengths must go along: from the ids alone nobody knows later where a review ended, and in stage 02 you will see
# what happens to a network that reads on.

# %% nbgrader={"grade": false, "grade_id": "collate_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def collate(batch: list[dict[str, object]]) -> dict[str, Tensor]:
    """Make one batch out of items.

    batch     items of a ReviewDataset, at least one: "ids" (length,), "length", "label"

    Returns a dict, with the items in their order:
    "ids"      int64 tensor (batch, longest), padded with 0 behind each review up to the longest of this batch
    "length"   int64 tensor (batch,), the lengths without padding
    "label"    float32 tensor (batch,), as the loss of stage 02 wants it
    """
    ### BEGIN SOLUTION
    return {
        "ids": pad_sequence([item["ids"] for item in batch], batch_first=True),
        "length": torch.tensor([item["length"] for item in batch]),
        "label": torch.tensor([item["label"] for item in batch], dtype=torch.float32),
    }
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "collate", "locked": true, "points": 0.5, "schema_version": 3, "solution": false, "task": false}
check.collate(collate)

# %% tags=["look"]
with when_done(build_vocab, tokenize, ReviewDataset, collate):
    dataset = ReviewDataset(few, [0] * len(few), vocab_of_imdb(), max_length=256)
    batch = next(iter(DataLoader(dataset, batch_size=8, collate_fn=collate)))
    padding = batch["ids"].shape[1] - batch["length"]
    numbers = [str(number + 1) for number in range(8)]
    plots.bars(numbers, {"words": batch["length"], "padding": padding}, x_label="review", y_label="ids")
    print("ids", tuple(batch["ids"].shape), f"of which {padding.sum() / batch['ids'].numel():.0%} is padding")

# %% [markdown]
# One long review makes the whole batch long. A network computes on every id, padding or not.
#
# ### 1.8b · ▲ Batches of like lengths
# `●●●○○` difficulty · 20 min · 1 point
#
# Put reviews of like length together, and hardly any padding is left. Two things to keep in mind: every review must be
# in exactly one batch, and the *order of the batches* should be random: a model that sees the short reviews first and
# the long ones last in each epoch learns in waves.
#
# <details><summary>Hint</summary>
#
# Sort the numbers of the reviews, not their lengths: `sorted` takes a `key`. Then cut, then shuffle the list of
# batches.
# </details>

# %% nbgrader={"grade": false, "grade_id": "bucket_batches_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def bucket_batches(lengths: list[int], batch_size: int) -> list[list[int]]:
    """Deal reviews out into batches of like lengths.

    lengths      length of each review
    batch_size   reviews in a batch, at least 1; one batch may be smaller, if they don't come out even

    Returns batches as lists of int, the numbers 0 to len(lengths) − 1, each in exactly one batch. They are what you get
    by cutting the row of the reviews sorted by length: no review of another batch is, in length, in between two of a
    batch. The batches come in random order, another one in each call.
    """
    ### BEGIN SOLUTION
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    random.shuffle(batches)
    return batches
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "bucket_batches", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.bucket_batches(bucket_batches)

# %% [markdown]
# Now measure. Which share of all ids in an epoch is padding?

# %% tags=["look"]
def padding_share(lengths: Tensor, batches: list[list[int]]) -> float:
    """Return the share of padding, 0 to 1, if each batch is padded to its longest review."""
    filled = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - int(lengths.sum()) / filled

# %% [markdown]
# > **Predict before you run.** At batch size 64: how much of a random batch is padding? And what happens to the two
# > curves when batches grow?

# %% tags=["look"]
with when_done(build_vocab, tokenize, ReviewDataset, bucket_batches):
    dataset = ReviewDataset(few, [0] * len(few), vocab_of_imdb(), max_length=256)
    words_each = torch.tensor([item["length"] for item in dataset])
    batch_sizes = [size for size in (4, 8, 16, 32, 64, 128, 256) if size <= len(few)]
    at_random = [torch.randperm(len(few)).split(size) for size in batch_sizes]
    like = [bucket_batches(words_each.tolist(), size) for size in batch_sizes]
    shares = {
        "random batches": [100 * padding_share(words_each, [part.tolist() for part in parts]) for parts in at_random],
        "like lengths": [100 * padding_share(words_each, parts) for parts in like],
    }
    plots.curves(batch_sizes, shares, x_label="batch size", y_label="padding (% of all ids)", log_x=True)

# %% [markdown]
# In random batches of 64, more than half of what a network computes is about nothing. The more reviews in a batch, the
# longer its longest, until each batch has one of 256 words, where we cut. In your batches padding is a few per cent at
# most: the network computes on fewer than half as many ids, and nothing is lost.

# %% [markdown]
# ## All together
#
# The pieces make the pipeline of stage 02: split, vocabulary from the training part alone, data set, batches.
#
# > **Predict before you run.** The training part has only 17,500 reviews. Does its vocabulary still have 25,002
# > entries?

# %% tags=["look"]
with when_done(split_indices, build_vocab, tokenize, ReviewDataset, collate, bucket_batches):
    train, valid = split_indices(len(train_texts), (7, 3), seed=1)
    vocab = build_vocab([train_texts[i] for i in train], max_size=25_000)
    held_out = ReviewDataset([train_texts[i] for i in valid], [train_labels[i] for i in valid], vocab, max_length=256)
    batches = bucket_batches([item["length"] for item in held_out], batch_size=64)
    loader = DataLoader(held_out, batch_sampler=batches, collate_fn=collate)
    print(f"{len(train):,} to train on, {len(valid):,} held out, {len(vocab):,} entries, {len(loader)} batches:")
    for _, batch in zip(range(3), loader):
        print({name: tuple(part.shape) for name, part in batch.items()}, f"positive: {batch['label'].mean():.0%}")

# %% [markdown]
# ## Recap
#
# - WordPiece writes every common word as a whole and rare ones in pieces, greedily from the left; it is hardly ever at
#   a loss. It belongs to a pretrained model: 30,522 entries, texts framed by `[CLS]` and `[SEP]`, 512 places.
# - A vocabulary of words is short to write, and knows only the words that it was built from. `[UNK]` is the rest, 3
#   to 5 in 100.
# - It is built from the training split, for the test split stands for what nobody has seen.
# - Shuffle before you split, with a seed: IMDB is ordered by label.
# - Pad to the longest of the batch, keep the lengths, and put like lengths together.
#
# **What comes next.** In stage 02 recurrent networks read these batches word by word. They are the first to learn
# something from them, and you will see what padding does to them.
#
# **Papers**
# - Schuster and Nakajima, 2012,
#   [Japanese and Korean voice search](https://research.google/pubs/japanese-and-korean-voice-search/): where WordPiece
#   comes from.
# - Wu et al., 2016, [Google's neural machine translation system](https://arxiv.org/abs/1609.08144): section 4.1.
# - Sennrich, Haddow and Birch, 2016,
#   [Neural machine translation of rare words with subword units](https://arxiv.org/abs/1508.07909): byte pair encoding,
#   the other large family.
# - Devlin et al., 2019, [BERT](https://arxiv.org/abs/1810.04805): section 3 says what goes into the model.

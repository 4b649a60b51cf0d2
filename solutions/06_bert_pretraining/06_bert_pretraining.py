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
# # 06 · BERT pre-training
#
# `14 points` · about 2 hours · runs 3 minutes on a laptop CPU
#
# Half of the reviews of IMDB have no label: nobody said whether they are good or bad. They still hold a lot of English.
# Hide a word, let a model guess it from the others, and the reviews themselves are the answer key. You build BERT, hide
# the words, and train it until it knows more than how often each word occurs.
#
# **After this notebook you can**
# - put embeddings, positions, blocks and an output layer together to a BERT;
# - mask a text as BERT's authors did, and show by counting that you did it right;
# - write one step of pre-training, and say what its loss must be before the first;
# - tell, from a loss alone, whether a model uses the context of a word.

# %% [markdown]
# | | exercise | difficulty | minutes | points |
# |---|---|---|---|---|
# | 6.1 | `BertModel` | `●●●○○` | 30 | 3 |
# | 6.2 | `mask_inputs`, ✎ | `●●●●○` | 40 | 5 |
# | 6.3 | `pretraining_step` | `●●○○○` | 15 | 2 |
# | 6.4 | pre-training for real: `unigram_entropy`, `fill_mask` | `●●○○○` | 25 | 2 |
# | 6.5 | true or false: `statements_pretraining`, ✎ | `●○○○○` | 10 | 2 |

# %% tags=["install"]
import coursekit  # released notebooks also say what to do where it is missing

# %%
import math
import re

import torch
from coursekit import check, earlier_work, load_imdb, load_tokenizer, plots, runtime, when_done
from torch import Tensor, nn
from torch.nn import functional as F

runtime.set_seed(6)

# %% [markdown]
# The block and the positions are your own of stage 05, if they pass their check.

# %%
TransformerBlock = earlier_work("TransformerBlock")
PositionalEncoding = earlier_work("PositionalEncoding")

# %% [markdown]
# ## A text with gaps
#
# One sentence goes with us: **the movie has a slow start but a wonderful ending**. Here is a vocabulary that is just
# large enough for it. The first two ids are padding and the unknown word, as in stage 01.

# %%
words = ["[PAD]", "[UNK]", "the", "movie", "has", "a", "slow", "start", "but", "wonderful", "ending", "story", "bad"]
PAD, MASK = 0, len(words)  # the mask is no word: it gets the id after the last one
sentence = torch.tensor([[2, 3, 4, 5, 6, 7, 8, 5, 9, 10, PAD, PAD]])


def show(ids: Tensor) -> str:
    return " ".join("[MASK]" if token == MASK else words[token] for token in ids.tolist())


show(sentence[0])

# %% [markdown]
# > **Predict before you run.** Read the two lines below and guess the gap in each. Which is easier, and what gave it
# > away?

# %% tags=["look"]
gap = sentence.clone()
gap[0, 8] = MASK
print(show(gap[0, :9]))
print(show(gap[0, :10]))

# %% [markdown]
# *but* says that something good follows, and *ending* that it is an adjective. The second hint stands **after** the gap.
# A model that writes text from left to right may not look there. One that fills gaps looks to both sides, and all it
# needs for that is the attention that you have already written.

# %% [markdown]
# ## Exercise 6.1 · BERT
# `●●●○○` difficulty · 30 min · 3 points
#
# | step | shape |
# |---|---|
# | ids of tokens, some of them `[MASK]` | (batch, seq_len) |
# | embedding: one row per token, and one for the mask | (batch, seq_len, embed_dim) |
# | plus positions | (batch, seq_len, embed_dim) |
# | block 1, block 2, … each sees all tokens but padding | (batch, seq_len, embed_dim) |
# | linear layer: a score for each word that could stand there | (batch, seq_len, vocab_size) |
#
# Mind the two sizes. `vocab_size + 1` ids go **in**, since the mask must be recognised. `vocab_size` scores come
# **out**, since a mask is never the right answer.
#
# What you have from stage 05: `PositionalEncoding(embed_dim)` takes embeddings and returns them with the positions
# added. `TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate)` takes a pair `(embedding, mask)` and
# returns such a pair.
#
# <details><summary>Hint 1: many blocks</summary>
#
# `nn.Sequential` hands what one module returns to the next, a pair too. Each layer needs a block of its own: a list
# times a number repeats one and the same.
# </details>
# <details><summary>Hint 2: the error you will probably meet</summary>
#
# *IndexError: index out of range in self* comes from an embedding that has no row for an id. Which is the largest id?
# </details>
#
# **By hand**: a ready model inside your class (`nn.TransformerEncoder`, or one of the library transformers) costs the
# points of this exercise.

# %% nbgrader={"grade": false, "grade_id": "BertModel_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
class BertModel(nn.Module):
    """Score, for every place of a text, each word of the vocabulary.

    n_layers          number of blocks, 1 or more, each with weights of its own
    vocab_size        number of words; their ids are 0 to vocab_size - 1, and that of the mask is vocab_size
    embed_dim         size of embeddings and hidden states, a multiple of n_heads
    n_heads           heads of each block
    attn_drop_rate    for the attention weights in the blocks
    layer_drop_rate   for the hidden states in the blocks; nothing is dropped outside of them

    Its parts, and no others: an embedding with vocab_size + 1 rows, as it is drawn, without any factor; positions,
    added once; the blocks; a linear layer with bias to the vocabulary.
    """

    def __init__(
        self,
        n_layers: int,
        vocab_size: int,
        embed_dim: int,
        n_heads: int,
        attn_drop_rate: float,
        layer_drop_rate: float,
    ) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.embedding = nn.Embedding(vocab_size + 1, embed_dim)
        self.positions = PositionalEncoding(embed_dim)
        blocks = [TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate) for _ in range(n_layers)]
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(embed_dim, vocab_size)
        ### END SOLUTION

    def forward(self, batch_text: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return scores (batch, seq_len, vocab_size), floating point: logits, without softmax.

        batch_text   (batch, seq_len) int64, ids from 0 to vocab_size
        mask         (batch, seq_len), bool, int or float: 1 where a token is padding, which no block may look at;
                     None: there is no padding. It has nothing to do with the mask token, which everybody sees.
        """
        ### BEGIN SOLUTION
        embedding = self.positions(self.embedding(batch_text))
        embedding, _ = self.blocks((embedding, mask))
        return self.output(embedding)
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "BertModel", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.BertModel(BertModel)

# %% [markdown]
# > **Predict before you run.** The original BERT has a vocabulary of 30,522, 12 layers and is 768 wide. Where are most
# > of its parameters: in the embedding, in the blocks or in the output layer? And in a narrow one of 2 layers?

# %% tags=["look"]
def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


with when_done(BertModel):
    for n_layers, wide, n_heads in ((12, 768, 12), (2, 128, 4)):
        with torch.device("meta"):  # sizes only, no memory
            block = count(TransformerBlock(wide, n_heads, 0.1, 0.1))
            everything = count(BertModel(n_layers, 30_522, wide, n_heads, 0.1, 0.1))
        parts = f"embedding {30_523 * wide:11,}   blocks {n_layers * block:11,}   output {30_522 * (wide + 1):11,}"
        print(f"{n_layers:2} layers: {parts}   all {everything:12,}")

# %% [markdown]
# A small model with a large vocabulary is mostly vocabulary. That is why ours will know only the most frequent tokens.
# (The original uses one matrix for both ends, which saves a sixth of its weights.)
#
# Without positions a model could not tell *slow start, wonderful ending* from *wonderful start, slow ending*. Does yours?

# %% tags=["look"]
with when_done(BertModel):
    runtime.set_seed(6)
    tiny = BertModel(2, len(words), 32, 4, 0.0, 0.0).eval()
    swapped = sentence.clone()
    swapped[0, [4, 8]] = sentence[0, [8, 4]]
    with torch.no_grad():
        moved = (tiny(sentence, sentence == PAD) - tiny(swapped, swapped == PAD)).abs().mean(dim=2)
    real = [words[token] for token in sentence[0, :10]]
    plots.heat_map(moved[:, :10], ["change"], real, row_label="scores", column_label="token", colour_label=None)

# %% [markdown]
# *slow* and *wonderful* changed places, so there another word comes in. But every other word notices a little: all look
# at all, and the fresh model does not yet know what for.

# %% [markdown]
# ## Exercise 6.2 · Hiding words
# `●●●●○` difficulty · 40 min · 5 points in two parts
#
# ### 6.2a · The mask
# `●●●●○` difficulty · 30 min · 4 points
#
# BERT's recipe has two steps. First, each token that is not padding is *chosen* with probability 0.15, on its own,
# whatever happens to the others. Then, for each chosen token,
#
# - with probability 0.8 it becomes `[MASK]`,
# - with probability 0.1 it becomes a random word of the vocabulary (any of them but padding, all alike; that may happen
#   to be the old one),
# - with probability 0.1 it stays as it is.
#
# Chosen tokens have a label: the word that stood there, even if it still does. All others have the label −100, which
# means *do not ask* to PyTorch's cross-entropy.
#
# > **Predict before you write.** Of 100 tokens, how many have a label? How many are `[MASK]`? How many have changed?
#
# <details><summary>Hint 1: two draws</summary>
#
# One tensor of random numbers for the first step, another one for the second. With two thresholds, one number between 0
# and 1 decides among three fates.
# </details>
# <details><summary>Hint 2: a random word</summary>
#
# Any of vocab_size ids but pad_id: that is vocab_size − 1 ids with a hole. Draw from vocab_size − 1 of them. What has to
# happen to those from the hole upwards?
# </details>
# <details><summary>Hint 3: the input changes</summary>
#
# Indexing into `text` writes into the caller's tensor. Write into a copy, or use functions that return a new tensor,
# such as `torch.where`.
# </details>
#
# **By hand**: a ready masker such as `DataCollatorForLanguageModeling` costs the points of this exercise.

# %% nbgrader={"grade": false, "grade_id": "mask_inputs_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def mask_inputs(
    text: Tensor, vocab_size: int, mask_rate: float = 0.15, only_mask: bool = False, pad_id: int = 0
) -> tuple[Tensor, Tensor]:
    """Hide some words of a text.

    text        (batch, seq_len) int64, ids from 0 to vocab_size - 1; is not modified
    vocab_size  number of words, which is also the id of the mask token
    mask_rate   probability with which each token that is not padding is chosen, independently of all others
    only_mask   True: every chosen token becomes the mask. False: of the chosen tokens, each on its own, 80% become the
                mask, 10% a random word (uniform over all ids below vocab_size except pad_id) and 10% stay.
    pad_id      id of padding, which is never chosen

    Returns (masked_text, mask_labels), both (batch, seq_len) int64:
    masked_text   text with the changes; where nothing was chosen, and at padding, as it was
    mask_labels   the token of `text` where it was chosen, whatever became of it; -100 everywhere else

    Each call draws anew.
    """
    ### BEGIN SOLUTION
    chosen = (torch.rand(text.shape, device=text.device) < mask_rate) & (text != pad_id)
    mask_labels = text.masked_fill(~chosen, -100)
    if only_mask:
        return text.masked_fill(chosen, vocab_size), mask_labels
    fate = torch.rand(text.shape, device=text.device)
    masked_text = text.masked_fill(chosen & (fate < 0.8), vocab_size)
    anything = torch.randint_like(text, vocab_size - 1)
    anything += anything >= pad_id  # leaves out pad_id
    return torch.where(chosen & (fate >= 0.9), anything, masked_text), mask_labels
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "mask_inputs", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check.mask_inputs(mask_inputs)

# %% [markdown]
# Our sentence, six times. Words in CAPITALS were chosen; compare them with the original.

# %% tags=["look"]
with when_done(mask_inputs):
    runtime.set_seed(14)
    print("      ", show(sentence[0, :10]), "\n")
    for _ in range(6):
        masked_text, labels = mask_inputs(sentence, len(words), mask_rate=0.3)
        seen = show(masked_text[0, :10]).split()
        print("      ", " ".join(word.upper() if label >= 0 else word for word, label in zip(seen, labels[0])))

# %% [markdown]
# A random method cannot be checked on one example. It can be counted. Here are 128 texts of 128 tokens, with a vocabulary
# of 100.

# %% tags=["look"]
with when_done(mask_inputs):
    runtime.set_seed(6)
    text = torch.randint(1, 100, (128, 128))
    masked_text, labels = mask_inputs(text, 100)
    seen = {
        "labelled": labels >= 0,
        "changed": masked_text != text,
        "[MASK]": masked_text == 100,
        "random": (masked_text != text) & (masked_text != 100),
        "as it was": (labels >= 0) & (masked_text == text),
    }
    shares = [share.double().mean() for share in seen.values()]
    expected = [0.15, 0.15 * (0.8 + 0.1 * 98 / 99), 0.12, 0.015 * 98 / 99, 0.015 * (1 + 1 / 99)]
    plots.bars(list(seen), {"counted": shares, "expected": expected}, y_label="share of all tokens")

# %% [markdown]
# 98/99, because a random word is the old one once in 99 times. And how close is close enough? A share $p$ of $n$
# independent draws scatters by $\sqrt{p(1-p)/n}$.
#
# > **Predict before you run.** Here $n$ = 16,384. How many of 1,000 maskings are more than three such deviations away?

# %% tags=["look"]
with when_done(mask_inputs):
    small = text[:, :32]  # 4,096 tokens
    counted = torch.stack([(mask_inputs(small, 100)[1] >= 0).double().mean() for _ in range(1000)])
    deviation = math.sqrt(0.15 * 0.85 / small.numel())
    print(f"expected deviation {deviation:.5f}, measured {counted.std():.5f}")
    print(f"further away than three: {((counted - 0.15).abs() > 3 * deviation).sum()} of 1,000")

# %% [markdown]
# A few: three deviations are left by 2.7 of 1,000 right answers. Checks of this course leave room for five, and turn a
# right answer down once in 1.7 million.

# %% [markdown] nbgrader={"grade": false, "grade_id": "why_not_always_mask_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 6.2b · ✎ Why not always the mask?
# `●●○○○` difficulty · 10 min · 1 point
#
# It would be simpler if all chosen tokens became `[MASK]`. Why do 10% stay, and why do 10% become a random word? Give one
# reason for each, in two to four sentences in all. Think of what the model sees later, when it reads reviews for stage
# 07, and of what it would learn about the words that are *not* masked.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point**
#
# - 0.5: a reason for those that stay. For instance: the mask never occurs when the model is used, so it must also learn
#   to make useful hidden states of real words (the gap between pre-training and use); or, it keeps the hidden state of
#   an unmasked word tied to the word itself.
# - 0.5: a reason for the random ones. For instance: the model can trust no word blindly, so it must check each of them
#   against its context and keep a contextual state for every place; without them, an unmasked word with a label would
#   always be right, and copying would do.
#
# "To make it harder" or "as regularisation", without saying what is prevented: 0 for that half.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "why_not_always_mask", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# Some words stay because later, in stage 07, there are no masks at all: a model that was only ever asked at masks need
# not do anything useful at real words. Some become random because otherwise a word that is not masked would always be
# the right one, and the model could simply copy it. With random words it can never be sure, and has to compare every
# word with its neighbours.

# %% [markdown]
# ## Exercise 6.3 · One step of pre-training
# `●●○○○` difficulty · 15 min · 2 points
#
# Scores, loss, gradients, step. Three things are particular to BERT:
#
# - the loss is the mean over the tokens that have a label, and over no others;
# - padding is hidden from attention. Now you see why a random word must never be padding: it would hide itself;
# - the mask token is *not* hidden.
#
# <details><summary>Hint: the shapes of cross-entropy</summary>
#
# `F.cross_entropy` wants scores (n, classes) and labels (n,), or scores (batch, classes, seq_len) and labels
# (batch, seq_len). Yours are (batch, seq_len, vocab_size).
# </details>

# %% nbgrader={"grade": false, "grade_id": "pretraining_step_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def pretraining_step(
    model: nn.Module, masked_text: Tensor, mask_labels: Tensor, optimizer: torch.optim.Optimizer, pad_id: int = 0
) -> float:
    """Let a model learn from one batch, in train mode, and return its loss on it before the step.

    model         called as model(masked_text, mask) with the padding mask, returns (batch, seq_len, vocab_size)
    masked_text   (batch, seq_len) int64, as from mask_inputs
    mask_labels   (batch, seq_len) int64, -100 where a token has no label; at least one has
    optimizer     of the parameters of the model; gradients of earlier steps may still be there
    pad_id        id of padding

    Returns the mean cross-entropy over the labelled tokens, in nats, as a Python float.
    """
    ### BEGIN SOLUTION
    model.train()
    logits = model(masked_text, masked_text == pad_id)
    loss = F.cross_entropy(logits.flatten(0, 1), mask_labels.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "pretraining_step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.pretraining_step(pretraining_step)

# %% [markdown]
# Two things are worth a look before any long training. First, what a model says that has learned nothing.
#
# > **Predict before you run.** To somebody who knows nothing, all words are alike. What is the loss for a vocabulary of
# > 100? And of 10,000?

# %% tags=["look"]
with when_done(BertModel, mask_inputs, pretraining_step):
    for vocab_size in (100, 1_000, 10_000):
        runtime.set_seed(6)
        fresh = BertModel(2, vocab_size, 64, 4, 0.1, 0.1)
        batch = mask_inputs(torch.randint(1, vocab_size, (32, 32)), vocab_size)
        loss = pretraining_step(fresh, *batch, torch.optim.SGD(fresh.parameters(), lr=0.0))
        print(f"vocabulary {vocab_size:6,}: loss {loss:5.2f}, ln(vocab_size) {math.log(vocab_size):5.2f}")

# %% [markdown]
# Close to $\ln$ of the vocabulary: −log(1/n). A first loss far above it means that the scores start too large. One below
# it means that the answer leaks: labels are not −100, say, or words are not masked.
#
# Second, can it learn at all? A model should be able to learn a single batch by heart.

# %% tags=["look", "nbval-ignore-output"]
with when_done(BertModel, mask_inputs, pretraining_step):
    runtime.set_seed(6)
    fresh = BertModel(2, 100, 64, 4, 0.0, 0.0)
    optimizer = torch.optim.Adam(fresh.parameters(), lr=2e-3)
    batch = mask_inputs(torch.randint(1, 100, (8, 16)), 100)
    losses = [pretraining_step(fresh, *batch, optimizer) for _ in range(40)]
    plots.curves(range(40), {"loss": losses}, x_label="step, always the same batch", y_label="loss (nats)")

# %% [markdown]
# There is nothing to understand in random tokens, and still it gets close to 0: it remembers. If yours does not, look
# for the bug now. Later, each try takes minutes.

# %% [markdown]
# ## Exercise 6.4 · For real
# `●●○○○` difficulty · 25 min · 2 points in two parts
#
# The reviews without labels, by the tokenizer of stage 01. We keep its most frequent tokens, so that the model stays
# small; the others become `[UNK]`. On a GPU the same cells train a larger model on all of them.

# %%
sizes = runtime.choose(
    cpu={"reviews": 10_000, "vocab_size": 2_000, "seq_len": 32, "embed_dim": 128, "n_layers": 2, "drop_rate": 0.0}
    | {"batch": 64, "steps": 1_500, "learning_rate": 3e-3},
    gpu={"reviews": 50_000, "vocab_size": 20_000, "seq_len": 256, "embed_dim": 384, "n_layers": 6, "drop_rate": 0.1}
    | {"batch": 128, "steps": 12_000, "learning_rate": 5e-4},
)

# %% tags=["look"]
reviews = load_imdb()
split = "unsupervised" if "unsupervised" in reviews else "train"
texts = reviews[split].shuffle(seed=6)["text"][: sizes["reviews"]]
tokenizer = load_tokenizer()
plain = [re.sub("<[^>]*>", " ", text) for text in texts]
encoded = tokenizer(plain, add_special_tokens=False, verbose=False)["input_ids"]
print(f"{len(encoded):,} reviews, {sum(map(len, encoded)):,} tokens")

# %% tags=["look"]
held_out = max(1, len(encoded) // 20)  # the last 5% stay out of training
counts = torch.bincount(torch.tensor([token for review in encoded[:-held_out] for token in review]))
kept = counts.argsort(descending=True, stable=True)[: sizes["vocab_size"] - 2]
kept = kept[counts[kept] > 0]
vocabulary = ["[PAD]", "[UNK]", *tokenizer.convert_ids_to_tokens(kept.tolist())]
V = len(vocabulary)
print("most frequent:", *vocabulary[2:22])
print("least frequent of those kept:", *vocabulary[-10:])

# %% [markdown]
# New ids, by frequency, and pieces of equal length. Only the last piece of a review needs padding.

# %% tags=["look"]
new_id = torch.ones(len(tokenizer), dtype=torch.int64)  # 1 is [UNK]
new_id[kept] = torch.arange(2, V)
new_id[tokenizer.mask_token_id] = V


def pieces(reviews: list[list[int]]) -> Tensor:
    """Cut reviews into pieces of seq_len tokens, (pieces, seq_len), the last of each with padding."""
    cut = [piece for review in reviews for piece in new_id[torch.tensor(review, dtype=torch.int64)].split(sizes["seq_len"])]
    return nn.utils.rnn.pad_sequence(cut, batch_first=True)


train_text, test_text = pieces(encoded[:-held_out]), pieces(encoded[-held_out:])
real = test_text[test_text != PAD]
print(f"{len(train_text):,} pieces to train on, {len(test_text):,} held out")
print(f"padding {(train_text == PAD).double().mean():.1%}, unknown {(real == 1).double().mean():.1%}")

# %% [markdown]
# ### 6.4a · The bar
# `●○○○○` difficulty · 10 min · 1 point
#
# What is a good loss? Somebody who never looks at the context can still learn how often each word occurs, and always
# guess by that. The best loss that can be had in this way is the entropy of the frequencies $p$, in nats:
#
# $$H = -\sum_w p_w \ln p_w$$
#
# A model below it knows more than frequencies: it uses the other words.

# %% nbgrader={"grade": false, "grade_id": "unigram_entropy_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def unigram_entropy(ids: Tensor, pad_id: int = 0) -> float:
    """Return the entropy, in nats, of how often each token occurs in `ids`.

    ids      int64, of any shape, with at least one token that is not padding; tokens that do not occur add nothing
    pad_id   id of padding, which does not count as a token
    returns  a Python float
    """
    ### BEGIN SOLUTION
    counts = torch.bincount(ids[ids != pad_id])
    p = counts[counts > 0].double() / counts.sum()
    return -(p * p.log()).sum().item()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "unigram_entropy", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.unigram_entropy(unigram_entropy)

# %% tags=["look"]
with when_done(unigram_entropy):
    print(f"knows nothing:          ln({V:,}) = {math.log(V):.2f} nats, one word in {V:,}")
    bar = unigram_entropy(test_text)
    print(f"knows the frequencies:         {bar:.2f} nats, as if one of {math.exp(bar):.0f}")

# %% [markdown]
# To compare with it, the held-out loss must be measured with `only_mask`. A tenth of the chosen tokens stay as they are;
# those can be copied without reading anything else, and the bar would be too easy.

# %% tags=["look"]
def held_out_loss(model: nn.Module, masked_text: Tensor, labels: Tensor) -> float:
    """Mean loss over the labelled tokens, in nats, without dropout and gradients."""
    model.eval()
    total = 0.0
    with torch.no_grad():
        for part, wanted in zip(masked_text.split(256), labels.split(256)):
            asked = wanted >= 0
            scores = model(part.to(runtime.device()), part.eq(PAD).to(runtime.device()))[asked]
            total += F.cross_entropy(scores.float(), wanted[asked].to(runtime.device()), reduction="sum").item()
    return total / (labels >= 0).sum().item()

# %% [markdown]
# The learning rate first climbs, so that the first gradients, which are wild, do little harm; then it sinks.
#
# > **Predict before you run.** Sketch the loss over the steps. Where does it start? Does it fall evenly?

# %% tags=["look"]
def schedule(step: int) -> float:
    """Factor of the learning rate: up over the first tenth, then down to 0."""
    done = (step + 1) / sizes["steps"]
    return min(done / 0.1, (1 - done) / 0.9)


def pretrain(bert: nn.Module) -> dict[str, list[float]]:
    """Train with your functions, and return steps and losses; a line is printed for each fifteenth of the way."""
    device = runtime.device()
    optimizer = torch.optim.AdamW(bert.parameters(), lr=sizes["learning_rate"], betas=(0.9, 0.98), weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    held = mask_inputs(test_text[:1024], V, only_mask=True)
    history = {"step": [0], "training": [math.nan], "held out": [held_out_loss(bert, *held)]}
    recent = []
    for step in range(1, sizes["steps"] + 1):
        batch = train_text[torch.randint(len(train_text), (sizes["batch"],))]
        masked_text, labels = (part.to(device) for part in mask_inputs(batch, V))
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            recent.append(pretraining_step(bert, masked_text, labels, optimizer))
        scheduler.step()
        if step % (sizes["steps"] // 15) == 0:
            seen = step, sum(recent) / len(recent), held_out_loss(bert, *held)
            print("step {:6,}   training {:.2f}   held out {:.2f}".format(*seen))
            for name, value in zip(history, seen):
                history[name].append(value)
            recent = []
    return history

# %% tags=["look", "nbval-ignore-output"]
model = None  # until it is trained
shape = {"n_layers": sizes["n_layers"], "vocab_size": V, "embed_dim": sizes["embed_dim"], "n_heads": sizes["embed_dim"] // 32}
with when_done(BertModel, mask_inputs, pretraining_step, unigram_entropy):
    runtime.set_seed(6)
    bar = unigram_entropy(test_text)
    bert = BertModel(*shape.values(), sizes["drop_rate"], sizes["drop_rate"]).to(runtime.device())
    print(f"{count(bert):,} parameters")
    history = pretrain(bert)
    model = bert

# %% tags=["look", "nbval-ignore-output"]
def trained() -> nn.Module:
    """The model, once the cell above has run to its end."""
    if model is None:
        raise NotImplementedError
    return model


with when_done(BertModel, mask_inputs, pretraining_step, unigram_entropy):
    trained()
    steps, *losses = history.values()
    lines = dict(zip(["training", "held out, masks only"], losses)) | {"unigram entropy": [bar] * len(steps)}
    plots.curves(steps, lines, x_label="step", y_label="loss (nats)")

# %% [markdown]
# Three phases. In the first steps the model learns the frequencies, and falls from $\ln$ of the vocabulary to the bar.
# Then it waits there: attention is still random, and the context helps nobody. At last it breaks through, and from then
# on every bit is context. (The training loss lies lower because of the words that stay: those it can copy.)
#
# ### 6.4b · Watch it fill gaps
# `●●○○○` difficulty · 15 min · 1 point

# %% nbgrader={"grade": false, "grade_id": "fill_mask_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def fill_mask(
    model: nn.Module, masked_text: Tensor, mask_id: int, pad_id: int = 0, k: int = 3
) -> tuple[Tensor, Tensor]:
    """Guess what stands behind each mask, in eval mode and without gradients.

    model         called as model(masked_text, mask) with the padding mask, returns (batch, seq_len, vocab_size)
    masked_text   (batch, seq_len) int64 with n masks in all, at least one
    mask_id       id of the mask token
    pad_id        id of padding
    k             number of guesses, at most the size of the vocabulary

    Returns (tokens, probabilities), both (n, k), a row per mask in reading order, the most likely token first:
    tokens          int64
    probabilities   of these tokens, among the whole vocabulary
    """
    ### BEGIN SOLUTION
    model.eval()
    with torch.no_grad():
        logits = model(masked_text, masked_text == pad_id)
    probabilities, tokens = logits[masked_text == mask_id].softmax(dim=-1).topk(k)
    return tokens, probabilities
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "fill_mask", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.fill_mask(fill_mask)

# %% [markdown]
# > **Predict before you run.** Which of these gaps is filled by grammar alone? Which one needs to know about films?

# %% tags=["look", "nbval-ignore-output"]
gaps = [
    "this is one of the [MASK] movies i have ever seen.",
    "i would not recommend this [MASK] to anyone.",
    "it was a waste [MASK] time.",
    "the acting [MASK] great, but the story was not.",
    "i have never [MASK] such a bad film.",
    "the [MASK] are great and so is the music.",
]
with when_done(BertModel, mask_inputs, pretraining_step, unigram_entropy, fill_mask):
    for text in gaps:
        ids = new_id[torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])].to(runtime.device())
        tokens, chances = fill_mask(trained(), ids, V, k=5)
        pairs = [(vocabulary[t], p) for t, p in zip(tokens[0].tolist(), chances[0].tolist())]
        print(f"{text:52}", ", ".join(f"{word} {p:.0%}" for word, p in pairs if word != "[UNK]"))

# %% [markdown]
# Two minutes of training are little: it often knows what kind of word belongs into a gap, sometimes which, and where it
# does not know it falls back on the frequencies. What is missing for more is the size of the model, of the vocabulary and
# of the text, and time. The GPU profile has more of each.
#
# The weights go beside the notebook. In stage 07 `load_pretrained_bert` from `coursekit.own_bert` makes an encoder of
# them that takes the ids of the tokenizer.

# %% tags=["look"]
from coursekit import checkpoints

with when_done(BertModel, mask_inputs, pretraining_step, unigram_entropy):
    path = checkpoints.save("bert_pretrained.safetensors", trained(), sizes=shape, tokens=kept.tolist())
    print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB")

# %% [markdown]
# ## Exercise 6.5 · True or false
# `●○○○○` difficulty · 10 min · 2 points in two parts
#
# 1. An encoder such as BERT learns autoregressively: it predicts each word from the words before it only.
# 2. GPT and BERT are both pretrained Transformer encoders.
# 3. As published, BERT was pretrained with two tasks: predicting masked words, and deciding whether one sentence follows
#    another.
# 4. Models like GPT-3 that solve a task after seeing a few worked examples in the prompt are called zero-shot learners,
#    not few-shot learners.

# %% nbgrader={"grade": false, "grade_id": "statements_pretraining_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def statements_pretraining() -> dict[int, bool]:
    """Return for each statement, by its number 1 to 4, whether it is true."""
    ### BEGIN SOLUTION
    return {
        1: False,
        2: False,
        3: True,
        4: False,
    }
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "statements_pretraining", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.statements_pretraining(statements_pretraining)

# %% [markdown] nbgrader={"grade": false, "grade_id": "reasons_pretraining_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 6.5b · ✎ And why?
# `●○○○○` difficulty · 5 min · 1 point
#
# One line per statement with the reason for your answer.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point: 0.25 for each reason that supports the right answer**
#
# 1. False: an encoder attends to both sides; it predicts masked words from what stands before and after them.
#    Autoregressive is the decoder.
# 2. False: GPT is a decoder (causal mask, predicts the next word); BERT is the encoder. Both are pretrained.
# 3. True: masked language modelling and next-sentence prediction. Naming both is enough.
# 4. False: the examples in the prompt are the shots; a few examples make it few-shot, none zero-shot. The title of the
#    paper calls them few-shot learners.
#
# A bare repetition of the statement or its negation earns nothing. A good reason with a slip of the pen in the code
# cell keeps its points here.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "reasons_pretraining", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# 1. False. BERT fills gaps and looks to the left and to the right of them; only decoders go from left to right.
# 2. False. GPT is a decoder with a causal mask that predicts the next word; only BERT is an encoder.
# 3. True. Masked language modelling (MLM) and next-sentence prediction (NSP).
# 4. False. Worked examples in the prompt are the shots: with a few of them it is few-shot, with none zero-shot.

# %% [markdown]
# ## Recap
#
# - BERT is an embedding, positions, blocks and a linear layer. One more id goes in than comes out: the mask.
# - 15% of the words are asked for. Of these 80% are hidden, 10% replaced and 10% left, so that no word can be trusted
#   blindly and the model also learns to read text without masks.
# - The loss starts at $\ln$ of the vocabulary, falls to the entropy of the frequencies, and only context brings it
#   below that.
# - Randomness is checked by counting, with tolerances that come from the number of draws.
#
# **What comes next.** In stage 07 a pretrained encoder reads reviews, and a GRU on top learns what they think of the
# film.
#
# **Papers**
# - Devlin et al., 2018, [BERT: pre-training of deep bidirectional Transformers for language understanding](https://arxiv.org/abs/1810.04805):
#   section 3.1 and appendix C.2 are exercise 6.2.
# - Liu et al., 2019, [RoBERTa: a robustly optimized BERT pretraining approach](https://arxiv.org/abs/1907.11692): masks drawn
#   anew each time, and no next-sentence prediction.
# - Wettig et al., 2022, [Should you mask 15% in masked language modeling?](https://arxiv.org/abs/2202.08005)
# - Brown et al., 2020, [Language models are few-shot learners](https://arxiv.org/abs/2005.14165).

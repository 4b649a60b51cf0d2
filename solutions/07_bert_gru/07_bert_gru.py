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
# # 07 · BERT-GRU fine-tuning
#
# `12 points` · about 2 hours and a half · runs 4 minutes on a laptop CPU
#
# Somebody has spent weeks of computing on an encoder that reads English. You take it as it is, put a small recurrent
# network on top, and train only that: with a few thousand reviews and a few minutes, it tells good from bad.
#
# **After this notebook you can**
# - build a classifier on a frozen encoder, with its masks, modes and gradients right;
# - train it, and keep the weights of the epoch that did best on reviews it has not learned from;
# - read every review once, keep what the encoder says in half the memory, and train fifteen epochs on that;
# - ask your model about a sentence, and say where it fails.

# %% [markdown]
# | | exercise | difficulty | minutes | points |
# |---|---|---|---|---|
# | 7.1 | `BERTGRUSentiment` | `●●●●○` | 40 | 4 |
# | 7.2 | one epoch, and many: `train_epoch`, `evaluate_epoch`, `fit` | `●●○○○` | 35 | 2.5 |
# | 7.3 | read once: `encode_once`, ✎ | `●●●○○` | 35 | 2 |
# | 7.4 | `predict_sentiment` | `●●○○○` | 10 | 1 |
# | 7.5 | accuracy on unseen reviews: `sentiment_model` | `●●○○○` | 20 | 2 |
# | 7.6 | reviews of your own ✎, and all of it on paper | `●○○○○` | 10 | 0.5 |
#
# Write your code where it says `YOUR CODE HERE`. The cell after it checks what you wrote and tells you what it saw.
# Nothing stops you from going on: a cell that needs an unfinished exercise says so.

# %% tags=["install"]
import coursekit  # released notebooks also say what to do where it is missing

# %%
import time
from collections.abc import Callable, Iterable
from functools import partial

import torch
from coursekit import check, checkpoints, earlier_work, load_encoder, load_imdb, plots, runtime, when_done
from coursekit.encoder import GRADED_LAYERS
from coursekit.features import Features, fast_arithmetic, keep, reader_facts
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

binary_accuracy = earlier_work("binary_accuracy")
runtime.set_seed(7)

# %% [markdown]
# Sizes for your machine. With a GPU the encoder is bert-base; without one it is MiniLM, and there are fewer reviews.
# Change them as you like; only `max_length` and the encoder's layers must stay, because your work is graded on what the
# same encoder says about the first 256 tokens of a review.

# %%
sizes = runtime.choose(
    cpu={"small": True, "max_length": 256, "train": 3_000, "valid": 700, "test": 700, "epochs": 5, "lr": 3e-3},
    gpu={"small": False, "max_length": 256, "train": 17_500, "valid": 3_000, "test": 3_000, "epochs": 8, "lr": 1e-3},
)
batch_size = 64

# %% [markdown]
# Some cells need what an earlier one has made: features, or a trained model. While it is not there, they wait.

# %%
made: dict[str, object] = {}


def need(name: str) -> object:
    """What an earlier cell has put into `made`."""
    if name not in made:
        raise NotImplementedError
    return made[name]

# %% [markdown]
# ## An encoder reads
#
# MiniLM comes with five of its six layers: the last one was trained to compare whole sentences, and is worse at telling
# good from bad than the layer below it. bert-base comes whole.

# %% tags=["look"]
tokenizer, bert = load_encoder(num_hidden_layers=GRADED_LAYERS, small=sizes["small"])
bert = bert.to(runtime.device())
d_model = bert.config.hidden_size

# %% [markdown]
# Two short reviews go with us. The tokenizer pads them to the same length and says which tokens are real.

# %% tags=["look"]
two = tokenizer(["This film is great", "This film is terrible. I hated it."], padding=True, return_tensors="pt")
two = two.to(runtime.device())
print(two["input_ids"].tolist())
print(two["attention_mask"].tolist())

# %% [markdown]
# > **Caution.** In this library the mask is 1 where a token is **real**. In stage 03 it was 1 where it is padding. Both
# > are common, and no error tells you that you have the wrong one.
#
# The encoder makes a vector of each token, its *features*. In stage 01 a word was a number, the same everywhere. Here it
# depends on all the others.
#
# > **Predict before you run.** The features of each token of *This film is great* against those of *This film is
# > terrible*: in which squares are they most alike? Are the two *film* the same?

# %% tags=["look"]
def features_of(sentence: str) -> tuple[list[str], Tensor]:
    """Tokens of a sentence, and their features (seq_len, d_model)."""
    encoded = tokenizer(sentence, return_tensors="pt").to(runtime.device())
    with torch.no_grad():
        features = bert(**encoded).last_hidden_state[0]
    return tokenizer.convert_ids_to_tokens(encoded["input_ids"][0]), features


great_tokens, great = features_of("This film is great")
terrible_tokens, terrible = features_of("This film is terrible")
alike = nn.functional.normalize(great, dim=1) @ nn.functional.normalize(terrible, dim=1).T
plots.heat_map(alike, great_tokens, terrible_tokens, row_label="great", column_label="terrible", colour_label="cosine")

# %% [markdown]
# Each word is most like itself, but never quite: even *film* has heard what is said about it. And *great* is more like
# *terrible* than like anything else. Both say how a film is; the encoder was not asked which of the two is good.
#
# Now the mask. *This film is great* is read alone, and then in a batch with the longer review, where four padded tokens
# follow it.
#
# > **Predict before you run.** With the mask, do its features change? And without?

# %% tags=["look"]
with torch.no_grad():
    masked = bert(input_ids=two["input_ids"], attention_mask=two["attention_mask"]).last_hidden_state
    unmasked = bert(input_ids=two["input_ids"]).last_hidden_state
print(f"with the mask:    {(masked[0, : len(great)] - great).abs().max():.5f} away")
print(f"without the mask: {(unmasked[0, : len(great)] - great).abs().max():.5f} away")

# %% [markdown]
# ## Exercise 7.1 · A recurrent head on a frozen encoder
# `●●●●○` difficulty · 40 min · 4 points
#
# The features go through a GRU. Its **last states**, one from reading forward and one from reading backward, stand for
# the whole review; dropout, and a linear layer makes one logit of them.
#
# The encoder is **frozen**, and that is three things:
# - its weights want no gradient, so no optimizer can change them;
# - it runs where no gradients are recorded, so that nothing is kept for a backward pass that never comes;
# - it stays in **eval mode** even when the model is put into train mode. Else its own dropout would make other features
#   of the same review each time.
#
# You need a way in behind the encoder later, so the model has three doors: `encode` makes features of ids, `classify`
# makes logits of features, and `forward` is one after the other.
#
# <details><summary>Hint 1: train mode</summary>
#
# `model.train()` calls `train(True)` of every part. `nn.Module.train(self, mode=True)` is a method like any other: yours
# may do what it always does and then put one part back. It returns `self`.
# </details>
# <details><summary>Hint 2: where a review ends</summary>
#
# The mask tells the encoder. The GRU knows no mask: `pack_padded_sequence` takes lengths, on the CPU, and the mask has
# them. With `enforce_sorted=False` the reviews may come in any order.
# </details>
# <details><summary>Hint 3: which states</summary>
#
# The GRU returns `(outputs, states)`. `states` is `(n_layers · directions, batch, hidden_dim)`, the last layer at the
# end: forward, then backward. The last *output* of the backward direction has read a single token.
# </details>
# <details><summary>Hint 4: a slow GRU</summary>
#
# On a CPU the backward pass of a packed GRU takes much longer than that of one without packing. Where no review of a
# batch has any padding, nothing needs to be packed.
# </details>

# %% nbgrader={"grade": false, "grade_id": "BERTGRUSentiment_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
class BERTGRUSentiment(nn.Module):
    """A GRU on the features of a frozen encoder, and a linear layer on its last states."""

    def __init__(
        self, bert: nn.Module, hidden_dim: int, output_dim: int, n_layers: int, bidirectional: bool, dropout: float
    ) -> None:
        """Freeze the encoder and build one `nn.GRU` and one `nn.Linear`.

        bert            bert(input_ids=…, attention_mask=…).last_hidden_state is (batch, seq_len, d_model), and d_model
                        is bert.config.hidden_size; its weights come wanting gradients, and in any mode
        hidden_dim      size of a state of the GRU, in each direction
        output_dim      logits per review: 1 here
        n_layers        layers of the GRU
        bidirectional   whether it reads backward as well
        dropout         probability between the layers of the GRU and before the linear layer, in train mode only
        """
        ### BEGIN SOLUTION
        super().__init__()
        self.bert = bert.requires_grad_(False).eval()
        self.gru = nn.GRU(
            bert.config.hidden_size,
            hidden_dim,
            n_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_dim * 2 if bidirectional else hidden_dim, output_dim)
        ### END SOLUTION

    def train(self, mode: bool = True) -> "BERTGRUSentiment":
        """Put the model into train mode (or eval mode), but leave the encoder in eval mode. Returns the model."""
        ### BEGIN SOLUTION
        super().train(mode)
        self.bert.eval()
        return self
        ### END SOLUTION

    def encode(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Features of reviews, without recording gradients.

        ids              (batch, seq_len) int64, padded at the end
        attention_mask   (batch, seq_len) int64, 1 where the token is real, 0 where it is padding
        returns          (batch, seq_len, d_model)
        """
        ### BEGIN SOLUTION
        with torch.no_grad():
            return self.bert(input_ids=ids, attention_mask=attention_mask).last_hidden_state
        ### END SOLUTION

    def classify(self, features: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits from features. What stands where there is padding changes nothing.

        features         (batch, seq_len, d_model)
        attention_mask   (batch, seq_len) int64, 1 where the token is real; every review has at least one
        returns          (batch, output_dim), before any sigmoid
        """
        ### BEGIN SOLUTION
        lengths = attention_mask.sum(dim=1).cpu()
        if lengths.min() < features.shape[1]:  # packing is slow, and only padding needs it
            features = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        _, states = self.gru(features)  # (n_layers · directions, batch, hidden_dim)
        last = torch.cat([states[-2], states[-1]], dim=1) if self.gru.bidirectional else states[-1]
        return self.out(self.dropout(last))
        ### END SOLUTION

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (batch, output_dim) from ids: `encode`, then `classify`."""
        ### BEGIN SOLUTION
        return self.classify(self.encode(ids, attention_mask), attention_mask)
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "BERTGRUSentiment", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check.BERTGRUSentiment(BERTGRUSentiment)

# %% [markdown]
# How large is it? A bert-base needs no weights for that: on torch's `meta` device a tensor has a shape and nothing else.
#
# > **Predict before you run.** bert-base has 110 million parameters, and the head is two layers of 256 in both
# > directions. Which share of the whole is trained?

# %% tags=["look"]
from transformers import BertConfig, BertModel

with when_done(BERTGRUSentiment), torch.device("meta"):
    large = BERTGRUSentiment(BertModel(BertConfig()), 256, 1, n_layers=2, bidirectional=True, dropout=0.25)
    count = sum(parameter.numel() for parameter in large.parameters())
    trained = sum(parameter.numel() for parameter in large.parameters() if parameter.requires_grad)
    print(f"{count:,} parameters, of which {trained:,} are trained: {trained / count:.1%}")

# %% [markdown]
# And the two reviews, by an untrained head. The first gets another four padded tokens. In train mode the head drops
# half of its states, so its logits jump; the encoder's features must not.

# %% tags=["look"]
with when_done(BERTGRUSentiment), torch.no_grad():
    runtime.set_seed(7)
    model = BERTGRUSentiment(bert, 32, 1, 1, True, dropout=0.5).to(runtime.device()).eval()
    given = [two["input_ids"], two["attention_mask"]]
    wider = [nn.functional.pad(part, (0, 4)) for part in given]
    for name, some in {"as they are": given, "padded more": wider}.items():
        print(f"logits, {name}:", [f"{logit:.4f}" for logit in model(*some)[:, 0].tolist()])
    model.train()
    twice = [model.encode(*given) for _ in range(2)]
    print(f"features in train mode differ by {(twice[0] - twice[1]).abs().max():.4f}")

# %% [markdown]
# ## Exercise 7.2 · One epoch, and many
# `●●○○○` difficulty · 35 min · 2.5 points in three parts
#
# The loop is that of stage 02. A batch now is `(inputs, attention_mask, labels)`, and the model is called with the first
# two. The inputs may be ids or features: the loop does not care.
#
# ### 7.2a · Training
# `●●○○○` difficulty · 10 min · 0.75 points
#
# `binary_accuracy(preds, y)` from stage 02 is there: the share of logits on the right side of zero.
#
# <details><summary>Hint: a mean over reviews</summary>
#
# The last batch is often small. The mean of the means of batches gives its reviews too much weight: sum up, and divide
# once, at the end.
# </details>

# %% nbgrader={"grade": false, "grade_id": "train_epoch_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def train_epoch(
    model: nn.Module, batches: Iterable, optimizer: torch.optim.Optimizer, criterion: nn.Module
) -> tuple[float, float]:
    """Train for one epoch, one step of the optimizer per batch, and return (loss, accuracy), means over all reviews.

    model       model(inputs, attention_mask) gives logits (batch, 1); it is put into train mode
    batches     (inputs, attention_mask, labels) each; labels (batch,) float, 1 for positive. All on the same device.
    criterion   criterion(logits, labels), both (batch,), is the mean loss of a batch
    """
    ### BEGIN SOLUTION
    model.train()
    loss_sum, right, count = 0.0, 0.0, 0
    for inputs, attention_mask, labels in batches:
        logits = model(inputs, attention_mask)[:, 0]
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(labels)
        right += float(binary_accuracy(logits, labels)) * len(labels)
        count += len(labels)
    return loss_sum / count, right / count
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "train_epoch", "locked": true, "points": 0.75, "schema_version": 3, "solution": false, "task": false}
check.train_epoch(train_epoch)

# %% [markdown]
# ### 7.2b · Evaluation
# `●○○○○` difficulty · 5 min · 0.75 points
#
# The same without learning: eval mode, no gradients recorded, nothing changed.

# %% nbgrader={"grade": false, "grade_id": "evaluate_epoch_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def evaluate_epoch(model: nn.Module, batches: Iterable, criterion: nn.Module) -> tuple[float, float]:
    """Return (loss, accuracy), means over all reviews, in eval mode, without recording gradients.

    model, batches, criterion   as for train_epoch
    """
    ### BEGIN SOLUTION
    model.eval()
    loss_sum, right, count = 0.0, 0.0, 0
    for inputs, attention_mask, labels in batches:
        with torch.no_grad():
            logits = model(inputs, attention_mask)[:, 0]
        loss_sum += criterion(logits, labels).item() * len(labels)
        right += float(binary_accuracy(logits, labels)) * len(labels)
        count += len(labels)
    return loss_sum / count, right / count
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "evaluate_epoch", "locked": true, "points": 0.75, "schema_version": 3, "solution": false, "task": false}
check.evaluate_epoch(evaluate_epoch)

# %% [markdown]
# Now the real reviews. 30% of the training split are held out for validation, as in stage 01; the test reviews decide
# nothing, and are looked at once, at the end.

# %% tags=["look"]
runtime.set_seed(7)
reviews = load_imdb()
parts = reviews["train"].train_test_split(test_size=0.3, seed=7)
splits = {"train": parts["train"], "valid": parts["test"], "test": reviews["test"].shuffle(seed=7)}
splits = {name: split.select(range(min(sizes[name], len(split)))) for name, split in splits.items()}
ids = {
    name: tokenizer(list(split["text"]), truncation=True, max_length=sizes["max_length"])["input_ids"]
    for name, split in splits.items()
}
labels = {name: [float(label) for label in split["label"]] for name, split in splits.items()}
print({name: f"{len(rows):,} reviews, {sum(map(len, rows)) / len(rows):.0f} tokens each" for name, rows in ids.items()})

# %% [markdown]
# The model has several doors, and this little module enters it by the one you name. `fast_arithmetic` multiplies in
# bfloat16 inside, where your processor has instructions for it.

# %%
class Through(nn.Module):
    """A BERTGRUSentiment, entered through "forward", which takes ids, or through "classify", which takes features."""

    def __init__(self, model: nn.Module, door: str) -> None:
        super().__init__()
        self.model, self.door = model, door

    def forward(self, inputs: Tensor, attention_mask: Tensor) -> Tensor:
        with fast_arithmetic():
            logits = getattr(self.model, self.door)(inputs, attention_mask)
        return logits.float()

# %% [markdown]
# One epoch over 128 reviews, straight from their ids: the encoder reads them, then the head takes its step.
#
# > **Predict before you run.** The encoder only reads, while the head reads, goes back and takes steps. Which of the two
# > takes more of the time?

# %% tags=["look"]
def id_batches(rows: list[list[int]], labels: list[float], size: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Padded ids, masks and labels, in batches."""
    batches = []
    for start in range(0, len(rows), size):
        some = [torch.tensor(row) for row in rows[start : start + size]]
        mask = pad_sequence([torch.ones_like(row) for row in some], batch_first=True)
        batch = pad_sequence(some, batch_first=True), mask, torch.tensor(labels[start : start + size])
        batches.append(tuple(part.to(runtime.device()) for part in batch))
    return batches


def new_model(hidden_dim: int = 64) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A model with an untrained head, and its optimizer, which is given the head only."""
    model = BERTGRUSentiment(bert, hidden_dim, 1, 1, True, dropout=0.25).to(runtime.device())
    head = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return model, torch.optim.Adam(head, lr=sizes["lr"])


criterion = nn.BCEWithLogitsLoss()


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch):
    runtime.set_seed(7)
    model, optimizer = new_model()
    few = id_batches(ids["train"][:128], labels["train"][:128], batch_size)
    reading = seconds(lambda: [Through(model, "encode")(*batch[:2]) for batch in few])
    whole = seconds(lambda: train_epoch(Through(model, "forward"), few, optimizer, criterion))
    print(f"one epoch over 128 reviews: {whole:.1f} s, of which the encoder reads for {reading:.1f} s")

# %% [markdown]
# The encoder reads the same reviews in each epoch, and says the same each time. That is exercise 7.3. First, many epochs.
#
# ### 7.2c · The best of many epochs
# `●●○○○` difficulty · 20 min · 1 point
#
# The training loss falls as long as you train. The validation loss falls, and at some point rises: from there on the
# head learns its reviews by heart. So keep the weights of the epoch with the lowest **validation loss**, and put them
# back at the end.
#
# <details><summary>Hint: the classic mistake</summary>
#
# `best = model.state_dict()` does not copy anything: these *are* the weights of the model, and they go on changing.
# </details>

# %% nbgrader={"grade": false, "grade_id": "fit_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def fit(
    model: nn.Module,
    train_one: Callable[[], tuple[float, float]],
    validate: Callable[[], tuple[float, float]],
    epochs: int,
) -> list[dict[str, float]]:
    """Train for so many epochs, and leave the model as it was after the one with the lowest validation loss.

    model       its whole state_dict is kept and put back, also what is no parameter
    train_one   trains the model for one epoch and returns (loss, accuracy)
    validate    returns (loss, accuracy) of the model on the validation reviews
    epochs      each calls train_one once, then validate once
    returns     one dict per epoch, with train_loss, train_accuracy, valid_loss, valid_accuracy

    Of two epochs with the same loss, the earlier one counts.
    """
    ### BEGIN SOLUTION
    history, lowest, best = [], float("inf"), None
    for _ in range(epochs):
        train_loss, train_accuracy = train_one()
        valid_loss, valid_accuracy = validate()
        history.append(
            {
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "valid_loss": valid_loss,
                "valid_accuracy": valid_accuracy,
            }
        )
        if valid_loss < lowest:
            lowest = valid_loss
            best = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best)
    return history
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "fit", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.fit(fit)

# %% [markdown]
# Try it on something that takes no time: a "model" of one number, which each epoch raises by one. Its validation loss is
# lowest at 3.

# %% tags=["look"]
with when_done(fit):
    number = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(number.weight)

    def one_more() -> tuple[float, float]:
        with torch.no_grad():
            number.weight += 1
        return 1 / number.weight.item(), 0.5

    fit(number, one_more, lambda: (abs(number.weight.item() - 3), 0.5), epochs=6)
    print(f"after 6 epochs the number is {number.weight.item():.0f}")

# %% [markdown]
# ## Exercise 7.3 · Read once, train many epochs
# `●●●○○` difficulty · 35 min · 2 points in two parts
#
# The course that this one replaces trained for fifteen epochs, and its encoder read every review fifteen times. It is
# frozen: once is enough. What it says is kept, and three things decide what that costs.
#
# - **Which reviews share a batch.** A batch is as long as its longest review. Sorted by length, hardly any of it is
#   padding.
# - **How precise.** Two bytes per number (`float16`) instead of four: three digits are left, and they are enough.
# - **What is really kept.** A slice of a tensor is a *view*: it keeps the whole tensor in memory, padding included.
#
# > **Predict before you run.** Kept in four bytes, padded to 256 tokens, how much memory do the features of your training
# > reviews take? And in two bytes, without padding?

# %% tags=["look"]
tokens = sum(map(len, ids["train"]))
padded = len(ids["train"]) * sizes["max_length"]
print(f"float32, padded to {sizes['max_length']}: {padded * d_model * 4 / 2**30:.2f} GiB")
print(f"float16, no padding:    {tokens * d_model * 2 / 2**30:.2f} GiB")

# %% [markdown]
# ### 7.3a · ▲ `encode_once`
# `●●●○○` difficulty · 25 min · 1.5 points
#
# <details><summary>Hint 1: sort, and put back</summary>
#
# Sort the *numbers* of the reviews by length, not the reviews: then you know where each result belongs.
# </details>
# <details><summary>Hint 2: a copy of its own</summary>
#
# `row[:n].half()` makes a new tensor only if the type changes. `.clone()`, or `.to(…, copy=True)`, always does.
# </details>

# %% nbgrader={"grade": false, "grade_id": "encode_once_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def encode_once(bert: nn.Module, reviews: list[list[int]], batch_size: int) -> list[Tensor]:
    """Read every review once with a frozen encoder and return its features.

    bert         in eval mode; bert(input_ids=…, attention_mask=…).last_hidden_state is (batch, seq_len, d_model). It
                 may be on a GPU.
    reviews      ids of each, with [CLS] and [SEP], of different lengths, none empty
    batch_size   reviews per call of the encoder. Reviews of like lengths share a batch: sorted by length, so many at a
                 time.
    returns      one tensor (length of the review, d_model) per review, in the order of `reviews`: float16, on the CPU,
                 without a graph, and each with its own memory
    """
    ### BEGIN SOLUTION
    device = next(bert.parameters()).device
    order = sorted(range(len(reviews)), key=lambda i: len(reviews[i]))
    kept = [None] * len(reviews)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        ids = pad_sequence([torch.tensor(reviews[i]) for i in chosen], batch_first=True)
        mask = pad_sequence([torch.ones(len(reviews[i]), dtype=torch.long) for i in chosen], batch_first=True)
        with torch.no_grad():
            features = bert(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        for i, row in zip(chosen, features, strict=True):
            kept[i] = row[: len(reviews[i])].to("cpu", torch.float16, copy=True)
    return kept
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "encode_once", "locked": true, "points": 1.5, "schema_version": 3, "solution": false, "task": false}
check.encode_once(encode_once)

# %% [markdown]
# Now all reviews, once. `keep` calls your function for a thousand reviews at a time and stores what comes back, without
# any padding; it says what that takes, and refuses more than 4 GiB unless you allow it. With `folder="…"` the features
# lie on disk, and a run that was stopped goes on where it was.

# %% tags=["look", "nbval-ignore-output"]
with when_done(encode_once), fast_arithmetic():
    bert.eval()
    start = time.perf_counter()
    room = runtime.choose(cpu=4, gpu=9) * 2**30  # bytes
    made["features"] = {
        name: keep(lambda some: encode_once(bert, some, 32), ids[name], labels[name], at_most=room, text=f"{name}, in thousands")
        for name in ids
    }
    count = sum(map(len, ids.values()))
    made["reading"] = (time.perf_counter() - start) / count  # seconds per review
    print(f"{count:,} reviews in {count * made['reading']:.0f} s")

# %% [markdown]
# Training can now enter the model behind its encoder, through `classify`.
# `features["train"].batches(64, shuffle=True, even=16)` gives batches like those above, with features in the place of ids.
# With `even=16` a review is cut down to a multiple of 16 tokens, 15 less at most, and only reviews of equal length share
# a batch: then there is no padding at all, and no need to pack. What is that worth? One step of a GRU on 32 reviews, all
# of the same length, packed and not packed:

# %% tags=["look", "nbval-ignore-output"]
gru = nn.GRU(d_model, 64, batch_first=True, bidirectional=True).to(runtime.device())


def step(seq_len: int, packed: bool) -> None:
    """Forward and backward, on random features."""
    features = torch.randn(32, seq_len, d_model, device=runtime.device())
    if packed:
        features = pack_padded_sequence(features, torch.full((32,), seq_len), batch_first=True)
    with fast_arithmetic():
        _, states = gru(features)
    states.float().sum().backward()


lengths = [32, 64, 128, 256]
times = {
    name: [1000 * min(seconds(partial(step, length, packed)) for _ in range(3)) for length in lengths]
    for name, packed in {"packed": True, "not packed": False}.items()
}
plots.curves(lengths, times, x_label="length (tokens)", y_label="time of one step (ms)", log_x=True, log_y=True)

# %% [markdown]
# On a CPU, with every doubling of the length, the time of the packed GRU grows more than the other's: each step of its
# backward pass touches the whole batch, so that in the end it grows with the *square* of the length. (On a GPU there is
# hardly a difference.)
#
# > **Predict before you run.** An epoch on ids and an epoch on features, per thousand reviews. How many times faster?

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch, encode_once):
    runtime.set_seed(7)
    model, optimizer = new_model()
    some, all_kept = id_batches(ids["train"][:256], labels["train"][:256], batch_size), need("features")["train"]
    cached = all_kept.batches(batch_size, shuffle=True, even=16)
    anew = seconds(lambda: train_epoch(Through(model, "forward"), some, optimizer, criterion)) / 256
    once = seconds(lambda: train_epoch(Through(model, "classify"), cached, optimizer, criterion)) / len(all_kept)
    epochs = (1, 5, 15)
    bars = {
        "encode every epoch": [1000 * n * anew for n in epochs],
        "encode once": [1000 * (need("reading") + n * once) for n in epochs],
    }
    plots.bars([str(n) for n in epochs], bars, x_label="epochs", y_label="time for 1,000 reviews (s)")
    faster = 15 * anew / (need("reading") + 15 * once)
    print(f"15 epochs are {faster:.1f} times faster when the encoder reads once")

# %% [markdown]
# For a single epoch hardly anything is gained. From the second on, nearly everything is.

# %% [markdown] nbgrader={"grade": false, "grade_id": "frozen_features_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 7.3b · ✎ When may features be kept?
# `●●○○○` difficulty · 10 min · 0.5 points
#
# Name two different changes to the model or to its training after which the kept features would be wrong, and say for
# each why. Two or three sentences.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 0.5 points**
#
# - 0.25 for each change, with its reason. For instance: the encoder is unfrozen (its weights move with each step, so the
#   features of an earlier step are those of another encoder); it is put into train mode (dropout makes other features
#   each time, and keeping them freezes one draw); reviews are cut at another length, or words are replaced at random in
#   each epoch (other input, other features); another encoder or another of its layers is used.
# - A change without a reason: 0.1.
# - Changes to the head alone (its size, dropout, learning rate): 0, they leave the features as they are.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "frozen_features", "locked": false, "points": 0.5, "schema_version": 3, "solution": true, "task": false}
# If the encoder is unfrozen, its weights change with every step, so features kept from before belong to an encoder that
# no longer exists. If it is put into train mode, its dropout makes other features each time it reads; what is kept would
# be one random draw, used again in every epoch. (A larger head or another learning rate changes nothing: they come after
# the features.)

# %% [markdown]
# ## All of it: training
#
# Now the parts work together.

# %%
def train_head(model: nn.Module, epochs: int) -> list[dict[str, float]]:
    """Train a model's head on the kept features, saying how far it is; returns the history of `fit`."""
    features = need("features")
    on_features = Through(model, "classify")
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=sizes["lr"])

    def train_one() -> tuple[float, float]:
        return train_epoch(on_features, features["train"].batches(batch_size, True, even=16), optimizer, criterion)

    def validate() -> tuple[float, float]:
        loss, accuracy = evaluate_epoch(on_features, features["valid"].batches(256), criterion)
        print(f"validation: loss {loss:.3f}, accuracy {accuracy:.1%}")
        return loss, accuracy

    return fit(model, train_one, validate, epochs)

# %% [markdown]
# > **Predict before you run.** Which of the two losses, training or validation, ends lower?

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch, evaluate_epoch, fit, encode_once):
    runtime.set_seed(7)
    model, _ = new_model()
    made["history"] = train_head(model, sizes["epochs"])
    made["model"] = model

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch, evaluate_epoch, fit, encode_once):
    history = need("history")
    with plots.panels(2, height=3.0) as axes:
        for ax, what, label in zip(axes, ("loss", "accuracy"), ("loss (nats)", "accuracy"), strict=True):
            lines = {name: [epoch[f"{name}_{what}"] for epoch in history] for name in ("train", "valid")}
            plots.curves(range(1, len(history) + 1), lines, x_label="epoch", y_label=label, ax=ax)

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch, evaluate_epoch, fit, encode_once):
    tested = need("features")["test"].batches(256)
    loss, accuracy = evaluate_epoch(Through(need("model"), "classify"), tested, criterion)
    print(f"test, on reviews that decided nothing: {accuracy:.1%}")

# %% [markdown]
# With so few reviews and the small encoder, expect a little more than 80%. All 17,500 training reviews bring about 87%.
#
# ## Exercise 7.4 · Ask the model
# `●●○○○` difficulty · 10 min · 1 point
#
# A sentence goes in, a probability comes out: near 1 for praise, near 0 for the opposite.

# %% nbgrader={"grade": false, "grade_id": "predict_sentiment_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def predict_sentiment(model: nn.Module, tokenizer, sentence: str) -> float:
    """Return the probability that a sentence is positive, a float between 0 and 1.

    model       model(ids, attention_mask) gives one logit (1, 1); it comes in any mode, and is asked in eval mode,
                without recording gradients. It may be on a GPU: so are its parameters.
    tokenizer   of the encoder: tokenizer(text) adds [CLS] and [SEP]
    sentence    any length: what is beyond 512 tokens is cut off, because the encoder has no more positions
    """
    ### BEGIN SOLUTION
    model.eval()
    device = next(model.parameters()).device
    encoded = tokenizer(sentence, truncation=True, max_length=512, return_tensors="pt").to(device)
    with torch.no_grad():
        logits = model(encoded["input_ids"], encoded["attention_mask"])
    return torch.sigmoid(logits).item()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "predict_sentiment", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.predict_sentiment(predict_sentiment)

# %% [markdown]
# The four sentences that every year of this course has asked about, and two of your own. Write yours.

# %%
sentences = [
    "Justice League is terrible. I hated it.",
    "Avengers was great!!",
    "This film is terrible",
    "This film is great",
    "I wanted to like it.",  # yours
    "Not bad at all!",  # yours
]

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch, evaluate_epoch, fit, encode_once, predict_sentiment):
    said = [predict_sentiment(need("model"), tokenizer, sentence) for sentence in sentences]
    for probability, sentence in zip(said, sentences, strict=True):
        print(f"{probability:6.1%}  {'█' * round(20 * probability):20}  {sentence}")

# %% [markdown]
# ## Exercise 7.5 · Accuracy on reviews that nobody has seen
# `●●○○○` difficulty · 20 min · 2 points
#
# Your trained head is graded: not this notebook's printout, but the weights you hand in, on reviews that you have not
# seen. Points grow in a straight line from none at 50% to all at 86% with MiniLM, or at 90% with bert-base. (MiniLM's
# figure was measured: heads trained on 17,500 reviews from three seeds got 86.2, 87.2 and 87.5% right.)
#
# `sentiment_model(bert)` builds the model for which the weights were trained. The encoder is an argument, because the
# grader has its own: one that returns features which were computed once for the whole class.

# %% nbgrader={"grade": false, "grade_id": "sentiment_model_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def sentiment_model(bert: nn.Module) -> nn.Module:
    """Build, for any encoder, the BERTGRUSentiment whose head you hand in: one output, sizes of your choice.

    The sizes must not depend on the machine: `sizes`, for instance, is another one where there is no GPU. Up to a
    million trained weights are graded in seconds; with many more, grading may run out of time.
    """
    ### BEGIN SOLUTION
    return BERTGRUSentiment(bert, hidden_dim=64, output_dim=1, n_layers=1, bidirectional=True, dropout=0.25)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "sentiment_model", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.sentiment_model(sentiment_model)

# %% [markdown]
# Train it, longer than before if you like, and with as many reviews as you have patience for. What counts is the file
# `sentiment_head.safetensors` beside this notebook: hand it in as well. It holds the head only: of the encoder, its
# name is enough.

# %% tags=["look", "nbval-ignore-output"]
with when_done(BERTGRUSentiment, train_epoch, evaluate_epoch, fit, encode_once, sentiment_model):
    runtime.set_seed(8)
    model = sentiment_model(bert).to(runtime.device())
    train_head(model, sizes["epochs"])
    made["model"] = model
    head = nn.ModuleDict({name: part for name, part in model.named_children() if part is not bert})
    path = checkpoints.save("sentiment_head.safetensors", head, **reader_facts(bert), max_length=sizes["max_length"])
    print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB")

# %% [markdown]
# ## Exercise 7.6 · Reviews of your own
# `●○○○○` difficulty · 10 min · 0.5 points
#
# Write two reviews that your model gets right and two that it gets wrong. They need not be true.

# %%
own_reviews = [
    "I laughed, I cried, and I would go again tomorrow.",
    "Two hours of my life that nobody will give back to me.",
    "Everybody told me that it was wonderful. I wish I had not believed them.",
    "The critics hated it, the seats were awful, the sound was broken, and I have never been happier in a cinema.",
]

# %% tags=["look", "nbval-ignore-output"]
told: dict[str, float] = {}
with when_done(BERTGRUSentiment, train_epoch, evaluate_epoch, fit, encode_once, predict_sentiment):
    told |= {review: predict_sentiment(need("model"), tokenizer, review) for review in own_reviews}
    for review, probability in told.items():
        print(f"{probability:6.1%}  {review}")

# %% [markdown] nbgrader={"grade": false, "grade_id": "own_reviews_said_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### ✎ Where does it fail, and why?
#
# Quote one of your reviews that the model gets wrong, with the probability it gave. What may have misled it? How would
# you find out whether you are right? Two or three sentences.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 0.5 points**
#
# - 0.25: quotes a review and the model's probability, and names a plausible cause: words of the other side outnumber the
#   one that decides; negation; irony; the turn comes at the end, or beyond the cut; a subject that no training review had.
# - 0.25: a way to test it that could fail: change one thing (drop the negation, swap the halves, replace the word), ask
#   again and say what result would speak for the cause and what against it.
# - If the model gets everything right: the same for the review it was least sure of.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "own_reviews_said", "locked": false, "points": 0.5, "schema_version": 3, "solution": true, "task": false}
# My review about critics, seats and sound gets 3% (it was meant as praise), although its only judgement of the film is the
# last half sentence: three complaints stand against one word of joy. I would take the complaints out one by one: if the probability rises with each, they were it; if it stays low
# without any of them, then "never" before "happier" is the better suspect.

# %% [markdown]
# All that you wrote in words, and your reviews with what the model said, as a PDF beside the notebook:

# %% tags=["look", "nbval-ignore-output"]
from coursekit.answers_pdf import save_answers_pdf

save_answers_pdf(reviews=told)

# %% [markdown]
# ## Recap
#
# - A frozen encoder has weights that want no gradient, runs without recording any, and stays in eval mode.
# - The mask tells the encoder where a review ends, packing tells the GRU. Then a prediction does not depend on the
#   company a review is in.
# - The last states of a bidirectional GRU stand at both ends of the review.
# - What never changes is computed once: sorted by length, in half precision, in memory of its own.
# - The epoch with the lowest validation loss is the one to keep, in a copy.
#
# **What comes next.** You have gone from words to a model that reads: tokens, recurrence, attention, blocks, pretraining,
# and a head of your own. The one step left out here is to unfreeze the encoder and let all of it learn, which takes a GPU
# and brings bert-base from about 91% to about 93.5% on these reviews.
#
# **Papers**
# - Devlin et al., 2019, [BERT: pre-training of deep bidirectional transformers](https://arxiv.org/abs/1810.04805):
#   section 5.3 compares fine-tuning with features that are kept.
# - Cho et al., 2014, [Learning phrase representations using RNN encoder-decoder](https://arxiv.org/abs/1406.1078): the GRU.
# - Wang et al., 2020, [MiniLM](https://arxiv.org/abs/2002.10957).
# - Maas et al., 2011, [Learning word vectors for sentiment analysis](https://aclanthology.org/P11-1015/): the reviews.

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
# # 04 · Multi-head attention
#
# `14 points` · about 2 hours · runs in less than a minute on a laptop CPU
#
# One attention asks one question. A word may have several: which noun do I belong to, what stood before me, is there a
# *but* somewhere? Multi-head attention asks them all at once, with questions that it learns. You write it, make it agree
# with torch's, load the weights of a real encoder into it, and look at what 72 heads do with one review.
#
# **After this notebook you can**
# - write multi-head self-attention as a module: one linear layer, a cut into heads, an output layer;
# - cut and merge heads without mixing up tokens, and say why the shapes alone do not tell;
# - carry weights from another implementation into your own, and prove that both compute the same;
# - show that attention by itself knows nothing of word order;
# - measure how wide and how far the heads of a pretrained encoder look, and name a few of them.

# %% [markdown]
# | | exercise | difficulty | minutes | points |
# |---|---|---|---|---|
# | 4.1 | `MultiHeadAttention`: `__init__`, `forward` | `●●●●○` | 40 | 6 |
# | 4.2 ▲ | `MultiHeadAttention`: `copy_from` | `●●●○○` | 20 | 2 |
# | 4.3 | no sense of order: `equivariance_gap` | `●●○○○` | 15 | 1.5 |
# | 4.4 | what heads see: `head_profile`, ✎ | `●●○○○` | 25 | 2.5 |
# | 4.5 | true or false: `statements_attention`, ✎ | `●○○○○` | 15 | 2 |
#
# Write your code where it says `YOUR CODE HERE`. The cell after it checks what you wrote and tells you what it saw.
# Nothing stops you from going on: a cell that needs an unfinished exercise says so.

# %% tags=["install"]
import coursekit  # released notebooks also say what to do where it is missing

# %%
import math

import torch
from coursekit import check, earlier_work, load_encoder, load_imdb, plots, runtime, when_done
from torch import Tensor, nn
from torch.nn import functional as F

runtime.set_seed(4)

# %% [markdown]
# Your attention of stage 03 goes on working here, if its check passes; else one from torch takes its place.

# %%
scaled_dot_product = earlier_work("scaled_dot_product")

# %% [markdown]
# ## Two questions at once
#
# The review of stage 03 is back, with the four numbers of each word that were set by hand.

# %%
review = ["slow", "start", "but", "wonderful", "ending"]
#                    quality  thing  1st half  2nd half
words = torch.tensor([[1.0,    0.0,    1.0,      0.0],  # slow
                      [0.0,    1.0,    1.0,      0.0],  # start
                      [0.0,    0.0,    0.0,      0.0],  # but
                      [1.0,    0.0,    0.0,      1.0],  # wonderful
                      [0.0,    1.0,    0.0,      1.0]])  # ending

# %% [markdown]
# Let each word ask for words like itself. Its four numbers hold two things: *what* it is (the first two) and *where* it
# stands (the last two). One attention over all four mixes them.
#
# > **Predict before you run.** *slow* is a quality in the first half. Which two other words does it look at alike?

# %% tags=["look"]
x = 2 * words[None, None]  # (batch 1, one head, 5 tokens, 4 features)
_, attention = scaled_dot_product(x, x, x, 0.0)
plots.heat_map(attention[0, 0], review, title="one head, all four features")

# %% [markdown]
# Besides itself, *slow* looks at *start* (same half) and at *wonderful* (a quality too) with the same weight: there is
# one softmax, and it cannot answer both questions apart. So give each pair of features an attention of its own: two
# **heads**, each with `head_dim` = 4 / 2 = 2 features.

# %% tags=["look"]
two = 2 * words.unflatten(1, (2, 2)).transpose(0, 1)[None]  # (batch 1, 2 heads, 5 tokens, 2 features)
_, attention = scaled_dot_product(two, two, two, 0.0)
with plots.panels(2, height=3.4) as (left, right):
    plots.heat_map(attention[0, 0], review, title="head 1: what?", colour_label=None, ax=left)
    plots.heat_map(attention[0, 1], review, title="head 2: where?", colour_label=None, ax=right)

# %% [markdown]
# Two clean answers for the price of one: the heads are narrower, so together they multiply no more numbers than the wide
# one did. Only now there are two tables of weights.
#
# ### The trap
#
# Cutting features into heads is one line, and it is the line that goes wrong. Here are 3 tokens with 4 features; the tens
# say which token a number belongs to.

# %% tags=["look"]
tokens = torch.arange(1, 4)[:, None] * 10 + torch.arange(4)  # (3 tokens, 4 features)
print(tokens)

# %% [markdown]
# Two heads of two features: the result must have the shape (2 heads, 3 tokens, 2 features). Both lines below do that.
#
# > **Predict before you run.** In which of the two does head 1 see all three tokens?

# %% tags=["look"]
print("view alone, head 1:\n", tokens.view(2, 3, 2)[0])
print("cut, then move the heads to the front, head 1:\n", tokens.view(3, 2, 2).transpose(0, 1)[0])

# %% [markdown]
# `view` only lays the same row of numbers into another box. It put the whole first token and half of the second into
# head 1, and nothing complained: the shape is right. Whenever you cut or merge heads, say aloud what each dimension means
# *before* and *after*.

# %% [markdown]
# ## Exercise 4.1 · Multi-head attention
# `●●●●○` difficulty · 40 min · 6 points
#
# Instead of features set by hand, every head gets queries, keys and values that are *learned* from the same embedding:
#
# $$q, k, v = \text{embedding}\cdot W^\top + b \qquad
#   \text{head}_i = \mathrm{Attention}(q_i, k_i, v_i) \qquad
#   \text{result} = \mathrm{concat}(\text{head}_1, \ldots, \text{head}_h)\,W_o^\top + b_o$$
#
# One linear layer makes all queries, keys and values of all heads in one go; it has `3 * embed_dim` outputs. How you lay
# these out is up to you. The last layer, `o_proj`, mixes what the heads found.
#
# <details><summary>Hint 1: the shapes, in order</summary>
#
# (batch, seq_len, embed_dim) → (batch, seq_len, 3 · embed_dim) → three times (batch, n_heads, seq_len, head_dim) →
# attention → (batch, n_heads, seq_len, head_dim) → (batch, seq_len, embed_dim) → output layer.
# </details>
# <details><summary>Hint 2: dropout</summary>
#
# `scaled_dot_product` is a function and knows no modes. A module does: `self.training` is true until somebody calls
# `eval()`. Which rate do you hand on in each of the two?
# </details>
# <details><summary>Hint 3: the error you will probably meet</summary>
#
# *view size is not compatible with input tensor's size and stride*: after a `transpose` the numbers no longer lie in
# memory in the order that `view` needs. `reshape` copies them where it must. Before you change it, ask whether the order
# of dimensions is the one that you want.
# </details>
#
# **By hand**: torch's own `nn.MultiheadAttention` inside your class costs the points of this exercise. You will compare
# yours with it in 4.2, which costs nothing.

# %% nbgrader={"grade": false, "grade_id": "MultiHeadAttention_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
class MultiHeadAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al., 2017, section 3.2.2).

    embed_dim       features of a token, of the whole module
    n_heads         heads; each has head_dim = embed_dim / n_heads features
    attn_drop_rate  probability, 0 <= rate < 1, with which each attention weight is dropped in training mode

    Raises ValueError, with a message that names both numbers, if n_heads does not divide embed_dim.

    There are 4·embed_dim² + 4·embed_dim parameters: one linear layer for queries, keys and values, named and laid out as
    you like (three separate ones are as good), and `self.o_proj`, an nn.Linear, for the output; no other. Weights start
    Xavier-uniform (for the fused layer as a whole, or for each of its parts), biases at 0.
    """

    def __init__(self, embed_dim: int, n_heads: int, attn_drop_rate: float) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        if embed_dim % n_heads != 0:
            raise ValueError(f"{n_heads} heads cannot share embed_dim {embed_dim} evenly.")
        self.n_heads, self.attn_drop_rate = n_heads, attn_drop_rate
        self.qkv_proj = nn.Linear(embed_dim, 3 * embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        for layer in (self.qkv_proj, self.o_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        ### END SOLUTION

    def forward(self, embedding: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the tokens of each review attend to one another.

        embedding   (batch, seq_len, embed_dim), floating point
        mask        (batch, seq_len), bool, int or float: 1 (True) where the token is padding. Nobody attends to padding,
                    in any head. A padded token itself asks like any other. None: there is no padding.
        returns     (batch, seq_len, embed_dim), behind the output layer
        """
        ### BEGIN SOLUTION
        batch, seq_len, embed_dim = embedding.shape
        qkv = self.qkv_proj(embedding).view(batch, seq_len, self.n_heads, 3, -1)  # each head: its q, its k, its v
        q, k, v = qkv.permute(3, 0, 2, 1, 4)  # (batch, n_heads, seq_len, head_dim) each
        rate = self.attn_drop_rate if self.training else 0.0
        values, _ = scaled_dot_product(q, k, v, rate, mask)
        values = values.transpose(1, 2).reshape(batch, seq_len, embed_dim)
        return self.o_proj(values)
        ### END SOLUTION

    def copy_from(self, theirs: nn.MultiheadAttention) -> None:
        """Take over all weights and biases of torch's own attention. This is exercise 4.2; leave it for later.

        theirs   nn.MultiheadAttention(embed_dim, n_heads, batch_first=True); it is not changed, and nothing is shared
        """
        ### BEGIN SOLUTION
        with torch.no_grad():
            for mine, rows in (
                (self.qkv_proj.weight, theirs.in_proj_weight),
                (self.qkv_proj.bias, theirs.in_proj_bias),
            ):
                # theirs: part, head, feature; mine: head, part, feature
                mine.copy_(rows.unflatten(0, (3, self.n_heads, -1)).transpose(0, 1).flatten(0, 2))
            self.o_proj.weight.copy_(theirs.out_proj.weight)
            self.o_proj.bias.copy_(theirs.out_proj.bias)
        ### END SOLUTION

# %% [markdown]
# The check tries `copy_from` as well. As long as you have not written it, six of seven is all there is.

# %% nbgrader={"grade": true, "grade_id": "MultiHeadAttention", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
check.MultiHeadAttention(MultiHeadAttention)

# %% [markdown]
# More heads: what do they cost?
#
# > **Predict before you run.** With `embed_dim` 384, how many times as many parameters has a module with 12 heads as one
# > with a single head? And how much more memory does the backward pass need, for a review of 256 tokens?

# %% tags=["look"]
x = torch.randn(1, 256, 384, requires_grad=True)
with when_done(MultiHeadAttention):
    for n_heads in (1, 4, 12):
        module = MultiHeadAttention(384, n_heads, 0.1).eval()
        parameters = sum(p.numel() for p in module.parameters())
        kept = runtime.measure(module, x, patience=0.0).kept_bytes / 2**20
        print(f"{n_heads:2} heads of {384 // n_heads:3}: {parameters:,} parameters, {kept:5.1f} MiB kept")

# %% [markdown]
# Not one parameter more. Memory does grow: each head has its own 256 × 256 table of weights.
#
# And the mask: our review stands alone, and in a batch beside a longer one, with three tokens of padding that are anything
# but empty.

# %% tags=["look"]
with when_done(MultiHeadAttention):
    module = MultiHeadAttention(4, 2, 0.1).eval()
    padded = torch.cat([words, 100 * torch.randn(3, 4)])[None]  # (1, 8, 4)
    mask = torch.arange(8)[None] >= len(words)  # (1, 8)
    alone = module(words[None])[0]
    for name, result in {"with the mask": module(padded, mask), "without": module(padded)}.items():
        print(f"{name:14} the five words change by {(result[0, :5] - alone).abs().max():.6f}")

# %% [markdown]
# ## Exercise 4.2 ▲ · The same as torch's
# `●●●○○` difficulty · 20 min · 2 points
#
# torch has this module too, `nn.MultiheadAttention`. If yours is right, then with the same weights it computes the same
# numbers. The weights have to find their way, though: torch stacks all queries, then all keys, then all values, and in
# each of them head after head. Yours may have another order. For 2 heads of 2 features:

# %% tags=["look"]
part, head, feature = torch.meshgrid(torch.arange(3), torch.arange(2), torch.arange(2), indexing="ij")  # (3, 2, 2) each
orders = {"part, head, feature": (0, 1, 2), "head, part, feature": (1, 0, 2), "head, feature, part": (1, 2, 0)}
parts = torch.stack([part.permute(order).flatten() for order in orders.values()])
rows = [f"{row}" for row in range(1, 13)]
plots.heat_map(
    parts, list(orders), rows, row_label="order", column_label="row of the fused layer", colour_label="0 q, 1 k, 2 v"
)

# %% tags=["look"]
heads = torch.stack([head.permute(order).flatten() for order in orders.values()])
plots.heat_map(
    heads + 1, list(orders), rows, row_label="order", column_label="row of the fused layer", colour_label="head"
)

# %% [markdown]
# The first line is torch's. Every other order is as good, it is only another numbering of the same rows. Which one is
# yours follows from the line in which your `forward` takes the fused layer apart.
#
# Go back to your class, write `copy_from`, run its cell and the check again.
#
# <details><summary>Hint 1: what torch calls its weights</summary>
#
# `in_proj_weight` (3 · embed_dim, embed_dim), `in_proj_bias` (3 · embed_dim,), `out_proj.weight`, `out_proj.bias`.
# A new one has biases of 0: a copy that forgets them looks right, until you copy from one that has learned.
# </details>
# <details><summary>Hint 2: changing a parameter in place</summary>
#
# Within `torch.no_grad()`, `parameter.copy_(numbers)` writes the numbers and the parameter stays the one that the
# optimizer knows.
# </details>
# <details><summary>Hint 3: from one order to another</summary>
#
# Give the rows of torch's weight three dimensions, move these, and make them one again. The same for the bias.
# </details>

# %% tags=["look"]
with when_done(MultiHeadAttention, MultiHeadAttention.copy_from):
    theirs, mine = nn.MultiheadAttention(12, 3, batch_first=True).eval(), MultiHeadAttention(12, 3, 0.1).eval()
    x = torch.randn(2, 5, 12)
    print(f"before the copy: {(mine(x) - theirs(x, x, x)[0]).abs().max():.7f} apart")
    mine.copy_from(theirs)
    print(f"after the copy:  {(mine(x) - theirs(x, x, x)[0]).abs().max():.7f} apart")

# %% [markdown]
# What is left is rounding. Now the real thing: the first attention of a pretrained encoder. Its queries, keys and values
# are three layers; torch's order is these three, one below the other.

# %% tags=["look"]
tokenizer, encoder = load_encoder()
attention_layer = encoder.encoder.layer[0].attention
embed_dim, n_heads = encoder.config.hidden_size, encoder.config.num_attention_heads
print(f"{embed_dim} features, {n_heads} heads of {embed_dim // n_heads}")

# %% tags=["look"]
theirs = nn.MultiheadAttention(embed_dim, n_heads, batch_first=True).eval()
three = [attention_layer.self.query, attention_layer.self.key, attention_layer.self.value]
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in three]))
    theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in three]))
    theirs.out_proj.weight.copy_(attention_layer.output.dense.weight)
    theirs.out_proj.bias.copy_(attention_layer.output.dense.bias)

# %% [markdown]
# One real review goes with us from here on: the shortest in the training split that says *but* (of it, the first
# sentence). The encoder's own layer adds the embedding to the result and normalises; stage 05 is about that.
#
# > **Predict before you run.** How far is your class, with these weights, from what the encoder computes?

# %% tags=["look"]
shortest = min((text for text in load_imdb()["train"]["text"] if " but " in text), key=len)
inputs = tokenizer(shortest.split(". ")[0], return_tensors="pt")
tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
print(len(tokens), "tokens:", *tokens)

# %% tags=["look"]
embedded = encoder.embeddings(inputs["input_ids"])  # (1, seq_len, embed_dim)
with when_done(MultiHeadAttention, MultiHeadAttention.copy_from), torch.no_grad():
    mine = MultiHeadAttention(embed_dim, n_heads, 0.1).eval()
    mine.copy_from(theirs)
    yours = attention_layer.output.LayerNorm(mine(embedded) + embedded)
    encoders = attention_layer(embedded)[0]
    print(f"numbers up to {encoders.abs().max():.2f}, at most {(yours - encoders).abs().max():.6f} apart")

# %% [markdown]
# Your class has just done the work of the first attention of a real encoder.

# %% [markdown]
# ## Exercise 4.3 · No sense of order
# `●●○○○` difficulty · 15 min · 1.5 points
#
# *slow start but wonderful ending* and *wonderful start but slow ending* are not the same review. Does attention know?
# A module is **permutation equivariant** if it does not matter whether tokens change places before it or their results
# change places behind it:
#
# $$\text{gap} = \max\,\big|\,f(x)[\text{perm}] - f(x[\text{perm}])\,\big|$$
#
# <details><summary>Hint</summary>
#
# `x[:, perm]` has at place *i* the token that stood at place `perm[i]`. The results must go the same way. A module in
# training mode would throw its dice twice.
# </details>

# %% nbgrader={"grade": false, "grade_id": "equivariance_gap_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def equivariance_gap(module: nn.Module, x: Tensor, perm: Tensor) -> float:
    """Measure how much it matters whether tokens change places before or behind a module.

    module   from (batch, seq_len, features) to the same shape; measured in eval mode, whatever mode it comes in
    x        (batch, seq_len, features), floating point
    perm     (seq_len,), int: the token at place perm[i] moves to place i, in every review
    returns  the largest difference between any two numbers that should be the same; 0 if the module is equivariant
    """
    ### BEGIN SOLUTION
    module.eval()
    with torch.no_grad():
        moved_after = module(x)[:, perm]
        moved_before = module(x[:, perm])
    return (moved_after - moved_before).abs().max().item()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "equivariance_gap", "locked": true, "points": 1.5, "schema_version": 3, "solution": false, "task": false}
check.equivariance_gap(equivariance_gap)

# %% [markdown]
# Three modules: your attention; the same behind a layer that adds a number for each place; and a convolution, which looks
# at neighbours.
#
# > **Predict before you run.** Which of the gaps are 0?

# %%
class AddPlaces(nn.Module):
    """Adds a vector of its own to each place."""

    def __init__(self, seq_len: int, features: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(seq_len, features))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.places


class Neighbours(nn.Module):
    """A convolution over three tokens at a time."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(features, features, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x.transpose(1, 2)).transpose(1, 2)

# %% tags=["look"]
with when_done(MultiHeadAttention, equivariance_gap):
    runtime.set_seed(4)
    attend = MultiHeadAttention(4, 2, 0.1)
    modules = {
        "attention": attend,
        "places, then attention": nn.Sequential(AddPlaces(5, 4), attend),
        "convolution": Neighbours(4),
    }
    swap = torch.tensor([3, 1, 2, 0, 4])  # slow and wonderful change places
    for name, module in modules.items():
        print(f"{name:22} gap {equivariance_gap(module, words[None], swap):.7f}")

# %% [markdown]
# To attention, a review is a *bag* of tokens. Look at the one word that stayed where it was, between the two that changed
# places:

# %% tags=["look"]
with when_done(MultiHeadAttention):
    attend = MultiHeadAttention(4, 2, 0.1).eval()
    one, other = attend(words[None])[0, 2], attend(words[swap][None])[0, 2]
    plots.bars(
        ["feature 1", "feature 2", "feature 3", "feature 4"],
        {"slow … but wonderful …": one, "wonderful … but slow …": other},
        y_label="result of “but”",
    )

# %% [markdown]
# Exactly the same. That is why every Transformer is told the places, and stage 05 begins with how.

# %% [markdown]
# ## Exercise 4.4 · What heads see
# `●●○○○` difficulty · 25 min · 2.5 points in two parts
#
# Here is the pretrained encoder at work on our review. It normally uses a fast attention that never writes its weights
# down; we ask for the plain one.

# %% tags=["look"]
encoder.set_attn_implementation("eager")
with torch.no_grad():
    layers = encoder(**inputs, output_attentions=True).attentions  # per layer (1, n_heads, seq_len, seq_len)
attention = torch.cat(layers)  # (n_layers, n_heads, seq_len, seq_len)
print(tuple(attention.shape), f"so {attention.shape[0] * attention.shape[1]} heads")

# %% [markdown]
# > **Predict before you run.** Will the first four heads of the first layer look alike?

# %% tags=["look"]
for pair in ((0, 1), (2, 3)):
    with plots.panels(2, height=4.2) as axes:
        for head, ax in zip(pair, axes, strict=True):
            plots.heat_map(attention[0, head], tokens, title=f"layer 1, head {head + 1}", colour_label=None, ax=ax)

# %% [markdown]
# ### 4.4a · Two numbers for a head
# `●●○○○` difficulty · 15 min · 1.5 points
#
# Nobody wants to look at all those pictures. Two numbers say a lot about a head:
#
# - how **wide** it looks: the entropy $-\sum_j p_j \ln p_j$ of a row of weights. It is 0 for one token, and $\ln T$ for
#   all $T$ tokens alike;
# - how **far** it looks: the distance $|i - j|$ from the token that asks to the token that is asked, weighted by the
#   attention.
#
# Both are averaged over the rows.
#
# <details><summary>Hint</summary>
#
# A weight can be exactly 0. What should $0 \ln 0$ be, what does torch make of it, and which function of torch knows?
# </details>

# %% nbgrader={"grade": false, "grade_id": "head_profile_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def head_profile(attention: Tensor) -> tuple[Tensor, Tensor]:
    """Say how wide and how far each head looks.

    attention   (n_heads, seq_len, seq_len), [h, i, j] is the weight that query i gives to key j in head h; rows sum to 1,
                and some weights may be exactly 0

    Returns (entropy, distance), both averaged over the queries:
    entropy     (n_heads,), in nats
    distance    (n_heads,), |i − j| weighted by the attention, in tokens
    """
    ### BEGIN SOLUTION
    entropy = -torch.xlogy(attention, attention).sum(dim=-1).mean(dim=-1)
    place = torch.arange(attention.shape[-1])
    away = (place[:, None] - place).abs()  # (seq_len, seq_len)
    distance = (attention * away).sum(dim=-1).mean(dim=-1)
    return entropy, distance
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "head_profile", "locked": true, "points": 1.5, "schema_version": 3, "solution": false, "task": false}
check.head_profile(head_profile)

# %% [markdown]
# All heads of all layers, at a glance.
#
# > **Predict before you run.** Is there a head that looks at one token only?

# %% tags=["look"]
layer_names = [f"layer {number + 1}" for number in range(len(attention))]
head_names = [f"{number + 1}" for number in range(attention.shape[1])]
shape = attention.shape[:2]  # n_layers, n_heads
every_head = attention.flatten(0, 1)  # (n_layers * n_heads, seq_len, seq_len)
with when_done(head_profile):
    entropy, distance = head_profile(every_head)
    for values, label in ((entropy, "entropy (nats)"), (distance, "distance (tokens)")):
        plots.heat_map(
            values.view(shape), layer_names, head_names, row_label="", column_label="head", colour_label=label
        )

# %% [markdown]
# Is that more than chance? An encoder of the same size that has learned nothing answers that.

# %% tags=["look"]
from transformers import AutoModel

runtime.set_seed(4)
newborn = AutoModel.from_config(encoder.config, attn_implementation="eager").eval()
with torch.no_grad():
    untrained = torch.cat(newborn(**inputs, output_attentions=True).attentions).flatten(0, 1)

# %% tags=["look"]
with when_done(head_profile):
    both = {"pretrained": every_head, "untrained": untrained}
    wide = {name: head_profile(heads)[0].sort().values for name, heads in both.items()}
    plots.curves(range(1, len(every_head) + 1), wide, x_label="heads, from the sharpest on", y_label="entropy (nats)")
    print(f"variance of the entropy over heads: {wide['pretrained'].var():.3f} and {wide['untrained'].var():.6f}")
    print(f"ln {len(tokens)} = {math.log(len(tokens)):.3f}")

# %% [markdown]
# A new head looks everywhere alike, and all of them do the same. Training has given them different jobs. Four of them,
# found by what they do:

# %% tags=["look"]
jobs = {
    "the token before": every_head.diagonal(-1, 1, 2).mean(-1),
    "the token behind": every_head.diagonal(1, 1, 2).mean(-1),
    "the first token": every_head[:, :, 0].mean(-1),
}
with when_done(head_profile):
    chosen = {f"looks at {job}": int(share.argmax()) for job, share in jobs.items()}
    chosen["looks widest"] = int(head_profile(every_head)[0].argmax())
    for job, number in chosen.items():
        print(f"{job:26} layer {number // shape[1] + 1}, head {number % shape[1] + 1}")
    for pair in (list(chosen.items())[:2], list(chosen.items())[2:]):
        with plots.panels(2, height=4.2) as axes:
            for (job, number), ax in zip(pair, axes, strict=True):
                plots.heat_map(every_head[number], tokens, title=job, colour_label=None, ax=ax)

# %% [markdown]
# In MiniLM one head has become a pointer to the token before: a whole softmax for one job. A single head of full width
# would have had to choose between that and everything else. And the head that looks at the first token, whoever asks,
# gives nearly the same answer to all: Clark et al. found many such heads in BERT and read them as a way of doing nothing.
#
# A caution: that a head looks somewhere does not prove that the model needs it. Michel et al. switched off heads of
# trained models one at a time, and for most of them the results hardly changed.

# %% [markdown] nbgrader={"grade": false, "grade_id": "several_heads_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 4.4b · ✎ Why several heads?
# `●●○○○` difficulty · 10 min · 1 point
#
# A colleague says: "One head with 384 features is stronger than twelve with 32 each, because its queries and keys can be
# richer." Answer in two to four sentences: what can twelve heads do that one cannot, and what do they cost? Quote at
# least one thing that you saw or measured in this notebook.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point**
#
# - 0.5: a head has one softmax per token, so one set of weights: looking at two things for two reasons can only be a
#   blend of both. Several heads look at different tokens at the same time, and the output layer keeps their findings
#   apart. "They see more" without the single set of weights: 0.25.
# - 0.25: the cost: the same number of parameters (and of multiplications, roughly), but a table of weights per head, so
#   more memory; or each head is narrower. Any of these.
# - 0.25: quotes something seen that fits: slow looking at start and wonderful alike, the head for the token before, the
#   spread of the entropies against the untrained ones, the number of parameters, the memory.
#
# Also give the first half to: narrower heads are enough, because few features decide where to look. Accept the caution
# that many heads turn out to be superfluous, if the reason for several is there. Do not take off for language.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "several_heads", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# However rich its queries are, one head makes one row of weights per token. In the toy review *slow* had to share its
# attention between *start* and *wonderful*, and what came out was a mixture of both; two heads answered the two questions
# apart. In the encoder, one head points at the token before with practically all its weight, which leaves nothing for
# anything else; twelve heads can afford that. The number of parameters is the same for 1, 4 and 12 heads; what grows is
# the memory for the tables of weights, one per head.

# %% [markdown]
# ## Exercise 4.5 · True or false
# `●○○○○` difficulty · 15 min · 2 points in two parts
#
# All four are about self-attention as in your class.
#
# 1. Queries, keys and values are all computed from the same input, the embedding.
# 2. Before dropout, the weight that one token gives another is the cosine similarity of its query and the other's key.
# 3. With the same `embed_dim`, a module with 12 heads has more parameters than one with a single head.
# 4. If two tokens change places, no mask is given, and nothing tells the places, then the results of all other tokens
#    stay the same.
#
# ### 4.5a · Your answers
# `●○○○○` difficulty · 5 min · 1 point

# %% nbgrader={"grade": false, "grade_id": "statements_attention_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def statements_attention() -> dict[int, bool]:
    """Return for each statement, 1 to 4, whether it is true."""
    ### BEGIN SOLUTION
    return {1: True, 2: False, 3: False, 4: True}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "statements_attention", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.statements_attention(statements_attention)

# %% [markdown]
# Something to compare the second one with: a query, and the same query three times as long.

# %% tags=["look"]
query, keys = torch.tensor([1.0, 0.5]), torch.tensor([[1.0, 0.0], [0.5, 1.0], [-1.0, 0.3]])
for factor in (1, 3):
    cosines = F.cosine_similarity(factor * query[None], keys)
    _, weights = scaled_dot_product(factor * query[None, None, None], keys[None, None], keys[None, None], 0.0)
    print(f"{factor} × query: cosines {cosines.tolist()}\n           weights {weights[0, 0, 0].tolist()}")

# %% [markdown] nbgrader={"grade": false, "grade_id": "statements_attention_reasons_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 4.5b · ✎ Your reasons
# `●○○○○` difficulty · 10 min · 1 point
#
# One line for each statement: why is it true or false?
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point: 0.25 for each reason that fits**
#
# 1. True: one linear layer (or three) is applied to the same embedding; forward gets nothing else but the mask.
# 2. False: it is a softmax of scaled dot products. Any one difference will do: weights are positive and sum to one; the
#    length of query and key counts; other keys count, through the softmax.
# 3. False: head_dim shrinks as the heads become more; 4·d² + 4·d has no n_heads in it.
# 4. True: the weights depend on what the tokens are and not on where they stand, and a sum does not know the order of
#    its terms; or: the gap of 4.3 was 0.
#
# A right reason counts where the answer in 4.5a was a slip. A mere "true" or "false": 0.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "statements_attention_reasons", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# 1. True: my fused layer makes all three out of the one embedding that forward is given.
# 2. False: weights come from a softmax over scaled dot products, so they are positive, sum to one, and change when a query
#    becomes longer; a cosine does not.
# 3. False: with more heads each becomes narrower, and the number of parameters has no n_heads in it.
# 4. True: every result is a sum over the other tokens, whose order does not matter; the gap I measured was zero.

# %% [markdown]
# ## Recap
#
# - A head is an attention over a slice of learned features; the output layer mixes what the heads find.
# - Cutting and merging heads must *move* dimensions. The shape is right even when it is wrong: say what each one means.
# - More heads cost no parameters, but a table of weights each.
# - Any order of the rows of a fused layer is as good as another. With the right map, your module computes what torch's
#   does, and what a pretrained encoder does.
# - Without positions, attention sees a bag of tokens: its gap is 0.
# - Training gives heads different jobs: one looks at the token before, one behind, one at the first token, one everywhere.
#
# **What comes next.** In stage 05 your module becomes a Transformer block, with what it still lacks: positions, residual
# connections, normalisation, and a layer that thinks about each token alone. It takes over your class if all seven public
# checks pass; else torch's own steps in.
#
# **Papers**
# - Vaswani et al., 2017, [Attention is all you need](https://arxiv.org/abs/1706.03762): section 3.2.2 is exercise 4.1.
# - Glorot and Bengio, 2010,
#   [Understanding the difficulty of training deep feedforward neural networks](https://proceedings.mlr.press/v9/glorot10a.html):
#   where the bounds of the first weights come from.
# - Clark et al., 2019, [What does BERT look at?](https://arxiv.org/abs/1906.04341): heads for the token before, the token
#   behind, and for nothing.
# - Michel et al., 2019, [Are sixteen heads really better than one?](https://arxiv.org/abs/1905.10650)

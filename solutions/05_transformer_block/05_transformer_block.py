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
# # 05 · The Transformer block
#
# `12 points` · about 2 hours · runs half a minute on a laptop CPU
#
# Attention lets tokens look at each other, once. A Transformer does it twelve times in a row, and that works only because
# of what is built around the attention: a shortcut, a normalisation, and a small network for each token. You build that
# block, tell it where each word stands, and then take its parts away to see what they were for.
#
# **After this notebook you can**
# - build a Transformer block that stacks, and say what each of its ten steps does;
# - give a model the order of the words with sines and cosines, and say why that makes "three words further" easy;
# - measure how gradients flow through twelve layers, with and without residuals, with and without normalisation;
# - explain why deep networks need both.

# %% [markdown]
# | | exercise | difficulty | minutes | points |
# |---|---|---|---|---|
# | 5.1 | `TransformerBlock` | `●●●○○` | 35 | 4 |
# | 5.2 | where a word stands: `PositionalEncoding`, `shift_matrix` | `●●●○○` | 40 | 3 |
# | 5.3 | taking the block apart: `gradient_norms`, ✎, ✎ | `●●●○○` | 35 | 3 |
# | 5.4 | true or false: `statements_block`, ✎ | `●○○○○` | 10 | 2 |
#
# Write your code where it says `YOUR CODE HERE`. The cell after it checks what you wrote and tells you what it saw.
# Nothing stops you from going on: a cell that needs an unfinished exercise says so.

# %% tags=["install"]
import coursekit  # released notebooks also say what to do where it is missing

# %%
import math

import torch
from coursekit import check, earlier_work, plots, runtime, when_done
from torch import Tensor, nn
from torch.nn import functional as F

runtime.set_seed(5)

# %% [markdown]
# In stage 04 you wrote `MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)`, called with an embedding
# `(batch, seq_len, embed_dim)` and a mask. The next cell takes yours if it is there and right, else one that behaves the
# same.

# %%
MultiHeadAttention = earlier_work("MultiHeadAttention")

# %% [markdown]
# ## Two reviews, the same words
#
# Beside **slow start but wonderful ending**, which you know from stage 03, there is now a second review: **wonderful
# start but slow ending**. The same five words; would you rather see the first film or the second? Both are padded.

# %%
words = ["[PAD]", "slow", "start", "but", "wonderful", "ending"]
reviews = [["slow", "start", "but", "wonderful", "ending", "[PAD]"],
           ["wonderful", "start", "but", "slow", "ending", "[PAD]"]]
ids = torch.tensor([[words.index(word) for word in review] for review in reviews])  # (2, 6)
padding = (ids == 0).long()  # 1 where a token is padding

# %% [markdown]
# Each word gets a vector of `embed_dim` = 16 numbers, drawn at random: nothing here has learned anything yet.

# %%
embed_dim, n_heads = 16, 4
embedding = nn.Embedding(len(words), embed_dim)(ids).detach()  # (batch, seq_len, embed_dim)
embedding.shape

# %% [markdown]
# ## Three parts that surround attention
#
# **The residual.** Attention does not replace a token, it is *added* to it: $x + \mathrm{attention}(x)$. What a token was
# stays there, and attention only has to say what should change.
#
# **LayerNorm.** Sums grow. So after each one every token is shifted and stretched, on its own, until its numbers have
# mean 0 and variance 1. (Then comes a scale and a shift per feature, both learned; they start at 1 and 0.)
#
# > **Predict before you run.** The second review is made a hundred times larger. Which numbers in the last column change?

# %% tags=["look"]
norm = nn.LayerNorm(embed_dim)
larger = embedding * torch.tensor([1.0, 100.0])[:, None, None]
for name, x in {"as it is": embedding, "second × 100": larger}.items():
    for i, review in enumerate(reviews):
        before, after = x[i, 0], norm(x)[i, 0]
        print(f"{name:13} {review[0]:10} variance {before.var(correction=0):8.2f} → {after.var(correction=0):.2f}",
              f"  first number after: {after[0]:.3f}")

# %% [markdown]
# None. Neither review notices. LayerNorm looks at *one token*: neither at its
# neighbours nor at the other reviews of the batch. (BatchNorm, which you may know from images, does look at the others.)
#
# **The feed-forward layer.** Two linear layers applied to each token, four times as wide in between, with a bend:
# $\mathrm{GELU}(x) = x\cdot\Phi(x)$, where $\Phi(x)$ is the share of a normal distribution below $x$.

# %% tags=["look"]
xs = torch.linspace(-4, 4, 33)
plots.curves(xs, {"GELU": F.gelu(xs), "ReLU": F.relu(xs)}, x_label="what goes in", y_label="what comes out")

# %% [markdown]
# Far from zero it is a ReLU. Near zero it is smooth, and a little below zero it still has a slope: a ReLU that has
# closed cannot learn.

# %% [markdown]
# ## Exercise 5.1 · The Transformer block
# `●●●○○` difficulty · 35 min · 4 points
#
# Ten steps, two halves of the same pattern:
#
# ```
#  first half     1 attention                      2 dropout   3 residual   4 LayerNorm
#  second half    5 linear  6 GELU  7 linear       8 dropout   9 residual  10 LayerNorm
# ```
#
# ```
#            ┌───────────────────────────┐
# embedding ─┴─ attention ── dropout ── (+) ── LayerNorm ──▶ first half's result
#
#            ┌──────────────────────────────────────────┐
#   ... ─────┴─ linear ── GELU ── linear ── dropout ── (+) ── LayerNorm ──▶ embedding
# ```
#
# As a formula, with $D$ for dropout:
#
# $$h = \mathrm{LN}_1\big(x + D(\mathrm{attention}(x))\big) \qquad
# y = \mathrm{LN}_2\big(h + D(W_2\,\mathrm{GELU}(W_1 h + b_1) + b_2)\big)$$
#
# The normalisation comes *after* each sum, so this is called **post-norm**. It is what the first Transformer and BERT do.
#
# Blocks stand in a row, and `nn.Sequential` hands on exactly one thing. So a block takes a *tuple* and returns one:
# embedding and mask.
#
# <details><summary>Hint 1: what to make in <code>__init__</code></summary>
#
# One attention, two linear layers, two LayerNorms (each learns its own scale and shift), one dropout that can be used
# twice. `4 * embed_dim` is the width between the linear layers.
# </details>
# <details><summary>Hint 2: keep what the residual needs</summary>
#
# The second residual adds what went into step 5, and not what went into step 1. Give each intermediate result a name.
# </details>
# <details><summary>Hint 3: the error you will probably meet</summary>
#
# *forward() takes 2 positional arguments but 3 were given*, or *missing 1 required positional argument*: `forward` has
# one argument besides `self`, a tuple. Unpack it in the first line.
# </details>
#
# **By hand**: torch's own `nn.TransformerEncoderLayer` inside your class costs the points of this exercise. Its parts,
# LayerNorm and attention among them, are yours to use.

# %% nbgrader={"grade": false, "grade_id": "TransformerBlock_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
class TransformerBlock(nn.Module):
    """A post-norm Transformer block: attention, dropout, residual, LayerNorm, linear, GELU, linear, dropout, residual,
    LayerNorm.

    embed_dim        size of each token; the two linear layers, with biases, go to 4 * embed_dim and back
    n_heads          of MultiHeadAttention; divides embed_dim
    attn_drop_rate   0 <= rate < 1, of the attention weights
    layer_drop_rate  0 <= rate < 1, of each number that attention and the second linear layer put out
    """

    def __init__(self, embed_dim: int, n_heads: int, attn_drop_rate: float, layer_drop_rate: float) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)
        self.norm1 = nn.LayerNorm(embed_dim)
        self.linear1 = nn.Linear(embed_dim, 4 * embed_dim)
        self.linear2 = nn.Linear(4 * embed_dim, embed_dim)
        self.norm2 = nn.LayerNorm(embed_dim)
        self.dropout = nn.Dropout(layer_drop_rate)
        ### END SOLUTION

    def forward(self, inputs: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        """Take (embedding, mask) and return (embedding, mask), the mask as it came.

        embedding   (batch, seq_len, embed_dim), floating point; the one that came in is not modified
        mask        (batch, seq_len), bool, int or float, 1 (True) where a token is padding; None: there is no padding

        GELU may be the exact one or its approximation by a hyperbolic tangent. In eval mode nothing is dropped.
        """
        ### BEGIN SOLUTION
        x, mask = inputs
        x = self.norm1(x + self.dropout(self.attention(x, mask)))
        said = self.linear2(F.gelu(self.linear1(x)))
        return self.norm2(x + self.dropout(said)), mask
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "TransformerBlock", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check.TransformerBlock(TransformerBlock)

# %% [markdown]
# A block of BERT-base is 768 wide. Attention has $4d^2 + 4d$ parameters, the two linear layers $8d^2 + 5d$.
#
# > **Predict before you run.** How many parameters has one block of BERT-base, and how many of them are in attention?

# %% tags=["look"]
with when_done(TransformerBlock):
    block = TransformerBlock(768, 12, 0.1, 0.1)
    print(f"one block:    {sum(p.numel() for p in block.parameters()):11,} parameters")
    print(f"in attention: {4 * 768**2 + 4 * 768:11,}")

# %% [markdown]
# Two thirds of a Transformer is not attention. Now three blocks in a row. `nn.Sequential` hands the tuple on, so the mask
# must come through.

# %% tags=["look"]
def three_blocks() -> nn.Sequential:
    """Three blocks of yours, the same in each call."""
    runtime.set_seed(5)
    return nn.Sequential(*(TransformerBlock(embed_dim, n_heads, 0.1, 0.1) for _ in range(3))).eval()

# %% [markdown]
# > **Predict before you run.** What stands in the padded places is replaced by random numbers. How much does *ending*
# > change, with the mask and without it?

# %% tags=["look"]
with when_done(TransformerBlock):
    stack = three_blocks()
    noisy = torch.where(padding[..., None] == 1, torch.randn_like(embedding), embedding)
    for name, mask in {"without": None, "with": padding}.items():
        change = stack((noisy, mask))[0] - stack((embedding, mask))[0]
        print(f"{name:7} the mask, *ending* changes by up to {change[0, 4].abs().max():.4f}")

# %% [markdown]
# The second thing to look at is *wonderful*. In the first review it is the fourth word, in the second the first.
#
# > **Predict before you run.** How different is *wonderful* in the two reviews after three blocks? And *ending*?

# %% tags=["look"]
with when_done(TransformerBlock):
    result, _ = three_blocks()((embedding, padding))
    print(f"wonderful: {(result[0, 3] - result[1, 0]).abs().max():.4f} apart")
    print(f"ending:    {(result[0, 4] - result[1, 4]).abs().max():.4f} apart")

# %% [markdown]
# Not at all (but for the last digits). Attention is a weighted sum over all tokens, and a sum does not know an order. All
# other steps look at one token alone. For this stack the two reviews are the same bag of words, and no training can
# change that.

# %% [markdown]
# ## Exercise 5.2 · Where a word stands
# `●●●○○` difficulty · 40 min · 3 points in two parts
#
# So the place must be *in* the token. The simplest way adds to it a vector that belongs to the place. Which vector?
# The number 1, 2, 3, … itself would soon be larger than everything else. The first Transformer used waves: fast ones and
# slow ones, like the hands of a clock, and for each pace a sine and a cosine. With $t$ for the position, counted from 0:
#
# $$\mathrm{PE}_{t,\,2i} = \sin\Big(\frac{t}{10000^{\,2i/d}}\Big) \qquad
# \mathrm{PE}_{t,\,2i+1} = \cos\Big(\frac{t}{10000^{\,2i/d}}\Big)$$
#
# Sines and cosines take turns: feature 0 is a sine, feature 1 the cosine of the same angle, feature 2 the next sine.
#
# ### 5.2a · The encoding
# `●●○○○` difficulty · 20 min · 2 points
#
# Nothing here is learned, but the table must move to the GPU when the model does. That is what a *buffer* is for:
# `register_buffer` in the documentation of `nn.Module`.
#
# <details><summary>Hint 1: all angles at once</summary>
#
# A column of positions `(max_len, 1)` and a row of paces `(number of pairs,)` make a table `(max_len, number of pairs)`.
# </details>
# <details><summary>Hint 2: taking turns</summary>
#
# `table[:, 0::2]` is every second column, from column 0 on. With an odd `embed_dim`, how many columns has
# `table[:, 1::2]`?
# </details>

# %% nbgrader={"grade": false, "grade_id": "PositionalEncoding_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
class PositionalEncoding(nn.Module):
    """Adds to each token the sines and cosines of its position.

    embed_dim   size of each token, even or odd; in an odd size the last pair has its sine only. The exponent is
                2i / embed_dim in both cases.
    max_len     positions 0 to max_len - 1 are wanted

    It has no parameters: what it keeps is in a buffer, so that it moves with the model and is not learned.
    """

    def __init__(self, embed_dim: int, max_len: int = 5000) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        positions = torch.arange(max_len).unsqueeze(1)  # (max_len, 1)
        pace = 10_000 ** (-torch.arange(0, embed_dim, 2) / embed_dim)  # (pairs,)
        table = torch.empty(max_len, embed_dim)
        table[:, 0::2] = torch.sin(positions * pace)
        table[:, 1::2] = torch.cos(positions * pace[: embed_dim // 2])
        self.register_buffer("table", table)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Return x with its positions added; x (batch, seq_len, embed_dim), floating point, is not modified.

        seq_len is at most max_len. Every review of a batch starts at position 0.
        """
        ### BEGIN SOLUTION
        return x + self.table[: x.shape[1]]
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "PositionalEncoding", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.PositionalEncoding(PositionalEncoding)

# %% [markdown]
# Added to zeros, the positions can be seen by themselves. Here are three of the sines:

# %% tags=["look"]
def first_positions(seq_len: int, embed_dim: int) -> Tensor:
    """What your encoding adds to so many tokens, (seq_len, embed_dim)."""
    return PositionalEncoding(embed_dim)(torch.zeros(1, seq_len, embed_dim))[0]


with when_done(PositionalEncoding):
    positions = first_positions(32, embed_dim)
    sines = {f"feature {feature}": positions[:, feature] for feature in (2, 4, 6)}
    plots.curves(range(32), sines, x_label="position t", y_label="added to the token")

# %% [markdown]
# > **Predict before you run.** One row is one position. Which columns change from row to row, which hardly at all?

# %% tags=["look"]
waves = [f"{'cos' if j % 2 else 'sin'} {j // 2}" for j in range(embed_dim)]
with when_done(PositionalEncoding):
    rows = [str(t) for t in range(8)]
    plots.heat_map(first_positions(8, embed_dim), rows, waves, row_label="position t", column_label="wave and pair", colour_label="PE")
    print(f"A full turn takes pair 0 {2 * math.pi:.1f} words, and pair 7 {2 * math.pi * 10_000 ** (14 / 16):,.0f} words.")

# %% [markdown]
# On the left the second hand of the clock, on the right a hand that takes days: neighbours differ on the left, and
# chapters on the right. Now both reviews get their positions.
#
# > **Predict before you run.** Is *wonderful* still the same in both after three blocks?

# %% tags=["look"]
with when_done(TransformerBlock, PositionalEncoding):
    placed = PositionalEncoding(embed_dim)(embedding)
    result, _ = three_blocks()((placed, padding))
    print(f"wonderful: {(result[0, 3] - result[1, 0]).abs().max():.3f} apart")
    print(f"ending:    {(result[0, 4] - result[1, 4]).abs().max():.3f} apart")

# %% [markdown]
# Even *ending* differs, which stands in the same place: it now looks at a *wonderful* that is near, or far.
#
# How alike are two positions? Take the dot product of each with two of them, in a wider model:

# %% tags=["look"]
with when_done(PositionalEncoding):
    wide = first_positions(48, 128)
    alike = {f"with position {t}": wide @ wide[t] for t in (10, 30)}
    plots.curves(range(48), alike, x_label="position t", y_label="dot product")

# %% [markdown]
# Twice the same hill: the dot product depends on the *distance* alone. There is a reason.
#
# ### 5.2b · A shift is a matrix
# `●●●○○` difficulty · 20 min · 1 point
#
# For every $k$ there is *one* matrix $M_k$ that turns each position into the one $k$ places further, wherever it is:
#
# $$M_k\,\mathrm{PE}_t = \mathrm{PE}_{t+k} \quad\text{for all } t$$
#
# So a layer that wants to look "three words back" can learn it as a matrix, once, for all positions. Find $M_k$. It is
# mostly zeros: a pair of features needs only itself. From school you know
#
# $$\sin(a+b) = \sin a\cos b + \cos a\sin b \qquad \cos(a+b) = \cos a\cos b - \sin a\sin b$$
#
# <details><summary>Hint 1: one pair</summary>
#
# Write the two lines as a 2 × 2 matrix times the column $(\sin a, \cos a)$. It contains only $b$.
# </details>
# <details><summary>Hint 2: all pairs</summary>
#
# $a$ is the angle of pair $i$ at position $t$. By which $b$ does that pair turn in $k$ steps? Place the small matrices
# along the diagonal.
# </details>

# %% nbgrader={"grade": false, "grade_id": "shift_matrix_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def shift_matrix(k: int, embed_dim: int) -> Tensor:
    """Return the matrix that turns every position t of PositionalEncoding into position t + k.

    k           shift in tokens; 0 or negative shifts are possible
    embed_dim   even
    returns     (embed_dim, embed_dim), floating point; to be multiplied with a column: matrix @ positions[t]
    """
    ### BEGIN SOLUTION
    turns = k * 10_000 ** (-torch.arange(0, embed_dim, 2) / embed_dim)  # (pairs,)
    pairs = [torch.tensor([[math.cos(b), math.sin(b)], [-math.sin(b), math.cos(b)]]) for b in turns.tolist()]
    return torch.block_diag(*pairs)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "shift_matrix", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.shift_matrix(shift_matrix)

# %% tags=["look"]
with when_done(shift_matrix, PositionalEncoding):
    three, positions = shift_matrix(3, embed_dim), first_positions(64, embed_dim)
    plots.heat_map(three[:8, :8], waves[:8], waves[:8], row_label="new", column_label="old", colour_label="M₃")
    shifted = positions[:-3] @ three.T  # row t: M₃ PE(t)
    print(f"largest difference from the positions 3 further: {(shifted - positions[3:]).abs().max():.4f}")

# %% [markdown]
# Each pair turns like the hand of a clock, the first by three radians, the next by less. One matrix fits all 61
# positions. A turn keeps lengths and angles, and so $\mathrm{PE}_t\cdot\mathrm{PE}_{t+k}$ is the same for all $t$: that
# is the hill above.

# %% [markdown]
# ## Exercise 5.3 · Taking the block apart
# `●●●○○` difficulty · 35 min · 3 points in three parts
#
# BERT-base has twelve blocks. A network learns if a gradient arrives in *every* layer, neither lost nor exploded. So
# measure it.
#
# ### 5.3a · The gradient in each block
# `●●○○○` difficulty · 15 min · 1 point
#
# Let the loss be the mean, over all tokens, of the *first feature* of the last embedding, as if a linear layer had picked
# it out. (Not the mean over all features: LayerNorm makes that 0, always.) A block's gradient is the gradients of all its
# parameters, taken as one long vector; its norm is the root of the sum of all squares.
#
# <details><summary>Hint</summary>
#
# `blocks.zero_grad()`, forward, `backward()`. Then each parameter `p` of a block has its gradient in `p.grad`.
# </details>

# %% nbgrader={"grade": false, "grade_id": "gradient_norms_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def gradient_norms(blocks: nn.Sequential, x: Tensor) -> list[float]:
    """Return for each block the norm of the loss's gradient with respect to all parameters of the block together.

    blocks    each takes and returns (embedding, mask), like your TransformerBlock
    x         (batch, seq_len, embed_dim), goes into the first block; there is no mask
    returns   one float per block, the first block first

    The loss is the mean over all tokens of feature 0 of the embedding that leaves the last block. Gradients that stand in
    the parameters from before do not count.
    """
    ### BEGIN SOLUTION
    blocks.zero_grad()
    last, _ = blocks((x, None))
    last[..., 0].mean().backward()
    squares = [[p.grad.square().sum() for p in block.parameters()] for block in blocks]
    return [math.sqrt(sum(of_block)) for of_block in squares]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "gradient_norms", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.gradient_norms(gradient_norms)

# %% [markdown]
# Twelve of your blocks, eight reviews of twenty random tokens:

# %% tags=["look"]
runtime.set_seed(5)
depth, width = 12, 32
tokens = torch.randn(8, 20, width)
with when_done(TransformerBlock, gradient_norms):
    yours = nn.Sequential(*(TransformerBlock(width, n_heads, 0.0, 0.0) for _ in range(depth)))
    print([f"{norm:.1f}" for norm in gradient_norms(yours, tokens)])

# %% [markdown]
# The first block gets about as much as the last. `BlockVariant` is such a block made of torch's own parts, with two
# switches: `residual=False` cuts both shortcuts, and `norm` says where the normalisation is: `"after"` each sum, as in
# yours, `"before"` each half, on the way in (**pre-norm**, as in GPT-2), or `"off"`.

# %% tags=["look"]
from coursekit.variants import BlockVariant

variants = {
    "post-norm": {"norm": "after"},
    "pre-norm": {"norm": "before"},
    "no norm": {"norm": "off"},
    "no residual": {"residual": False},
    "neither": {"norm": "off", "residual": False},
}


def build(depth: int, width: int, **changes) -> nn.Sequential:
    runtime.set_seed(5)
    return nn.Sequential(*(BlockVariant(width, n_heads, **changes) for _ in range(depth)))

# %% [markdown]
# > **Predict before you run.** Four of the five curves stay within a factor of a hundred. Which is the fifth?

# %% tags=["look"]
layers = range(1, depth + 1)
with when_done(gradient_norms):
    norms = {name: gradient_norms(build(depth, width, **changes), tokens) for name, changes in variants.items()}
    plots.curves(layers, norms, x_label="block", y_label="norm of its gradient", log_y=True)

# %% [markdown]
# With neither, each block that the gradient passes makes it about ten times smaller, and the first block gets less than
# a billionth of what the last one gets: it will not learn. Post-norm and pre-norm hardly differ. But *no residual* alone
# looks healthy, even larger than those! A large gradient is not yet a useful one. Look at what flows *forward*: how large
# are the numbers after each block, and how different are the tokens of a review from each other?

# %% tags=["look"]
deep = ["post-norm", "pre-norm", "no norm", "no residual"]  # "neither" is lost already


def forward_through(blocks: nn.Sequential, x: Tensor) -> Tensor:
    """Return after each block the size of the numbers, and which part of it differs between tokens: (depth, 2)."""
    seen, state = [], (x, None)
    for block in blocks:
        with torch.no_grad():
            state = block(state)
        differing = state[0] - state[0].mean(dim=1, keepdim=True)
        seen.append([state[0].std(), differing.norm() / state[0].norm()])
    return torch.tensor(seen)

# %% [markdown]
# > **Predict before you run.** Attention takes means over tokens. What do twelve means of means of means look like?

# %% tags=["look"]
with plots.panels(2, height=3.4) as axes:
    seen = {name: forward_through(build(depth, width, **variants[name]), tokens) for name in deep}
    for measure, (label, ax) in enumerate(zip(["standard deviation", "share that differs between tokens"], axes, strict=True)):
        lines = {name: values[:, measure] for name, values in seen.items()}
        plots.curves(layers, lines, x_label="block", y_label=label, log_y=True, ax=ax)

# %% [markdown]
# Without the residual all tokens of a review become *the same*: LayerNorm keeps them large, but after four blocks the
# part that tells one token from another is less than a millionth. The gradient is large and has nothing to learn from.
# Without normalisation the numbers grow with every block. So let them learn something. The task could not be easier: each
# token says which of 16 words it is.

# %% tags=["look"]
def learn_to_repeat(depth: int, width: int, steps: int, rate: float, **changes) -> list[float]:
    """Train embedding, blocks and a linear layer to give back each of 16 words; return the loss of every step."""
    blocks = build(depth, width, **changes)
    first, last = nn.Embedding(16, width), nn.Linear(width, 16)
    model = nn.ModuleList([first, blocks, last]).to(runtime.device())
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)

    def loss_of_new_words() -> Tensor:
        optimizer.zero_grad()
        ids = torch.randint(16, (16, 8), device=runtime.device())
        scores = last(blocks((first(ids), None))[0])  # (batch, seq_len, 16)
        loss = F.cross_entropy(scores.flatten(0, 1), ids.flatten())
        loss.backward()
        return loss

    return [optimizer.step(loss_of_new_words).item() for _ in range(steps)]

# %% [markdown]
# Guessing has a loss of ln 16 = 2.77. Now with 12 blocks and with 24. (All numbers differ a little between machines.)
#
# > **Predict before you run.** Which never gets below 2.77? Which starts far above it?

# %% tags=["look", "nbval-ignore-output"]
steps = runtime.choose(cpu=36, gpu=144)
with plots.panels(2, height=3.6) as axes:
    for blocks, ax in zip((12, 24), axes, strict=True):
        losses = {}
        for name in deep:
            every = torch.tensor(learn_to_repeat(blocks, width, steps, 1e-3, **variants[name]))
            losses[name] = every.reshape(12, -1).mean(dim=1)  # of a twelfth of all steps each
        print(f"{blocks} blocks, last losses:", {name: f"{values[-1]:.2f}" for name, values in losses.items()})
        ends = range(steps // 12, steps + 1, steps // 12)
        plots.curves(ends, losses, title=f"{blocks} blocks", x_label="step", y_label="loss (nats)", log_y=True, ax=ax)

# %% [markdown]
# - **No residual**: at chance, at either depth. The words were lost on the way.
# - **No norm**: starts far above chance, since large numbers make confident mistakes. Twelve blocks still recover; with
#   twenty-four the numbers are out of control.
# - **Pre-norm**: learns at once at either depth. Its shortcut leads from the last block to the first untouched.
# - **Post-norm**: slower with twelve blocks, and with twenty-four it is still near chance after these steps. Here every
#   sum is normalised, so the shortcut itself passes through all the norms. That is why the first Transformer and BERT
#   begin with tiny learning rates (*warm-up*), and why most later models are pre-norm.

# %% [markdown] nbgrader={"grade": false, "grade_id": "why_residual_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 5.3b · ✎ Why is the residual connection crucial?
# `●●○○○` difficulty · 10 min · 1 point
#
# In three or four sentences: what does the residual do for the gradient on its way back, and what for the token on its
# way forward? Quote something that you saw above for one of the two.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point**
#
# - 0.4: backward. The sum passes the gradient on unchanged (its derivative is 1, or the identity, plus that of the half),
#   so early blocks get a gradient that is not a product of many small factors. "It prevents vanishing gradients" without
#   how: 0.2.
# - 0.4: forward. The token's own information survives; each half only adds to it. Without it attention averages the tokens
#   until they are all alike. Also right: a block starts near the identity, so a deep stack is at least no worse.
# - 0.2: an observation that fits: the gradient of the first block with neither norm nor residual, the share that differs
#   between tokens, or the loss that stays at chance.
#
# A remark that with LayerNorm alone the gradients did not vanish is right and earns the 0.4 of the backward line if it is
# explained. Do not take off for language.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "why_residual", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# The derivative of x + f(x) is the identity plus that of f. So a gradient comes back to the first block even if every f
# passes on only a tenth of it; with neither residual nor norm my first block got about 10⁻¹⁰. Forward, the token itself is
# kept and each half only adds what should change. Without the residual every block replaces tokens with averages of tokens:
# after four blocks they differed by less than a millionth, and the model could not even repeat a word.

# %% [markdown] nbgrader={"grade": false, "grade_id": "why_layer_norm_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 5.3c · ✎ Why is LayerNorm important?
# `●●○○○` difficulty · 10 min · 1 point
#
# In three or four sentences: what goes wrong in a deep stack without it, and how does LayerNorm prevent that? Why is it
# convenient for padded batches of texts that it looks at one token only?
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point**
#
# - 0.4: without it the size of the numbers depends on what the blocks before did (it grows from sum to sum, or shrinks), so
#   losses and steps are wild or tiny; quoting the growing standard deviation or the loss with 24 blocks is enough.
# - 0.3: LayerNorm gives each token mean 0 and variance 1, so each layer's input has the same scale at any depth (and the
#   softmax of attention does not saturate), which makes larger learning rates possible.
# - 0.3: one token only: no dependence on the other reviews, on the batch size, on padding, or on the mode (training or
#   eval).
#
# "It makes training stable" alone: 0.2 in all. Do not take off for language.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "why_layer_norm", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# Each residual adds something, so without normalisation the numbers grow from block to block: in my plot about five times
# over twelve blocks, and with twenty-four the loss was out of control. LayerNorm brings every token back to mean 0 and
# variance 1, so a layer finds inputs of the same size at any depth, and one learning rate suits all. Because mean and
# variance are those of one token, neither padding nor the other reviews of the batch change the result.

# %% [markdown]
# ## Exercise 5.4 · True or false?
# `●○○○○` difficulty · 10 min · 2 points in two parts
#
# 1. In the block of exercise 5.1 a normalisation follows attention, after dropout and residual, and it helps a deep stack
#    to train.
# 2. LayerNorm takes its mean and variance over all tokens of a batch, so what it makes of a review depends on the other
#    reviews in the batch.
# 3. In the feed-forward layer (linear, GELU, linear) each token takes something over from its neighbours.
#
# ### 5.4a · Your answers
# `●○○○○` difficulty · 5 min · 1 point

# %% nbgrader={"grade": false, "grade_id": "statements_block_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def statements_block() -> dict[int, bool]:
    """Return for each statement, 1 to 3, whether it is true."""
    ### BEGIN SOLUTION
    return {1: True, 2: False, 3: False}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "statements_block", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.statements_block(statements_block)

# %% [markdown]
# Something to compare the third one with: one token of a review is changed, and each half of a block looks at all.

# %% tags=["look"]
half = nn.Sequential(nn.Linear(embed_dim, 64), nn.GELU(), nn.Linear(64, embed_dim))
attention = MultiHeadAttention(embed_dim, n_heads, 0.0)
other = embedding.clone()
other[0, 3] = 0  # *wonderful* is wiped out
for name, layer in {"feed-forward": half, "attention": attention}.items():
    changed = (layer(other) - layer(embedding))[0].abs().amax(dim=1) > 1e-6
    print(f"{name:12} changes", [word for word, new in zip(reviews[0], changed.tolist(), strict=True) if new])

# %% [markdown] nbgrader={"grade": false, "grade_id": "statements_block_reasons_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 5.4b · ✎ Your reasons
# `●○○○○` difficulty · 5 min · 1 point
#
# One line for each statement: why is it true or false?
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point: 0.4 for the first reason, 0.3 for each of the others**
#
# 1. True: step 4 (and 10); it keeps the size of the numbers the same at any depth. Any observation from 5.3 will do. A
#    remark that pre-norm trains better is right too.
# 2. False: mean and variance are those of the features of one token; or: the first review did not change when the second
#    was made a hundred times larger.
# 3. False: the same layers are applied to each token by itself; only attention brings tokens together; or: only the
#    changed token came out differently.
#
# A right reason counts where the answer in 5.4a was a slip. A mere "true" or "false": 0.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "statements_block_reasons", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# 1. True: it is the fourth of the ten steps, and without it the numbers grew with every block until 24 of them could not be
#    trained.
# 2. False: each token is normalised over its own features; making one review a hundred times larger left the other alone.
# 3. False: both linear layers see one token at a time; when I wiped out one token, no other came out differently.

# %% [markdown]
# ## Recap
#
# - A block is twice the same: work on it, drop, **add**, **normalise**. First attention works on it, which brings tokens
#   together; then a feed-forward layer, on each token alone, with two thirds of all parameters.
# - Embedding and mask travel as a tuple, so that blocks stack and each of them hides padding.
# - A block knows no order. Positions are added to the tokens; with sines and cosines a shift is one matrix.
# - Residuals keep the gradient and the token alive, LayerNorm keeps the numbers in size. A gradient that is large is not
#   yet one that teaches something: look forward too.
# - Post-norm is what BERT does and needs care at the start; pre-norm trains more easily.
#
# **What comes next.** In stage 06 you put words in front and a vocabulary behind: a small BERT, which learns from texts
# without labels by filling gaps.
#
# **Papers**
# - Vaswani et al., 2017, [Attention is all you need](https://arxiv.org/abs/1706.03762): sections 3.1, 3.3 and 3.5 are
#   exercises 5.1 and 5.2.
# - Ba et al., 2016, [Layer normalization](https://arxiv.org/abs/1607.06450).
# - Hendrycks and Gimpel, 2016, [Gaussian error linear units](https://arxiv.org/abs/1606.08415), exact and approximate.
# - He et al., 2015, [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385): where the shortcut
#   comes from.
# - Xiong et al., 2020, [On layer normalization in the Transformer architecture](https://arxiv.org/abs/2002.04745): post-norm,
#   pre-norm and warm-up.
# - Dong et al., 2021,
#   [Attention is not all you need: pure attention loses rank doubly exponentially with depth](https://arxiv.org/abs/2103.03404):
#   tokens that become all alike.

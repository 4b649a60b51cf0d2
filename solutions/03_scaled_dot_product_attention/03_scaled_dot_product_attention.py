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
# # 03 · Scaled dot-product attention
#
# `18 points` · about 2 hours and a half · runs on a laptop
#
# A review is a row of words, and a word alone says little: *ending* is neither good nor bad until you see that it was
# *wonderful*. Attention is how a model lets each word look at the others. You write it, break it, and make it cheaper.
#
# **After this notebook you can**
# - write scaled dot-product attention for a batch of reviews with several heads, padding and dropout;
# - say what a query, a key and a value are, and read a heat map of attention weights;
# - choose vectors so that attention copies a token, or averages two;
# - explain the $\sqrt{d_k}$ with measurements of your own;
# - write two attentions whose cost grows with $T$ and not with $T^2$, and say what each gives up.

# %% [markdown]
# | | exercise | difficulty | minutes | points |
# |---|---|---|---|---|
# | 3.1 | `scaled_dot_product` | `●●●○○` | 30 | 6 |
# | 3.2 | a worked example, by hand | `●○○○○` | 10 | |
# | 3.3 | attention as copying: `norms`, `self_attention`, `mean_of_two` | `●●●○○` | 35 | 3 |
# | 3.4 | why the scale: `dot_product_variance`, `saturation`, ✎ | `●●○○○` | 35 | 4 |
# | 3.5 | cheaper attention: `low_rank_attention`, `linear_attention`, ✎ | `●●●●○` | 40 | 5 |
#
# Write your code where it says `YOUR CODE HERE`. The cell after it checks what you wrote and tells you what it saw.
# Nothing stops you from going on: a cell that needs an unfinished exercise says so.

# %% tags=["install"]
import coursekit  # released notebooks also say what to do where it is missing

# %%
import math

import torch
from coursekit import check, plots, runtime, when_done
from torch import Tensor
from torch.nn import functional as F

runtime.set_seed(3)

# %% [markdown]
# ## A word asks, the others answer
#
# One review goes with us through the whole notebook: **slow start but wonderful ending**. It is shorter than others in
# its batch, so it is padded. Real models learn a vector for each token; these four numbers are set by hand, so that you
# can read them.

# %%
review = ["slow", "start", "but", "wonderful", "ending", "[PAD]"]
#                    quality  thing  1st half  2nd half
words = torch.tensor([[1.0,    0.0,    1.0,      0.0],  # slow
                      [0.0,    1.0,    1.0,      0.0],  # start
                      [0.0,    0.0,    0.0,      0.0],  # but
                      [1.0,    0.0,    0.0,      1.0],  # wonderful
                      [0.0,    1.0,    0.0,      1.0],  # ending
                      [1.0,    1.0,    1.0,      1.0]])  # [PAD] has a vector too, and it means nothing
padding = torch.tensor([0, 0, 0, 0, 0, 1])

# %% tags=["look"]
features = ["quality", "thing", "1st half", "2nd half"]
plots.heat_map(words, review, features, row_label="token", column_label="feature", colour_label="embedding")

# %% [markdown]
# Each token makes three vectors out of its embedding:
#
# - a **key**, the label under which it can be found: here, simply what it is;
# - a **query**, what it is looking for: a quality looks for a thing and a thing for a quality, in the same half;
# - a **value**, what it has to say: here one number, its feeling.
#
# In stage 04 three linear layers learn this. Here they are done by hand.

# %%
keys = words
queries = 4 * words[:, [1, 0, 2, 3]]  # swap quality and thing
feeling = torch.tensor([[-1.0], [0.0], [0.0], [1.0], [0.0], [0.0]])  # slow is bad, wonderful is good

# %% [markdown]
# How well does a key fit a query? The dot product says: large where both point the same way.
#
# > **Predict before you run.** Which token scores highest for *ending*? Does *but* prefer anything? One square in the
# > row of *ending* should worry you: which?

# %% tags=["look"]
scores = queries @ keys.T  # (6, 4) times (4, 6) → (6, 6)
plots.heat_map(scores, review, colour_label="score q·k")

# %% [markdown]
# *ending* asks for a quality in the second half, and finds *wonderful*: 8. The vector of *but* is all zeros; it has no
# preference. And `[PAD]` scores 8 as well: it looks like everything to everybody.
#
# Softmax turns a row of scores into weights that sum to one. For now we cut the padding off.

# %% tags=["look"]
real = review[:5]
weights = torch.softmax(scores[:5, :5] / 2, dim=1)  # the 2 is √4, and exercise 3.4 is about it
plots.heat_map(weights, real)

# %% [markdown]
# The output of a token is the mean of all values under its row of weights.
#
# > **Predict before you run.** *start* and *ending* have no feeling of their own. What sign has each of them now?

# %% tags=["look"]
after = weights @ feeling[:5]  # (5, 5) times (5, 1) → (5, 1)
plots.bars(real, {"before": feeling[:5, 0], "after attention": after[:, 0]}, y_label="feeling")

# %% [markdown]
# *start* has become bad and *ending* good: each took over the feeling of its own adjective. That is all attention does.
# The rest of this notebook is doing it for many reviews and heads at once, without falling into the holes.

# %% [markdown]
# ## Exercise 3.1 · Scaled dot-product attention
# `●●●○○` difficulty · 30 min · 6 points
#
# $$\mathrm{Attention}(Q,K,V)=\mathrm{softmax}\Big(\frac{QK^\top}{\sqrt{d_k}}\Big)\,V$$
#
# Rows ask, columns answer. Softmax runs along a row, over the keys. A padded token is a hatched **column**: nobody may
# look at it. Run the cell for the picture.

# %% tags=["look"]
plots.attention_boxes(seq_len=5, d_k=4, d_v=3, padded=1)

# %% [markdown]
# A real model does this for every review of a batch and for every head at once, so there are two more dimensions in
# front. `@` multiplies the last two dimensions and leaves those in front alone:

# %%
batch, n_heads, seq_len, d_k = 2, 3, 5, 4
q, k = torch.randn(batch, n_heads, seq_len, d_k), torch.randn(batch, n_heads, d_k, seq_len)
(q @ k).shape

# %% [markdown]
# Last, *dropout*: while training, each weight is set to 0 with probability `attn_drop_rate`, and the others grow by
# 1 / (1 − rate) to make up for it. No token can then rely on a single other token.
#
# **By hand**: torch's own attention (`F.scaled_dot_product_attention`, `nn.MultiheadAttention`) inside your function costs
# the points of this exercise. To compare with it in a cell of your own costs nothing, and is a good idea.
#
# <details><summary>Hint 1: the order of things</summary>
#
# Scores, scale, mask, softmax, dropout, values. A score that is masked *after* the softmax has already taken weight from
# the others, and the row no longer sums to one.
# </details>
# <details><summary>Hint 2: how to mask</summary>
#
# Which score makes softmax return exactly 0? `torch.Tensor.masked_fill` writes it wherever a bool tensor is true.
# </details>
# <details><summary>Hint 3: the error you will probably meet</summary>
#
# *The size of tensor a (5) must match the size of tensor b (2)*: scores are `(batch, n_heads, seq_len, seq_len)` and the
# mask is `(batch, seq_len)`. Indexing with `None` adds a dimension of size 1, which stretches. Which two of the four
# dimensions of the scores does the mask belong to?
# </details>

# %% nbgrader={"grade": false, "grade_id": "scaled_dot_product_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def scaled_dot_product(
    q: Tensor, k: Tensor, v: Tensor, attn_drop_rate: float = 0.1, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Let every query attend over all keys.

    q, k            (batch, n_heads, seq_len, d_k), floating point
    v               (batch, n_heads, seq_len, d_v), of the dtype of q and k
    attn_drop_rate  probability, 0 <= rate < 1, with which each attention weight is dropped; 0: nothing is random.
                    This is a function and knows no eval mode: it drops whenever the rate is above 0.
    mask            (batch, seq_len), bool, int or float: 1 (True) where the token is padding, 0 where it is real.
                    No query, padded or not, attends to padding: its weight is exactly 0. Every review has at least
                    one real token. None: there is no padding.

    Returns (values, attention):
    values          (batch, n_heads, seq_len, d_v)
    attention       (batch, n_heads, seq_len, seq_len), [..., i, j] is the weight that query i gives to key j.
                    These are the weights that multiplied v, so after dropout; at rate 0 each row sums to 1.

    The inputs are not modified.
    """
    ### BEGIN SOLUTION
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (batch, n_heads, seq_len, seq_len)
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))  # hides columns, in every head
    attention = F.dropout(scores.softmax(dim=-1), attn_drop_rate)
    return attention @ v, attention
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "scaled_dot_product", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
check.scaled_dot_product(scaled_dot_product)

# %% [markdown]
# Now the review, with your function. `[None, None]` makes it a batch of one review with one head.
#
# > **Predict before you run.** On the left there is no mask. How much of the attention of *ending* goes to `[PAD]`?

# %% tags=["look"]
with when_done(scaled_dot_product), plots.panels(2, height=3.6) as (left, right):
    q, k, v = queries[None, None], keys[None, None], feeling[None, None]
    _, unmasked = scaled_dot_product(q, k, v, 0.0)
    _, masked = scaled_dot_product(q, k, v, 0.0, padding[None])
    plots.heat_map(unmasked[0, 0], review, title="without the mask", colour_label=None, ax=left)
    plots.heat_map(masked[0, 0], review, title="with the mask", mask=padding, colour_label=None, ax=right)

# %% [markdown]
# Half of what *wonderful* and *ending* had to give went to a token that does not exist. On the right that column is 0.
# The *row* of `[PAD]` is still there: padding may ask, nobody will read its answer.
#
# > **Predict before you run.** With a dropout rate of 0.5, does each row still sum to 1? And on average?

# %% tags=["look"]
with when_done(scaled_dot_product):
    runtime.set_seed(3)
    many = [scaled_dot_product(q, k, v, 0.5, padding[None])[1][0, 0] for _ in range(2000)]
    print("row sums, one call:      ", [f"{total:.2f}" for total in many[0].sum(dim=1)])
    print("row sums, mean of 2,000: ", [f"{total:.1f}" for total in torch.stack(many).mean(dim=0).sum(dim=1)])

# %% [markdown]
# ## Exercise 3.2 · A worked example
# `●○○○○` difficulty · 10 min · no points
#
# Numbers from a printed exercise, small enough for a pocket calculator. Three tokens, $d_k = d_v = 2$, the second is
# padding. Work out the first row of the attention by hand before you run the next cells.

# %%
Q = torch.tensor([[0.0461, 0.4024], [-1.0115, 0.2167], [-0.6123, 0.5036]])
K = torch.tensor([[0.2310, 0.6931], [-0.2669, 2.1785], [0.1021, -0.2590]])
V = torch.tensor([[-0.1549, -1.3706], [-0.1319, 0.8848], [-0.2611, 0.6104]])
hidden = torch.tensor([[0, 1, 0]])

# %% tags=["look"]
with when_done(scaled_dot_product):
    values, attention = scaled_dot_product(Q[None, None], K[None, None], V[None, None], 0.0, hidden)
    tokens = ["token 1", "token 2", "token 3"]
    plots.heat_map(attention[0, 0], tokens, mask=hidden[0])

# %% [markdown]
# The published result, and how far yours is from it:

# %% tags=["look"]
printed_attention = torch.tensor([[0.5683, 0, 0.4317], [0.5134, 0, 0.4866], [0.5703, 0, 0.4297]])
printed_values = torch.tensor([[-0.2007, -0.5155], [-0.2066, -0.4067], [-0.2005, -0.5194]])
with when_done(scaled_dot_product):
    values, attention = scaled_dot_product(Q[None, None], K[None, None], V[None, None], 0.0, hidden)
    print(f"attention: at most {(attention[0, 0] - printed_attention).abs().max():.3f} away")
    print(f"values:    at most {(values[0, 0] - printed_values).abs().max():.3f} away")

# %% [markdown]
# The second key fits the first query best: .0461 · (−.2669) + .4024 · 2.1785 = .864, the others get .290 and −.100. It
# still gets nothing. The two that remain share the 1 as if it had never been there.

# %% [markdown]
# ## Exercise 3.3 · Attention as copying
# `●●●○○` difficulty · 35 min · 3 points in three parts
#
# What can attention do without any learned weights, when a token is its own query, key and value? Take four directions
# $a, b, c, d$ at right angles, each of length $\beta$, and three tokens made of them:
#
# $$x_1 = d + b \qquad x_2 = a \qquad x_3 = c + b$$

# %%
def three_tokens(beta: float) -> Tensor:
    a, b, c, d = beta * torch.eye(4)
    return torch.stack([d + b, a, c + b])


three_tokens(2.0)

# %% [markdown]
# ### 3.3a · How long are they?
# `●○○○○` difficulty · 5 min · 1 point
#
# Take pen and paper: Pythagoras is enough. Write what you found as a function of $\beta$.

# %% nbgrader={"grade": false, "grade_id": "norms_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def norms(beta: float) -> tuple[float, float, float]:
    """Return the lengths (|x1|, |x2|, |x3|), three floats, of the tokens x1 = d + b, x2 = a, x3 = c + b.

    beta    length of each of the orthogonal vectors a, b, c, d; a float, above 0
    """
    ### BEGIN SOLUTION
    return math.sqrt(2) * beta, beta, math.sqrt(2) * beta
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "norms", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.norms(norms)

# %% tags=["look"]
with when_done(norms):
    print("yours:   ", [f"{length:.3f}" for length in norms(2.0)])
    print("measured:", [f"{length:.3f}" for length in three_tokens(2.0).norm(dim=1).tolist()])

# %% [markdown]
# ### 3.3b · Self-attention, bare
# `●○○○○` difficulty · 10 min · 1 point
#
# $$y = \mathrm{softmax}(x\,x^\top)\,x$$
#
# No weights, no batch, no heads, and *no scale*: here we want to see what long vectors do to a softmax.
#
# <details><summary>Hint</summary>
#
# `x` is `(T, d)`. What shape must the weights have, and along which dimension do they sum to one?
# </details>

# %% nbgrader={"grade": false, "grade_id": "self_attention_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def self_attention(x: Tensor) -> Tensor:
    """Return softmax(x xᵀ) x, with the softmax over the keys (each row of weights sums to 1) and without any scale.

    x       (T, d), one token per row, floating point
    returns (T, d)
    """
    ### BEGIN SOLUTION
    return (x @ x.T).softmax(dim=-1) @ x
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "self_attention", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.self_attention(self_attention)

# %% [markdown]
# > **Predict before you run.** $x_1$ and $x_3$ share the direction $b$. With $\beta = 4$, what is $y_1$: a copy of
# > $x_1$, a mixture of $x_1$ and $x_3$, or the mean of all three?

# %% tags=["look"]
with when_done(self_attention):
    x = three_tokens(4.0)
    y = self_attention(x)
    print(x[0].tolist(), "← x1")
    print([round(number, 3) for number in y[0].tolist()], "← y1")

# %% [markdown]
# A copy. $x_1\cdot x_1 = 2\beta^2$, but $x_1\cdot x_3 = \beta^2$ and $x_1\cdot x_2 = 0$: the token's own score leads by
# $\beta^2$, and softmax turns a lead of 16 into a factor of $e^{16}$, about nine million.
#
# How long do the vectors have to be? The tokens are linearly independent, so the weights can be read off the output.
#
# > **Predict before you run.** At which $\beta$ does $x_1$ keep 99% for itself? Does $x_2$ need more or less?

# %% tags=["look"]
with when_done(self_attention):
    betas = [0.1 * step for step in range(1, 36)]
    sweep = [self_attention(three_tokens(beta)) @ torch.linalg.pinv(three_tokens(beta)) for beta in betas]
    own = {f"x{i + 1} on itself": [weights[i, i] for weights in sweep] for i in (0, 1)}
    rest = {"x1 on x3": [weights[0, 2] for weights in sweep]}
    plots.curves(betas, own | rest, x_label="β, length of a, b, c and d", y_label="attention weight")

# %% [markdown]
# Short tokens average everything; long tokens copy. Between them lies about one unit of $\beta$. ($x_3$ does as $x_1$.)

# %% tags=["look"]
with when_done(self_attention), plots.panels(3, height=2.7) as axes:
    for beta, ax in zip([0.5, 1.0, 3.0], axes, strict=True):
        weights = self_attention(three_tokens(beta)) @ torch.linalg.pinv(three_tokens(beta))
        plots.heat_map(weights.clamp(min=0), ["x1", "x2", "x3"], title=f"β = {beta:g}", colour_label=None, ax=ax)

# %% [markdown]
# ### 3.3c · The mean of two others
# `●●●●○` difficulty · 20 min · 1 point
#
# Now the other way round: *you* choose the tokens. The first one must come out as the mean of the other two, and must
# not already be that mean.
#
# <details><summary>Hint 1</summary>
#
# Three scores decide it: $x_1\cdot x_1$, $x_1\cdot x_2$ and $x_1\cdot x_3$. Which two must be equal, and which must be
# smaller? By how much, when β is large?
# </details>
# <details><summary>Hint 2</summary>
#
# A token always points in its own direction, so its own score is its length squared. Others can only beat that if they
# are *longer*. Draw it in the plane.
# </details>

# %% nbgrader={"grade": false, "grade_id": "mean_of_two_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def mean_of_two(beta: float) -> Tensor:
    """Return three tokens x, of which the first attends to the other two in equal parts and not to itself.

    beta    length scale, a float of 5 or more: the larger it is, the more exact the mean
    returns x (3, d), floating point, all finite, with a d of your choice, at least 2, such that
            self_attention(x)[0] is (x[1] + x[2]) / 2, to within 1% of the length of the longest token, while
            x[0] is not (at least 10% of that length away from it), and x[1] and x[2] differ as clearly
    """
    ### BEGIN SOLUTION
    return beta * torch.tensor([[1.0, 0.0], [2.0, 1.0], [2.0, -1.0]])
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "mean_of_two", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.mean_of_two(mean_of_two)

# %% tags=["look"]
with when_done(mean_of_two, self_attention):
    x = mean_of_two(5.0)
    y = self_attention(x)
    print("own score, and those of the others:", [round(score, 1) for score in (x @ x[0]).tolist()])
    print("distance of y1 from the mean of x2 and x3:", f"{(y[0] - (x[1] + x[2]) / 2).norm():.4f}")
    print("distance of y1 from x1:                   ", f"{(y[0] - x[0]).norm():.4f}")

# %% [markdown]
# Copying and averaging with no learned weight at all. What the learned matrices of stage 04 add is the freedom to ask
# for something other than oneself.

# %% [markdown]
# ## Exercise 3.4 · Why √dₖ
# `●●○○○` difficulty · 35 min · 4 points in three parts
#
# You have seen that long vectors make softmax copy. Wide ones do the same. Let the numbers in $q$ and $k$ be
# independent, with mean 0 and variance 1, as they are when training starts.
#
# ### 3.4a · The variance of q·k
# `●○○○○` difficulty · 10 min · 1 point
#
# > **Predict before you write.** $q\cdot k$ is a sum of $d_k$ products. What is its variance for $d_k = 64$?

# %% nbgrader={"grade": false, "grade_id": "dot_product_variance_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def dot_product_variance(d_k: int, n: int = 10_000) -> float:
    """Measure the variance of q·k for random q and k.

    d_k     number of entries of q and of k, each drawn from the normal distribution with mean 0 and variance 1
    n       number of pairs (q, k), at least 2, freshly drawn in each call
    returns the sample variance of the n dot products, unscaled, as a Python float
    """
    ### BEGIN SOLUTION
    q, k = torch.randn(n, d_k), torch.randn(n, d_k)
    return (q * k).sum(dim=1).var().item()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "dot_product_variance", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.dot_product_variance(dot_product_variance)

# %% tags=["look"]
with when_done(dot_product_variance):
    runtime.set_seed(3)
    d_ks = [2**power for power in range(9)]
    measured = {"measured": [dot_product_variance(d_k) for d_k in d_ks], "variance = dₖ": d_ks}
    plots.curves(d_ks, measured, x_label="dₖ", y_label="variance of q·k", log_x=True, log_y=True)

# %% [markdown]
# On both logarithmic axes a straight line: the variance *is* $d_k$. So a typical score is as large as $\sqrt{d_k}$, and
# dividing by $\sqrt{d_k}$ brings it back to 1, however wide the model.
#
# ### 3.4b · A saturated softmax
# `●●○○○` difficulty · 15 min · 1 point
#
# Two numbers tell how open a softmax $p = \mathrm{softmax}(s)$ still is. Its **entropy**, in nats: $\ln n$ if it looks
# at all $n$ tokens alike, 0 if at one only. And the size of its **Jacobian** $J$, through which every gradient must pass:
#
# $$H = -\sum_i p_i \ln p_i \qquad J_{ij} = \frac{\partial p_i}{\partial s_j} = p_i\,(\delta_{ij} - p_j)
# \qquad \lVert J\rVert = \sqrt{\textstyle\sum_{ij} J_{ij}^2}$$
#
# <details><summary>Hint 1: building J</summary>
#
# $\delta_{ij}$ is 1 on the diagonal and 0 elsewhere. So $J$ is a diagonal matrix minus the product of $p$ with itself,
# each entry with each: look for `diag` and `outer` in torch.
# </details>
# <details><summary>Hint 2: the entropy is nan</summary>
#
# When a weight underflows to 0 its logarithm is −∞, and 0 · (−∞) is nan. `log_softmax` finds the logarithm without
# forming the weight first.
# </details>

# %% nbgrader={"grade": false, "grade_id": "saturation_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def saturation(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Measure how open the softmax of some scores still is.

    scores  (n,), floating point, finite, not scaled any further here; may be large, such as 1,000

    Returns (entropy, jacobian_norm), two tensors of shape () and of the dtype of scores:
    entropy         of softmax(scores), in nats; a weight of 0 contributes 0, so it is never nan
    jacobian_norm   Frobenius norm of the (n, n) Jacobian of softmax at scores
    """
    ### BEGIN SOLUTION
    log_p = scores.log_softmax(dim=0)
    p = log_p.exp()
    jacobian = torch.diag(p) - torch.outer(p, p)  # (n, n)
    return -(p * log_p).sum(), jacobian.norm()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "saturation", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.saturation(saturation)

# %% tags=["look"]
with when_done(saturation):
    ending = scores[4, :5]  # the row of *ending*, without the padding
    for name, row in {"all alike": 0 * ending, "ending, scaled": ending / 2, "ending, unscaled": ending}.items():
        entropy, gradient = saturation(row)
        print(f"{name:17} entropy {entropy:.2f}   gradient {gradient:.3f}")

# %% [markdown]
# Now one query looks over 32 random keys, 100 times for each $d_k$, with and without the scale.
#
# > **Predict before you run.** Which of the four curves are flat?

# %% tags=["look"]
def open_softmax(d_k: int, scale: float, seq_len: int = 32, draws: int = 100) -> Tensor:
    """Return entropy and gradient of random scores: their 10%, 50% and 90% quantiles, (3, 2)."""
    rows = [torch.randn(seq_len, d_k) @ torch.randn(d_k) * scale for _ in range(draws)]
    seen = torch.tensor([saturation(row) for row in rows])  # (draws, 2)
    return seen.quantile(torch.tensor([0.1, 0.5, 0.9]), dim=0)

# %% tags=["look"]
with when_done(saturation), plots.panels(2, height=3.2) as axes:
    runtime.set_seed(3)
    widths = [2**power for power in range(0, 11, 2)]
    scales = {"with the scale": [1 / math.sqrt(d_k) for d_k in widths], "without": [1.0] * len(widths)}
    seen = {name: torch.stack([*map(open_softmax, widths, scale)]) for name, scale in scales.items()}
    for measure, (label, ax) in enumerate(zip(["entropy (nats)", "size of the gradient, ‖J‖"], axes, strict=True)):
        middle = {name: drawn[:, 1, measure] for name, drawn in seen.items()}
        bands = {name: (drawn[:, 0, measure], drawn[:, 2, measure]) for name, drawn in seen.items()}
        plots.curves(widths, middle, bands=bands, x_label="dₖ", y_label=label, log_x=True, log_y=measure == 1, ax=ax)

# %% [markdown]
# The lines are medians, the bands hold 80% of the draws. With the scale, width soon changes nothing. Without it the
# gradient even grows a little at first, because a mild preference is easier to move than none; then it collapses. At
# $d_k = 64$, the usual width of a head, one draw in ten has already lost more than 99% of it.

# %% [markdown] nbgrader={"grade": false, "grade_id": "no_scale_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 3.4c · ✎ What happens without the scale?
# `●●○○○` difficulty · 10 min · 2 points
#
# Somebody removes the division by $\sqrt{d_k}$ from a model with $d_k = 64$. It hardly learns. Explain why in three to
# five sentences: what happens to the scores, then to the weights, then to the gradients? Quote at least one number that
# you measured above.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 2 points**
#
# - 0.5: the variance of the scores grows as d_k (64 here), or their spread as √d_k (8 here). "They get big" without the
#   dependence on d_k: 0.
# - 0.5: so the softmax saturates: nearly all weight on one token, entropy near 0, attention copies instead of mixing.
# - 0.5: so its Jacobian is nearly 0 and hardly any gradient reaches the queries and keys: they stop learning. "The
#   gradients explode": 0 for this line.
# - 0.5: quotes a measured number that fits (variance near 64, an entropy, a size of the gradient), from a plot or check.
#
# Accept the same chain told from the side of a large temperature. Do not take off for language.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "no_scale", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Each product of entries has variance 1, so $q\cdot k$ has variance $d_k = 64$ (my plot: close to 64) and typical scores
# are around ±8 instead of ±1. Softmax takes the exponential of that, and the largest score wins nearly everything: the
# median entropy over 32 keys falls from 3.1 nats with the scale to 0.3 without. Where one weight is almost 1 and the
# others almost 0, every entry $p_i(\delta_{ij}-p_j)$ of the Jacobian is almost 0. Little gradient gets through to the
# queries and keys, in many rows practically none, so they keep the random choices they started with.

# %% [markdown]
# ## Exercise 3.5 · Two ways to cheaper attention
# `●●●●○` difficulty · 40 min · 5 points in three parts
#
# The weights are a $T\times T$ matrix per head. Our review has 6 tokens; the longest in IMDB have more than 3,000.
#
# > **Predict before you run.** How much memory do the weights of *one* layer with 12 heads take, for one review of 512
# > tokens? And of 4,096?

# %% tags=["look"]
for length in (6, 512, 4096):
    print(f"T = {length:5,}: {12 * length**2 * 4 / 2**20:8.3f} MiB of weights, 4 bytes each")

# %% [markdown]
# Eight times as long, sixty-four times the memory. Two ideas bring the cost down to a multiple of $T$.
#
# ### 3.5a · Low rank
# `●●○○○` difficulty · 15 min · 2 points
#
# *Linformer* asks: must we keep all $T$ keys? It mixes them into $k \ll T$ summaries with a matrix $E$ of shape
# $(k, T)$, and the values with $F$. Each query then chooses among $k$ summaries:
#
# $$\mathrm{softmax}\Big(\frac{Q\,(EK)^\top}{\sqrt{d_k}}\Big)\,(FV)$$

# %% nbgrader={"grade": false, "grade_id": "low_rank_attention_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def low_rank_attention(q: Tensor, k: Tensor, v: Tensor, e: Tensor, f: Tensor) -> Tensor:
    """Let every query attend over k_rank summaries of the keys, with the usual scale 1 / √d_k.

    q, k    (batch, n_heads, T, d_k), floating point
    v       (batch, n_heads, T, d_v)
    e, f    (k_rank, T), shared by all reviews and heads: e makes the summaries of the keys, f those of the values
    returns values (batch, n_heads, T, d_v)

    No tensor of T × T entries is built. There is neither mask nor dropout.
    """
    ### BEGIN SOLUTION
    keys, values = e @ k, f @ v  # (batch, n_heads, k_rank, d_k), (batch, n_heads, k_rank, d_v)
    scores = q @ keys.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (batch, n_heads, T, k_rank)
    return scores.softmax(dim=-1) @ values
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "low_rank_attention", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.low_rank_attention(low_rank_attention)

# %% [markdown]
# Try it on the review, with two summaries: one of each half. The summary of a half is the mean of its words.
#
# > **Predict before you run.** *ending* can no longer tell *wonderful* from itself. Is its feeling now stronger or weaker?

# %% tags=["look"]
halves = torch.tensor([[0.5, 0.5, 0, 0, 0], [0, 0, 0, 0.5, 0.5]])
q, k, v = queries[None, None, :5], keys[None, None, :5], feeling[None, None, :5]
with when_done(low_rank_attention):
    summarised = low_rank_attention(q, k, v, halves, halves)[0, 0, :, 0]
    plots.bars(real, {"softmax": after[:, 0], "low rank, k = 2": summarised}, y_label="feeling after attention")

# %% [markdown]
# The sign is right, the strength is lost: a summary cannot be taken apart again. Learned summaries are better than
# these, but they are fixed for one length $T$.
#
# ### 3.5b · Linear attention
# `●●●○○` difficulty · 15 min · 2 points
#
# *Katharopoulos et al.* ask: must it be a softmax? Let the weight be a plain product of features
# $\phi(q_i)\cdot\phi(k_j)$ with $\phi(x) = \mathrm{elu}(x) + 1$, which is always positive. Then the sum over $j$ can be
# done first, once for all queries:
#
# $$y_i = \frac{\sum_j \big(\phi(q_i)\cdot\phi(k_j)\big)\,v_j}{\sum_j \phi(q_i)\cdot\phi(k_j)}
#       = \frac{\phi(q_i)\,\big[\sum_j \phi(k_j)^\top v_j\big]}{\phi(q_i)\cdot\big[\sum_j \phi(k_j)\big]}$$
#
# In the square brackets, no $i$ is left. It is only a matter of where the parentheses stand.

# %% tags=["look"]
wide, long = 32, 2048
left_first, right_first = 2 * long * long * wide, 2 * long * wide * wide
print(f"(Q Kᵀ) V: {left_first:12,} multiplications")
print(f"Q (Kᵀ V): {right_first:12,} multiplications, {left_first // right_first} times fewer")

# %% [markdown]
# <details><summary>Hint 1: the shapes</summary>
#
# The first bracket is one `(d_k, d_v)` matrix per head, the second one vector of `d_k`. Neither has a $T$ in it.
# </details>
# <details><summary>Hint 2: dividing</summary>
#
# The numerator is `(batch, n_heads, T, d_v)`, the denominator one number per query. Keep a last dimension of size 1.
# </details>

# %% nbgrader={"grade": false, "grade_id": "linear_attention_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def linear_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with weights proportional to φ(q)·φ(k), φ(x) = elu(x) + 1, at a cost that grows with T.

    q, k    (batch, n_heads, T, d_k), floating point
    v       (batch, n_heads, T, d_v)
    returns values (batch, n_heads, T, d_v)

    Every query sees all keys (it is not causal); the weights of a query sum to 1. There is no 1 / √d_k, no mask and no
    dropout. No tensor of T × T entries is built.
    """
    ### BEGIN SOLUTION
    q, k = F.elu(q) + 1, F.elu(k) + 1
    summary = k.transpose(-2, -1) @ v  # (batch, n_heads, d_k, d_v)
    total = k.sum(dim=-2).unsqueeze(-1)  # (batch, n_heads, d_k, 1)
    return (q @ summary) / (q @ total)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "linear_attention", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.linear_attention(linear_attention)

# %% [markdown]
# The same review with all three:

# %% tags=["look"]
with when_done(low_rank_attention, linear_attention):
    three = {
        "softmax": after[:, 0],
        "low rank, k = 2": low_rank_attention(q, k, v, halves, halves)[0, 0, :, 0],
        "linear": linear_attention(q, k, v)[0, 0, :, 0],
    }
    plots.bars(real, three, y_label="feeling after attention")

# %% [markdown]
# Linear attention is blunt: twice the product is twice the weight. With the exponential, a score of 8 weighs
# $e^2 \approx 7$ times as much as a score of 4, even after scaling. That is the price. Now what you get for it.
#
# > **Predict before you run.** On logarithmic axes $T^2$ is a straight line, and so is $T$. Which is steeper, and for
# > which $T$ do they cross?

# %% tags=["look"]
def draw_inputs(seq_len: int, n_heads: int = 4, d_k: int = 32, rank: int = 32) -> list[Tensor]:
    """Return q, k, v, e and f for a random review; all want gradients, as in training."""
    shapes = [(1, n_heads, seq_len, d_k)] * 3 + [(rank, seq_len)] * 2
    return [torch.randn(shape, device=runtime.device(), requires_grad=True) for shape in shapes]


three_attentions = {
    "softmax": lambda q, k, v, e, f: scaled_dot_product(q, k, v, 0.0),
    "low rank, k = 32": low_rank_attention,
    "linear": lambda q, k, v, e, f: linear_attention(q, k, v),
}

# %% tags=["look", "nbval-ignore-output"]
with when_done(scaled_dot_product, low_rank_attention, linear_attention), plots.panels(2, height=3.4) as (left, right):
    lengths = runtime.profile().seq_lens
    costs = {name: [runtime.measure(f, *draw_inputs(n)) for n in lengths] for name, f in three_attentions.items()}
    times = {name: [cost.seconds * 1000 for cost in row] for name, row in costs.items()}
    memory = {name: [cost.kept_bytes / 2**20 for cost in row] for name, row in costs.items()}
    axis = {"x_label": "T, tokens", "log_x": True, "log_y": True}
    plots.curves(lengths, times, y_label="time, forward (ms)", ax=left, **axis)
    plots.curves(lengths, memory, y_label="memory kept for backward (MiB)", ax=right, **axis)

# %% [markdown]
# Memory is counted: all that is kept until the backward pass. Each doubling of $T$ doubles two of the curves and, in the
# end, quadruples the third. For short reviews nothing is gained; there, attention over all keys is the simplest.

# %% [markdown] nbgrader={"grade": false, "grade_id": "linear_cost_question", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# ### 3.5c · ✎ One advantage of each
# `●●○○○` difficulty · 10 min · 1 point
#
# Both cost a multiple of $T$. Name one advantage of low-rank attention over linear attention, and one of linear over
# low-rank. A sentence each, with its reason.
#
# === BEGIN MARK SCHEME ===
#
# **Rubric, 1 point**
#
# - 0.5: an advantage of low-rank, with a reason. For instance: it keeps the softmax, so its weights can still be sharp;
#   the summaries are learned, so the model decides what to keep; it comes close to full attention where that is nearly
#   of low rank; the weights (T, k) can still be looked at.
# - 0.5: an advantage of linear, with a reason. For instance: works for any T, since nothing has T in its shape; no
#   additional parameters; can be made causal and run token by token with a state of fixed size; nothing to choose like
#   the rank k; padding is easy to leave out of the sums.
#
# "It is faster" alone, without saying than what and why: 0. An advantage over full attention only: 0.
#
# === END MARK SCHEME ===

# %% [markdown] nbgrader={"grade": true, "grade_id": "linear_cost", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# Low rank keeps the softmax over its $k$ summaries, so a query can still put nearly all its weight on one of them; linear
# attention, without the exponential, stays blunt. Linear attention has no matrix with a $T$ in its shape: the same
# function serves any length and needs no additional parameters, and its two sums can be updated token by token.

# %% [markdown]
# ## Recap
#
# - A query asks, keys answer, values are what is said; the weights are a softmax over the **keys**, so rows sum to one.
# - Padding is hidden as a **column**, with −∞, **before** the softmax.
# - Long vectors make attention copy; so do wide ones, unless you divide by $\sqrt{d_k}$: the variance of $q\cdot k$ is
#   $d_k$, and a saturated softmax passes no gradient.
# - The $T\times T$ weights are what costs. Summaries (low rank) or moved parentheses (linear) avoid them, and lose
#   something for it.
#
# **What comes next.** In stage 04 several attentions work side by side, each with queries, keys and values that it
# *learns*; and you look at the heads of a pretrained encoder while it reads a review.
#
# **Papers**
# - Vaswani et al., 2017, [Attention is all you need](https://arxiv.org/abs/1706.03762): section 3.2.1 and its footnote 4
#   are exercises 3.1 and 3.4.
# - Wang et al., 2020, [Linformer: self-attention with linear complexity](https://arxiv.org/abs/2006.04768).
# - Katharopoulos et al., 2020,
#   [Transformers are RNNs: fast autoregressive transformers with linear attention](https://arxiv.org/abs/2006.16236).

"""3.3 Answers to norms, self_attention and mean_of_two."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import alternative, misconception, reference

SINGLE = "test_a_single_vector_keeps_its_norm"
SUM = "test_a_sum_of_two_orthogonal_vectors_is_longer"
FORMULA = "test_each_output_is_a_softmax_mix_of_the_tokens"
COPIES = "test_long_tokens_copy_themselves"
MEAN = "test_first_output_is_the_mean_of_the_other_two"
APART = "test_the_mean_is_not_there_from_the_start"


@reference("norms")
def by_pythagoras(beta):
    return math.sqrt(2) * beta, beta, math.sqrt(2) * beta


@alternative("norms")
def of_vectors_built(beta):
    a, b, c, d = beta * torch.eye(4, dtype=torch.float64)
    return (d + b).norm().item(), a.norm().item(), (c + b).norm().item()


@alternative("norms")
def with_hypot(beta):
    long = math.hypot(beta, beta)
    return [long, math.hypot(beta), long]


@misconception(
    "norms",
    "The norms of the two summands are added. Do two sides of a right angle add up to the third?",
    caught_by=SUM,
)
def adds_the_norms(beta):
    return 2 * beta, beta, 2 * beta


@misconception(
    "norms",
    "These are the squared norms. What is left to do after the squares are summed?",
    caught_by=SINGLE,
)
def squared_norms(beta):
    return 2 * beta**2, beta**2, 2 * beta**2


@misconception(
    "norms",
    "All three tokens get the norm β, but two of them are sums. How long is the diagonal of a square?",
    caught_by=SUM,
)
def beta_for_all(beta):
    return beta, beta, beta


@misconception(
    "norms",
    "β stands under the root together with the 2. How often does β² occur in the squared norm, and what is its root?",
    caught_by=SUM,
)
def beta_under_the_root(beta):
    return math.sqrt(2 * beta), beta, math.sqrt(2 * beta)


@misconception(
    "norms",
    "The norms come in another order than the tokens: which of x₁, x₂ and x₃ is a single vector?",
    caught_by=SINGLE,
)
def single_vector_first(beta):
    return beta, math.sqrt(2) * beta, math.sqrt(2) * beta


@reference("self_attention")
def softmax_of_products(x):
    return F.softmax(x @ x.T, dim=-1) @ x


@alternative("self_attention")
def self_attention_with_einsum(x):
    weights = torch.einsum("id,jd->ij", x, x).softmax(dim=1)
    return torch.einsum("ij,jd->id", weights, x)


@alternative("self_attention")
def token_by_token(x):
    outputs = []
    for token in x:
        scores = (x * token).sum(dim=1)
        powers = torch.exp(scores - scores.max())
        outputs.append((powers / powers.sum()) @ x)
    return torch.stack(outputs)


@alternative("self_attention")
def softmax_over_columns_of_the_symmetric_products(x):
    return torch.softmax(x @ x.T, dim=0).T @ x


@misconception(
    "self_attention",
    "The products are scaled here. In this exercise the softmax takes them as they are: what does the docstring say?",
    caught_by=FORMULA,
)
def self_attention_with_scale(x):
    return F.softmax(x @ x.T / math.sqrt(x.shape[-1]), dim=-1) @ x


@misconception(
    "self_attention",
    "The softmax runs over the tokens that ask. Whose weights should sum to one in each row?",
    caught_by=FORMULA,
)
def self_attention_over_columns(x):
    return F.softmax(x @ x.T, dim=0) @ x


@misconception(
    "self_attention",
    "The softmax is missing: the products themselves mix the tokens, and the outputs grow with the cube of the norm.",
    caught_by=COPIES,
)
def self_attention_without_softmax(x):
    return x @ x.T @ x


@misconception(
    "self_attention",
    "The weights come back, not the outputs. What is mixed with these weights?",
    caught_by=FORMULA,
)
def self_attention_returns_weights(x):
    return F.softmax(x @ x.T, dim=-1)


@misconception(
    "self_attention",
    "Features attend to features here: the products have the size d × d. Between what should the attention run?",
    caught_by=FORMULA,
)
def attention_between_features(x):
    return x @ F.softmax(x.T @ x, dim=-1)


@misconception(
    "self_attention",
    "For long tokens the exponential overflows and NaN comes out. Which number can be subtracted from every score of "
    "a row without changing its softmax?",
    caught_by=COPIES,
)
def self_attention_overflows(x):
    powers = torch.exp(x @ x.T)
    return powers / powers.sum(dim=-1, keepdim=True) @ x


@misconception(
    "self_attention",
    "No token looks at itself here. Is a token's product with itself among its scores?",
    caught_by=COPIES,
)
def self_attention_without_self(x):
    scores = (x @ x.T).fill_diagonal_(float("-inf"))
    return F.softmax(scores, dim=-1) @ x


@reference("mean_of_two")
def longer_tokens_on_both_sides(beta):
    return beta * torch.tensor([[1.0, 0.0], [2.0, 1.0], [2.0, -1.0]])


@alternative("mean_of_two")
def from_orthogonal_vectors(beta):
    a, b, c = beta * torch.eye(3, dtype=torch.float64)
    return torch.stack([a, 2 * a + b, 2 * a + c])


@alternative("mean_of_two")
def first_token_shorter(beta):
    basis = F.normalize(torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 3.0, 4.0]]), dim=1)
    x1, x2 = beta * (basis[0] + basis[1]), beta * (basis[0] - basis[1])
    return torch.stack([0.5 * beta * basis[0], x1, x2])


@misconception(
    "mean_of_two",
    "The first token has its largest product with itself, so it copies itself. How could two others beat it?",
    caught_by=MEAN,
)
def three_orthogonal_tokens(beta):
    return beta * torch.eye(3)


@misconception(
    "mean_of_two",
    "The first token already is the mean of the others, so nothing shows that attention made it. Could it point the "
    "same way and be shorter?",
    caught_by=APART,
)
def first_token_is_the_mean(beta):
    return beta * torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, -1.0]])


@misconception(
    "mean_of_two",
    "All three products of the first token are equal, so it gets the mean of all three. Which product must be smaller?",
    caught_by=MEAN,
)
def first_token_is_zero(beta):
    return beta * torch.tensor([[0.0, 0.0], [2.0, 1.0], [2.0, -1.0]])


@misconception(
    "mean_of_two",
    "One of the two others wins alone, because its product with the first token is larger. What must hold for these "
    "two products?",
    caught_by=MEAN,
)
def one_token_wins(beta):
    return beta * torch.tensor([[1.0, 0.0], [3.0, 1.0], [2.0, -1.0]])


@misconception(
    "mean_of_two",
    "The two other tokens are the same one, and the mean of a token with itself shows nothing. Can two different "
    "tokens have the same product with the first?",
    caught_by=APART,
)
def the_same_token_twice(beta):
    return beta * torch.tensor([[1.0, 0.0], [2.0, 1.0], [2.0, 1.0]])

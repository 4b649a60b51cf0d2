"""3.4 Answers to dot_product_variance and saturation."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import alternative, misconception, reference

VARIANCE = "test_variance_grows_as_the_dimension"
DRAWS = "test_variance_is_measured_on_n_pairs"
ENTROPY = "test_entropy_of_the_softmax_is_in_nats"
JACOBIAN = "test_norm_of_the_softmax_jacobian"
SATURATED = "test_a_saturated_softmax_has_an_entropy_of_zero"


@reference("dot_product_variance")
def of_sampled_products(d_k, n=10_000):
    return (torch.randn(n, d_k) * torch.randn(n, d_k)).sum(dim=-1).var().item()


@alternative("dot_product_variance")
def of_products_with_einsum(d_k, n=10_000):
    q = torch.randn(n, d_k, dtype=torch.float64)
    k = torch.randn(n, d_k, dtype=torch.float64)
    return torch.einsum("nd,nd->n", q, k).var(unbiased=False)


@alternative("dot_product_variance")
def of_products_with_bmm(d_k, n=10_000):
    products = torch.bmm(torch.randn(n, 1, d_k), torch.randn(n, d_k, 1)).flatten()
    return float(((products - products.mean()) ** 2).sum() / (n - 1))


@misconception(
    "dot_product_variance",
    "This is the standard deviation, not its square. Which of the two grows as d_k?",
    caught_by=VARIANCE,
)
def standard_deviation(d_k, n=10_000):
    return (torch.randn(n, d_k) * torch.randn(n, d_k)).sum(dim=-1).std().item()


@misconception(
    "dot_product_variance",
    "The numbers are drawn between 0 and 1. What are the mean and the variance of a component of q?",
    caught_by=VARIANCE,
)
def uniform_components(d_k, n=10_000):
    return (torch.rand(n, d_k) * torch.rand(n, d_k)).sum(dim=-1).var().item()


@misconception(
    "dot_product_variance",
    "The variance comes out at 1 for every d_k: it looks as if it is taken over all products before they are summed.",
    caught_by=VARIANCE,
)
def variance_before_the_sum(d_k, n=10_000):
    return (torch.randn(n, d_k) * torch.randn(n, d_k)).var().item()


@misconception(
    "dot_product_variance",
    "Query and key are the same vector here, so its length is measured. Should q and k know of each other?",
    caught_by=VARIANCE,
)
def query_is_the_key(d_k, n=10_000):
    q = torch.randn(n, d_k)
    return (q * q).sum(dim=-1).var().item()


@misconception(
    "dot_product_variance",
    "The products are scaled before the variance is taken, which hides what the exercise wants to see.",
    caught_by=VARIANCE,
)
def variance_of_scaled_products(d_k, n=10_000):
    products = (torch.randn(n, d_k) * torch.randn(n, d_k)).sum(dim=-1) / math.sqrt(d_k)
    return products.var().item()


@misconception(
    "dot_product_variance",
    "This is what theory says, to the last digit. The exercise asks for a measurement: what was drawn?",
    caught_by=DRAWS,
)
def what_theory_says(d_k, n=10_000):
    return float(d_k)


@misconception(
    "dot_product_variance",
    "The number of pairs is always the same, whatever n is. Where does n come in?",
    caught_by=DRAWS,
)
def always_ten_thousand_pairs(d_k, n=10_000):
    return (torch.randn(10_000, d_k) * torch.randn(10_000, d_k)).sum(dim=-1).var().item()


@reference("saturation")
def entropy_and_jacobian(scores):
    log_weights = F.log_softmax(scores, dim=-1)
    weights = log_weights.exp()
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return -(weights * log_weights).sum(), jacobian.norm()


@alternative("saturation")
def saturation_with_autograd(scores):
    weights = scores.softmax(dim=0)
    jacobian = torch.autograd.functional.jacobian(lambda s: F.softmax(s, dim=0), scores)
    return torch.distributions.Categorical(probs=weights).entropy(), torch.linalg.matrix_norm(jacobian)


@alternative("saturation")
def saturation_entry_by_entry(scores):
    weights = F.softmax(scores, dim=0)
    entropy = -sum(w * torch.log(w) for w in weights if w > 0)
    squares = 0.0
    for i in range(len(weights)):
        for j in range(len(weights)):
            squares += (weights[i] * ((1.0 if i == j else 0.0) - weights[j])).item() ** 2
    return entropy, torch.tensor(math.sqrt(squares), dtype=scores.dtype)


@alternative("saturation")
def saturation_in_closed_form(scores):
    log_weights = scores - scores.logsumexp(dim=0)
    weights = torch.exp(log_weights)
    squares = weights.square().sum()
    norm = (squares - 2 * (weights**3).sum() + squares**2).clamp(min=0).sqrt()
    return torch.special.entr(weights).sum(), norm


@misconception(
    "saturation",
    "Where one score is far ahead the entropy is nan: a weight underflows to 0 and its logarithm is −∞. How can a "
    "logarithm of a softmax be found without forming the weight first?",
    caught_by=SATURATED,
)
def entropy_of_vanished_weights(scores):
    weights = F.softmax(scores, dim=-1)
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return -(weights * weights.log()).sum(), jacobian.norm()


@misconception(
    "saturation",
    "For large scores the exponential overflows and nan comes out. Which number can be subtracted from all scores "
    "without changing the softmax?",
    caught_by=SATURATED,
)
def powers_overflow(scores):
    weights = scores.exp() / scores.exp().sum()
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return torch.special.entr(weights).sum(), jacobian.norm()


@misconception(
    "saturation",
    "The entropy is measured in bits. Which logarithm belongs to nats?",
    caught_by=ENTROPY,
)
def entropy_in_bits(scores):
    weights = F.softmax(scores, dim=-1)
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return torch.special.entr(weights).sum() / math.log(2), jacobian.norm()


@misconception(
    "saturation",
    "The entropy comes out negative. What is the sign of the logarithm of a share?",
    caught_by=ENTROPY,
)
def entropy_without_its_sign(scores):
    weights = F.softmax(scores, dim=-1)
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return -torch.special.entr(weights).sum(), jacobian.norm()


@misconception(
    "saturation",
    "The surprise of each outcome is averaged evenly. How often does each outcome happen?",
    caught_by=ENTROPY,
)
def entropy_not_weighted(scores):
    weights = F.softmax(scores, dim=-1)
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return -F.log_softmax(scores, dim=-1).mean(), jacobian.norm()


@misconception(
    "saturation",
    "Only the diagonal of the Jacobian is there. Does raising one score change the other weights too?",
    caught_by=JACOBIAN,
)
def diagonal_of_the_jacobian(scores):
    weights = F.softmax(scores, dim=-1)
    return torch.special.entr(weights).sum(), (weights * (1 - weights)).norm()


@misconception(
    "saturation",
    "This is the gradient of the sum of all weights, which is 0 because the sum is always 1. Which derivatives make up "
    "the Jacobian?",
    caught_by=JACOBIAN,
)
def gradient_of_the_sum(scores):
    scores = scores.clone().requires_grad_()
    weights = F.softmax(scores, dim=-1)
    (gradient,) = torch.autograd.grad(weights.sum(), scores, retain_graph=True)
    return torch.special.entr(weights).sum(), gradient.norm()


@misconception(
    "saturation",
    "This is the largest singular value of the Jacobian. Which norm sums the squares of all its entries?",
    caught_by=JACOBIAN,
)
def spectral_norm(scores):
    weights = F.softmax(scores, dim=-1)
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return torch.special.entr(weights).sum(), torch.linalg.matrix_norm(jacobian, ord=2)


@misconception(
    "saturation",
    "The squares of the Jacobian's entries are summed, but no root is taken. What makes a norm of a sum of squares?",
    caught_by=JACOBIAN,
)
def squared_norm(scores):
    weights = F.softmax(scores, dim=-1)
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return torch.special.entr(weights).sum(), (jacobian**2).sum()

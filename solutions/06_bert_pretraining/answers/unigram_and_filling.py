"""6.4 Right and wrong answers to unigram_entropy and fill_mask."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import alternative, edited, reference


@reference("unigram_entropy")
def with_bincount(ids, pad_id=0):
    counts = torch.bincount(ids[ids != pad_id])
    p = counts[counts > 0].double() / counts.sum()
    return -(p * p.log()).sum().item()


@alternative("unigram_entropy")
def with_counter(ids, pad_id=0):
    from collections import Counter

    counts = Counter(token for token in ids.flatten().tolist() if token != pad_id)
    total = sum(counts.values())
    return sum(count / total * math.log(total / count) for count in counts.values())


@alternative("unigram_entropy")
def with_unique(ids, pad_id=0):
    _, counts = ids[ids != pad_id].unique(return_counts=True)
    return torch.distributions.Categorical(probs=counts.double()).entropy().item()


@alternative("unigram_entropy")
def with_cross_entropy(ids, pad_id=0):
    real = ids.reshape(-1)[ids.reshape(-1) != pad_id]
    counts = torch.zeros(int(real.max()) + 1, dtype=torch.float64).index_add_(0, real, torch.ones(len(real)).double())
    return float(F.cross_entropy((counts + 1e-300).log().expand(1, -1), (counts / counts.sum()).unsqueeze(0)))


edited(
    "unigram_entropy",
    "padding_counted",
    "Padding is counted as a token. It is easy to predict, so it makes the entropy too small or too large.",
    [("torch.bincount(ids[ids != pad_id])", "torch.bincount(ids.flatten())")],
    caught_by="test_entropy_of_the_frequencies",
)
edited(
    "unigram_entropy",
    "in_bits",
    "The entropy is in bits. The loss is in nats, and to compare the two the logarithm must be the natural one.",
    [("p.log()", "p.log2()")],
    caught_by="test_entropy_of_the_frequencies",
)
edited(
    "unigram_entropy",
    "every_word_alike",
    "All tokens that occur count alike, however often they occur. What is asked for is the entropy of their "
    "frequencies.",
    [("return -(p * p.log()).sum().item()", "return math.log(len(p))")],
    caught_by="test_entropy_of_the_frequencies",
)
edited(
    "unigram_entropy",
    "mean_of_the_logarithms",
    "The logarithms are averaged over the vocabulary. A token's own frequency is its weight in the mean.",
    [("return -(p * p.log()).sum().item()", "return -p.log().mean().item()")],
    caught_by="test_entropy_of_the_frequencies",
)
edited(
    "unigram_entropy",
    "sign_forgotten",
    "The entropy comes out negative: logarithms of frequencies are below zero.",
    [("return -(p", "return (p")],
    caught_by="test_entropy_of_the_frequencies",
)
edited(
    "unigram_entropy",
    "absent_tokens_make_nan",
    "Tokens that never occur make the result nan: 0 times the logarithm of 0. They contribute nothing.",
    [("counts[counts > 0]", "counts")],
    caught_by="test_entropy_of_the_frequencies",
)


@reference("fill_mask")
def with_topk(model, masked_text, mask_id, pad_id=0, k=3):
    model.eval()
    with torch.no_grad():
        logits = model(masked_text, masked_text == pad_id)
    probabilities, tokens = logits[masked_text == mask_id].softmax(dim=-1).topk(k)
    return tokens, probabilities


@alternative("fill_mask")
def with_sort(model, masked_text, mask_id, pad_id=0, k=3):
    model.train(False)
    with torch.no_grad():
        shares = F.softmax(model(masked_text, mask=(masked_text == pad_id).float()), dim=2)
    rows = [shares[i, j] for i, j in (masked_text == mask_id).nonzero().tolist()]
    ordered = torch.stack(rows).sort(dim=-1, descending=True)
    return ordered.indices[:, :k], ordered.values[:, :k]


@alternative("fill_mask")
def review_by_review(model, masked_text, mask_id, pad_id=0, k=3):
    was_training = model.training
    model.eval()
    tokens, probabilities = [], []
    with torch.inference_mode():
        logits = model(masked_text, (masked_text == pad_id).int())
        for scores, review in zip(logits, masked_text, strict=True):
            for place in torch.where(review == mask_id)[0]:
                best = scores[place].topk(k)
                tokens.append(best.indices)
                probabilities.append((best.values - scores[place].logsumexp(0)).exp())
    model.train(was_training)
    return torch.stack(tokens).clone(), torch.stack(probabilities).clone()


edited(
    "fill_mask",
    "results_exchanged",
    "The probabilities come back first and the tokens second; they are exchanged.",
    [("return tokens, probabilities", "return probabilities, tokens")],
    caught_by="test_guesses_are_the_most_likely_tokens",
)
edited(
    "fill_mask",
    "scores_for_probabilities",
    "Raw scores come back instead of probabilities, which lie between 0 and 1.",
    [(".softmax(dim=-1)", "")],
    caught_by="test_guesses_are_the_most_likely_tokens",
)
edited(
    "fill_mask",
    "probabilities_of_the_guesses_alone",
    "The softmax is taken over the k guesses alone, so their probabilities always sum to 1. It runs over the whole "
    "vocabulary.",
    [
        ("logits[masked_text == mask_id].softmax(dim=-1).topk(k)", "logits[masked_text == mask_id].topk(k)"),
        ("return tokens, probabilities", "return tokens, probabilities.softmax(dim=-1)"),
    ],
    caught_by="test_guesses_are_the_most_likely_tokens",
)
edited(
    "fill_mask",
    "least_likely",
    "The least likely tokens come back instead of the most likely.",
    [("topk(k)", "topk(k, largest=False)")],
    caught_by="test_guesses_are_the_most_likely_tokens",
)
edited(
    "fill_mask",
    "guesses_for_every_token",
    "Guesses come back for every token. Asked for are those of the masks only.",
    [("logits[masked_text == mask_id]", "logits.flatten(0, 1)")],
    caught_by="test_guesses_are_the_most_likely_tokens",
)
edited(
    "fill_mask",
    "still_training",
    "The model is still in training mode, so dropout changes the guesses from call to call.",
    [("    model.eval()\n", "    model.train()\n")],
    caught_by="test_the_model_reads_without_dropout_and_padding",
)
edited(
    "fill_mask",
    "padding_seen",
    "The model gets no padding mask, so the guesses depend on how much padding follows.",
    [("model(masked_text, masked_text == pad_id)", "model(masked_text)")],
    caught_by="test_the_model_reads_without_dropout_and_padding",
)
edited(
    "fill_mask",
    "masks_hidden",
    "The masks themselves are hidden from attention. Only padding is.",
    [("model(masked_text, masked_text == pad_id)", "model(masked_text, masked_text == mask_id)")],
    caught_by="test_the_model_reads_without_dropout_and_padding",
)

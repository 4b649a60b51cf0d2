"""2.4 evaluate."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import alternative, edited, edited_alternative, reference

ALL = "test_evaluation_sees_every_batch"
MODE = "test_evaluation_happens_in_eval_mode"
GRADIENTS = "test_evaluation_leaves_no_gradients"
MEANS = "test_means_of_evaluation_are_weighted"


@reference("evaluate")
def without_gradients(model, iterator, criterion):
    model.eval()
    total_loss, total_right, reviews = 0.0, 0.0, 0
    with torch.no_grad():
        for ids, lengths, labels in iterator:
            logits = model(ids, lengths).squeeze(1)
            size = len(labels)
            total_loss += criterion(logits, labels).item() * size
            total_right += ((logits > 0) == (labels > 0.5)).sum().item()
            reviews += size
    return total_loss / reviews, total_right / reviews


@alternative("evaluate")
@torch.no_grad()
def decorated(model, iterator, criterion):
    model.train(False)
    losses, hits, count = 0, 0, 0
    for ids, lengths, y in iterator:
        preds = model(ids, lengths).reshape(-1)
        losses += criterion(preds, y) * len(y)
        hits += (torch.round(torch.sigmoid(preds)) == y).double().mean() * len(y)
        count += len(y)
    return losses / count, hits / count


@alternative("evaluate")
def all_logits_at_once(model, iterator, criterion):
    model.eval()
    logits, labels = [], []
    with torch.no_grad():
        for ids, lengths, y in iterator:
            logits.append(model(ids, lengths))
            labels.append(y[:, None])
        logits, labels = torch.cat(logits), torch.cat(labels)
        return criterion(logits, labels).item(), ((logits > 0) == (labels == 1)).double().mean().item()


@alternative("evaluate")
def mode_put_back(model, iterator, criterion):
    was_training = model.training
    model.eval()
    sums, count = [0.0, 0.0], 0
    for batch in iterator:
        with torch.inference_mode():
            logits = model(batch[0], batch[1])[:, 0]
            values = criterion(logits, batch[2]), ((logits > 0) == batch[2].bool()).double().mean()
        sums = [total + value.item() * len(batch[2]) for total, value in zip(sums, values, strict=True)]
        count += len(batch[2])
    model.train(was_training)
    return [total / count for total in sums]


edited_alternative(
    "evaluate",
    "gradients_switched_off",
    [("with torch.no_grad():", "with torch.set_grad_enabled(False):"), (".squeeze(1)", ".squeeze(-1)")],
)

edited(
    "evaluate",
    "returns_inside_the_loop",
    "Only the first batch is seen: the function returns inside the loop.",
    [("    return total_loss", "            return total_loss")],
    caught_by=ALL,
)
edited(
    "evaluate",
    "forgets_eval_mode",
    "The model stays in training mode, so its dropout falls while it is measured.",
    [("    model.eval()\n", "")],
    caught_by=MODE,
)
edited(
    "evaluate",
    "eval_mode_after_the_first_batch",
    "The first batch still goes through the model in training mode. When is the mode set?",
    [("    model.eval()\n", ""), ("            size = ", "            model.eval()\n            size = ")],
    caught_by=MODE,
)
edited(
    "evaluate",
    "keeps_graphs",
    "Nothing tells torch that no gradient will be asked for, so it keeps all that one would need.",
    [("with torch.no_grad():", "if True:")],
    caught_by=GRADIENTS,
)
edited(
    "evaluate",
    "goes_backward",
    "The evaluation sends gradients back. Who asked for them?",
    [
        ("with torch.no_grad():", "if True:"),
        (
            "            reviews += size",
            "            criterion(logits, labels).backward()\n            reviews += size",
        ),
    ],
    caught_by=GRADIENTS,
)
edited(
    "evaluate",
    "mean_of_batches",
    "Every batch counts alike, however few reviews it has. What should it count for?",
    [
        (".item() * size", ".item()"),
        ("(labels > 0.5)).sum()", "(labels > 0.5)).double().mean()"),
        ("reviews += size", "reviews += 1"),
    ],
    caught_by=MEANS,
)
edited(
    "evaluate",
    "loss_of_batches_over_reviews",
    "The loss of a batch is a mean already. By what must it be multiplied before the sum is divided by all reviews?",
    [(".item() * size", ".item()")],
    caught_by=MEANS,
)
edited(
    "evaluate",
    "last_batch_only",
    "What comes back belongs to the last batch alone.",
    [("total_loss += ", "total_loss = "), ("total_right += ", "total_right = "), ("reviews += ", "reviews = ")],
    caught_by=MEANS,
)
edited(
    "evaluate",
    "sums_only",
    "What comes back are sums over the reviews. What makes a mean of them?",
    [("total_loss / reviews, total_right / reviews", "total_loss, total_right")],
    caught_by=MEANS,
)
edited(
    "evaluate",
    "all_batches_as_large_as_the_last",
    "All batches are taken to be as large as the last one.",
    [("reviews += size", "reviews = size * len(iterator)")],
    caught_by=MEANS,
)

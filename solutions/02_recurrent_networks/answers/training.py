"""2.4 binary_accuracy, train and epoch_time."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import alternative, edited, edited_alternative, misconception, reference
from coursekit.stand_ins import binary_accuracy

SHARE = "test_accuracy_is_the_share_of_right_predictions"
CUT = "test_logits_are_cut_at_zero"


@reference("binary_accuracy")
def above_zero(preds, y):
    return ((preds > 0) == (y > 0.5)).double().mean().item()


@alternative("binary_accuracy")
def rounded_sigmoid(preds, y):
    rounded = torch.round(torch.sigmoid(preds))
    return (rounded == y).float().mean()


@alternative("binary_accuracy")
def counted(preds, y):
    right = 0
    for logit, label in zip(preds.tolist(), y.tolist(), strict=True):
        right += (logit > 0) == (label == 1)
    return right / len(y)


@alternative("binary_accuracy")
def signs(preds, y):
    return (torch.sign(preds) * (2 * y - 1) > 0).sum() / len(y)


@misconception(
    "binary_accuracy",
    "The predictions are cut at one half, as if they were probabilities. These are logits: which logit belongs to the "
    "probability one half?",
    caught_by=CUT,
)
def above_one_half(preds, y):
    return ((preds > 0.5) == (y > 0.5)).double().mean().item()


@misconception(
    "binary_accuracy",
    "The logits are rounded as they are, and so only those near zero and near one can be right. What makes a "
    "probability of a logit?",
    caught_by=SHARE,
)
def rounds_logits(preds, y):
    return (torch.round(preds) == y).double().mean().item()


@misconception(
    "binary_accuracy",
    "What comes back is the number of right predictions, and should be their share.",
    caught_by=SHARE,
)
def counts_right_ones(preds, y):
    return ((preds > 0) == (y > 0.5)).double().sum().item()


@misconception(
    "binary_accuracy",
    "What comes back is the share of wrong predictions.",
    caught_by=SHARE,
)
def share_of_wrong_ones(preds, y):
    return ((preds > 0) != (y > 0.5)).double().mean().item()


@misconception(
    "binary_accuracy",
    "Every prediction is compared with every label of the batch: two tensors of unlike shapes stretch to a square.",
    caught_by=SHARE,
)
def compares_all_with_all(preds, y):
    return ((preds.unsqueeze(1) > 0) == (y > 0.5)).double().mean().item()


ALL = "test_training_sees_every_batch"
MOVES = "test_weights_move_after_each_batch"
FORGETS = "test_gradients_of_earlier_batches_are_forgotten"
MODE = "test_training_happens_in_training_mode"
MEANS = "test_means_of_training_are_weighted"


@reference("train")
def one_epoch(model, iterator, optimizer, criterion):
    model.train()
    total_loss, total_right, reviews = 0.0, 0.0, 0
    for ids, lengths, labels in iterator:
        optimizer.zero_grad()
        logits = model(ids, lengths).squeeze(1)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        size = len(labels)
        total_loss += loss.item() * size
        total_right += ((logits > 0) == (labels > 0.5)).sum().item()
        reviews += size
    return total_loss / reviews, total_right / reviews


@alternative("train")
def with_lists(model, iterator, optimizer, criterion):
    model.train(True)
    losses, hits, sizes = [], [], []
    for batch in iterator:
        preds = model(batch[0], batch[1]).view(-1)
        loss = criterion(preds, batch[2])
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach() * len(batch[2]))
        hits.append(((preds > 0).float() == batch[2]).sum())
        sizes.append(len(batch[2]))
    return (sum(losses) / sum(sizes)).item(), (sum(hits) / sum(sizes)).item()


@alternative("train")
def stacked_accuracies(model, iterator, optimizer, criterion):
    model.train()
    losses, shares, sizes = [], [], []
    for ids, lengths, labels in iterator:
        logits = model(ids, lengths).squeeze(1)
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        shares.append(binary_accuracy(logits, labels).detach())
        sizes.append(len(labels))
    weights = torch.tensor(sizes, dtype=torch.float64) / sum(sizes)
    return (torch.stack(losses) * weights).sum(), (torch.stack(shares) * weights).sum()


@alternative("train")
def zeroed_afterwards(model, iterator, optimizer, criterion):
    model.train()
    optimizer.zero_grad()
    sums = torch.zeros(3, dtype=torch.float64)
    for ids, lengths, y in iterator:
        preds = model(ids, lengths)[:, 0]
        loss = criterion(preds, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        right = torch.round(torch.sigmoid(preds)) == y
        sums += torch.tensor([loss.item() * len(y), right.sum().item(), len(y)])
    return sums[0] / sums[2], sums[1] / sums[2]


@alternative("train")
def labels_as_a_column(model, iterator, optimizer, criterion):
    model.train()
    everything = []
    for ids, lengths, labels in iterator:
        for parameter in model.parameters():
            parameter.grad = None
        logits = model(ids, lengths)
        loss = criterion(logits, labels.unsqueeze(1))
        loss.backward()
        optimizer.step()
        everything += [(loss.item(), float((z > 0) == (y > 0.5))) for z, y in zip(logits[:, 0], labels, strict=True)]
    return tuple(sum(column) / len(everything) for column in zip(*everything, strict=True))


@alternative("train")
def with_a_closure(model, iterator, optimizer, criterion):
    model.train()
    loss_sum = right_sum = count = 0
    for ids, lengths, labels in iterator:
        optimizer.zero_grad(set_to_none=False)
        logits = model(ids, lengths).flatten()
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step(lambda loss=loss: loss)
        with torch.no_grad():
            loss_sum = loss_sum + loss * labels.size(0)
            right_sum = right_sum + (logits.sign() == 2 * labels - 1).sum()
        count += labels.size(0)
    return float(loss_sum / count), float(right_sum / count)


edited_alternative(
    "train",
    "running_mean",
    [
        ("total_loss += loss.item() * size", "total_loss += (loss.item() - total_loss) * size / (reviews + size)"),
        ("return total_loss / reviews", "return total_loss"),
    ],
)

edited(
    "train",
    "returns_inside_the_loop",
    "Only the first batch is seen: the function returns inside the loop.",
    [("    return total_loss", "        return total_loss")],
    caught_by=ALL,
)
edited(
    "train",
    "never_zeroes",
    "The gradients of all batches pile up. What must happen to them before the next batch?",
    [("        optimizer.zero_grad()\n", "")],
    caught_by=FORGETS,
)
edited(
    "train",
    "zeroes_before_the_step",
    "The gradients are thrown away between the backward pass and the step, so the optimizer finds none.",
    [
        ("        optimizer.zero_grad()\n", ""),
        ("        loss.backward()\n", "        loss.backward()\n        optimizer.zero_grad()\n"),
    ],
    caught_by=MOVES,
)
edited(
    "train",
    "never_steps",
    "The weights never move. Who acts on the gradients?",
    [("        optimizer.step()\n", "")],
    caught_by=MOVES,
)
edited(
    "train",
    "steps_after_the_loop",
    "The optimizer moves once per epoch, and should once per batch.",
    [("        optimizer.step()\n", ""), ("    return total", "    optimizer.step()\n    return total")],
    caught_by=MOVES,
)
edited(
    "train",
    "steps_before_backward",
    "The optimizer steps before the backward pass, when there is no gradient of this batch yet.",
    [("        loss.backward()\n        optimizer.step()\n", "        optimizer.step()\n        loss.backward()\n")],
    caught_by=MOVES,
)
edited(
    "train",
    "never_goes_backward",
    "No gradient is ever computed. Which call sends it back from the loss?",
    [("        loss.backward()\n", "")],
    caught_by=MOVES,
)
edited(
    "train",
    "leaves_the_mode",
    "The model is in eval mode while it learns, so its dropout is off. After an evaluation it comes in that mode: who "
    "changes it?",
    [("    model.train()\n", "")],
    caught_by=MODE,
)
edited(
    "train",
    "mean_of_batches",
    "Every batch counts alike, however few reviews it has. What should it count for?",
    [
        ("loss.item() * size", "loss.item()"),
        ("(labels > 0.5)).sum()", "(labels > 0.5)).double().mean()"),
        ("reviews += size", "reviews += 1"),
    ],
    caught_by=MEANS,
)
edited(
    "train",
    "loss_divided_by_reviews_only",
    "The loss of a batch is a mean already. By what must it be multiplied before the sum is divided by all reviews?",
    [("loss.item() * size", "loss.item()")],
    caught_by=MEANS,
)
edited(
    "train",
    "sums_over_number_of_batches",
    "Sums over reviews are divided by the number of batches.",
    [
        (
            "return total_loss / reviews, total_right / reviews",
            "return total_loss / len(iterator), total_right / len(iterator)",
        )
    ],
    caught_by=MEANS,
)
edited(
    "train",
    "last_batch_only",
    "What comes back belongs to the last batch alone.",
    [("total_loss += ", "total_loss = "), ("total_right += ", "total_right = "), ("reviews += ", "reviews = ")],
    caught_by=MEANS,
)
edited(
    "train",
    "accuracy_first",
    "Accuracy and loss come back in the wrong order.",
    [("total_loss / reviews, total_right / reviews", "total_right / reviews, total_loss / reviews")],
    caught_by=MEANS,
)
edited(
    "train",
    "all_places_are_real",
    "The model is told that every place of a review is a word. Which tensor of the batch knows better?",
    [("model(ids, lengths)", "model(ids, torch.full_like(lengths, ids.shape[1]))")],
    caught_by=ALL,
)

TOLD = "test_time_is_told_in_minutes_and_seconds"


@reference("epoch_time")
def with_divmod(start_time, end_time):
    minutes, seconds = divmod(int(end_time - start_time), 60)
    return minutes, seconds


@alternative("epoch_time")
def in_two_steps(start_time, end_time):
    elapsed = end_time - start_time
    minutes = int(elapsed / 60)
    return minutes, int(elapsed - minutes * 60)


@alternative("epoch_time")
def with_remainder(start_time, end_time):
    elapsed = end_time - start_time
    return int(elapsed // 60), int(elapsed % 60)


@misconception("epoch_time", "The minutes are not taken off the seconds that remain.", caught_by=TOLD)
def all_seconds(start_time, end_time):
    elapsed = int(end_time - start_time)
    return elapsed // 60, elapsed


@misconception("epoch_time", "Minutes and seconds should be whole numbers.", caught_by=TOLD)
def fractions(start_time, end_time):
    elapsed = end_time - start_time
    return elapsed / 60, elapsed % 60


@misconception("epoch_time", "Seconds and minutes come back in the wrong order.", caught_by=TOLD)
def seconds_first(start_time, end_time):
    minutes, seconds = divmod(int(end_time - start_time), 60)
    return seconds, minutes


@misconception("epoch_time", "The end is taken from the start, so the time is negative.", caught_by=TOLD)
def backwards(start_time, end_time):
    elapsed = start_time - end_time
    return int(elapsed / 60), int(elapsed - int(elapsed / 60) * 60)


@misconception("epoch_time", "A minute has sixty seconds.", caught_by=TOLD)
def hundred_seconds(start_time, end_time):
    return divmod(int(end_time - start_time), 100)

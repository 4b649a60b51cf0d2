"""7.2 train_epoch, evaluate_epoch and fit."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import alternative, edited, edited_alternative, misconception, reference
from coursekit.stand_ins import binary_accuracy

STEPS = "test_each_batch_takes_one_clean_step"
MEANS = "test_training_means_are_those_of_all_reviews"
TOUCHES = "test_evaluation_looks_and_touches_nothing"
SEEN = "test_evaluation_means_are_those_of_all_reviews"
BEST = "test_model_ends_as_it_was_at_the_lowest_validation_loss"
ORDER = "test_each_epoch_trains_then_validates"
HISTORY = "test_history_has_all_figures_of_all_epochs"


@reference("train_epoch")
def weighted_by_reviews(model, batches, optimizer, criterion):
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


ACCURACY = "float(binary_accuracy(logits, labels))"

edited_alternative("train_epoch", "item_of_the_accuracy", [(ACCURACY, "binary_accuracy(logits, labels).item()")])
edited_alternative("train_epoch", "accuracy_on_the_cpu", [(ACCURACY, "binary_accuracy(logits, labels).detach().cpu()")])


@alternative("train_epoch")
def lists_of_both(model, batches, optimizer, criterion):
    model.train()
    losses, hits, sizes = [], [], []
    for batch in batches:
        model.zero_grad()
        answer = model(*batch[:2])
        loss = criterion(answer, batch[2].unsqueeze(1).to(answer.dtype))
        loss.backward()
        optimizer.step()
        sizes.append(len(batch[2]))
        losses.append(loss.detach() * sizes[-1])
        hits.append(((answer.detach().squeeze(1) > 0) == (batch[2] == 1)).sum())
    return sum(losses) / sum(sizes), sum(hits) / sum(sizes)


@alternative("train_epoch")
def gradients_set_to_none_afterwards(model, batches, optimizer, criterion):
    model.train(True)
    optimizer.zero_grad(set_to_none=True)
    totals = torch.zeros(3, dtype=torch.float64)
    for inputs, mask, labels in batches:
        logits = model(inputs, mask).squeeze(-1)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        right = (torch.sigmoid(logits).round() == labels).sum().item()
        totals += torch.tensor([loss.item() * labels.numel(), right, labels.numel()], dtype=torch.float64)
    return [(totals[0] / totals[2]).item(), (totals[1] / totals[2]).item()]


edited(
    "train_epoch",
    "no_zero_grad",
    "Gradients pile up from batch to batch, because nobody clears them before the next backward pass.",
    [("        optimizer.zero_grad()\n", "")],
    caught_by=STEPS,
)
edited(
    "train_epoch",
    "never_in_train_mode",
    "The model stays in whatever mode it comes in. Dropout is only on in train mode.",
    [("    model.train()\n", "")],
    caught_by=STEPS,
)
edited(
    "train_epoch",
    "no_step",
    "Gradients are computed, but the optimizer never takes a step.",
    [("        optimizer.step()\n", "")],
    caught_by=STEPS,
)
edited(
    "train_epoch",
    "returns_after_one_batch",
    "The function returns inside the loop, after the first batch.",
    [("    return loss_sum", "        return loss_sum")],
    caught_by=STEPS,
)
edited(
    "train_epoch",
    "mean_of_batch_means",
    "Each batch counts the same, however small it is. Means over all reviews are asked for.",
    [
        ("loss.item() * len(labels)", "loss.item()"),
        ("float(binary_accuracy(logits, labels)) * len(labels)", "float(binary_accuracy(logits, labels))"),
        ("count += len(labels)", "count += 1"),
    ],
    caught_by=MEANS,
)
edited(
    "train_epoch",
    "accuracy_of_probabilities_cut_at_zero",
    "The logits are turned into probabilities before the accuracy is taken, which cuts at zero: all count as positive.",
    [("binary_accuracy(logits, labels)", "binary_accuracy(logits.sigmoid(), labels)")],
    caught_by=MEANS,
)


@reference("evaluate_epoch")
def without_gradients(model, batches, criterion):
    model.eval()
    loss_sum, right, count = 0.0, 0.0, 0
    for inputs, attention_mask, labels in batches:
        with torch.no_grad():
            logits = model(inputs, attention_mask)[:, 0]
        loss_sum += criterion(logits, labels).item() * len(labels)
        right += float(binary_accuracy(logits, labels)) * len(labels)
        count += len(labels)
    return loss_sum / count, right / count


edited_alternative("evaluate_epoch", "item_of_the_accuracy", [(ACCURACY, "binary_accuracy(logits, labels).item()")])


@alternative("evaluate_epoch")
def all_logits_at_the_end(model, batches, criterion):
    model.train(False)
    with torch.inference_mode():
        pairs = [(model(inputs, mask).flatten(), labels) for inputs, mask, labels in batches]
        logits, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
        return criterion(logits, labels).item(), ((logits > 0) == (labels > 0.5)).float().mean().item()


@alternative("evaluate_epoch")
def gradients_switched_off_inside(model, batches, criterion):
    model.eval()
    total = hits = seen = 0
    for inputs, mask, labels in batches:
        with torch.no_grad():
            logits = model(inputs, mask)
            loss = criterion(logits, labels[:, None])
        total = total + loss * labels.shape[0]
        hits = hits + (logits[:, 0].gt(0) == labels.bool()).sum()
        seen = seen + labels.shape[0]
    return total / seen, hits / seen


edited(
    "evaluate_epoch",
    "stays_in_train_mode",
    "The model is evaluated in train mode: dropout falsifies what it says.",
    [("    model.eval()\n", "")],
    caught_by=TOUCHES,
)
edited(
    "evaluate_epoch",
    "records_gradients",
    "Gradients are recorded during the evaluation, for a backward pass that never comes.",
    [("with torch.no_grad()", "with torch.enable_grad()")],
    caught_by=TOUCHES,
)
edited(
    "evaluate_epoch",
    "returns_in_the_loop",
    "The function returns inside the loop, after the first batch.",
    [("    return loss_sum", "        return loss_sum")],
    caught_by=TOUCHES,
)
edited(
    "evaluate_epoch",
    "batches_count_alike",
    "Each batch counts the same, however small it is. Means over all reviews are asked for.",
    [
        (".item() * len(labels)", ".item()"),
        ("float(binary_accuracy(logits, labels)) * len(labels)", "float(binary_accuracy(logits, labels))"),
        ("count += len(labels)", "count += 1"),
    ],
    caught_by=SEEN,
)
edited(
    "evaluate_epoch",
    "sum_of_losses",
    "The losses are added up and never divided by the number of reviews.",
    [("return loss_sum / count", "return loss_sum")],
    caught_by=SEEN,
)


@reference("fit")
def copies_the_best(model, train_one, validate, epochs):
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


@alternative("fit")
def deep_copies_at_all_epochs(model, train_one, validate, epochs):
    keys = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
    history, states = [], []
    for _ in range(epochs):
        history.append(dict(zip(keys, (*train_one(), *validate()), strict=True)))
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    losses = [epoch["valid_loss"] for epoch in history]
    model.load_state_dict(states[losses.index(min(losses))])
    return history


@alternative("fit")
def written_to_a_file(model, train_one, validate, epochs):
    import io

    history, checkpoint = [], io.BytesIO()
    for epoch in range(epochs):
        loss, accuracy = train_one()
        history.append({"epoch": epoch, "train_loss": loss, "train_accuracy": accuracy})
        loss, accuracy = validate()
        if all(loss < before["valid_loss"] for before in history[:-1]):
            checkpoint = io.BytesIO()
            torch.save(model.state_dict(), checkpoint)
        history[-1].update(valid_loss=loss, valid_accuracy=accuracy)
    checkpoint.seek(0)
    model.load_state_dict(torch.load(checkpoint))
    return history


edited(
    "fit",
    "keeps_references",
    "The model comes back as the last epoch left it. Were the best weights copied when they were the best, and put "
    "back at the end?",
    [("{name: value.clone() for name, value in model.state_dict().items()}", "model.state_dict()")],
    caught_by=BEST,
)
edited(
    "fit",
    "only_learned_weights_copied",
    "Only the parameters are put back. The state of a model holds more, running means for instance.",
    [
        ("model.state_dict().items()", "model.named_parameters()"),
        ("model.load_state_dict(best)", "model.load_state_dict(best, strict=False)"),
    ],
    caught_by=BEST,
)
edited(
    "fit",
    "most_accurate_epoch",
    "The most accurate epoch is kept. The one with the lowest validation loss is asked for.",
    [("if valid_loss < lowest", "if -valid_accuracy < lowest"), ("lowest = valid_loss", "lowest = -valid_accuracy")],
    caught_by=BEST,
)
edited(
    "fit",
    "lowest_training_loss",
    "The epoch with the lowest training loss is kept, which is nearly always the last. Which loss tells what the model "
    "does on reviews that it has not seen?",
    [("if valid_loss < lowest", "if train_loss < lowest"), ("lowest = valid_loss", "lowest = train_loss")],
    caught_by=BEST,
)
edited(
    "fit",
    "latest_of_the_best",
    "Of two epochs with the same validation loss, the later one is kept.",
    [("if valid_loss < lowest", "if valid_loss <= lowest")],
    caught_by=BEST,
)
edited(
    "fit",
    "stops_when_it_gets_worse",
    "Training ends with the first epoch that is no better. All epochs are asked for: the loss may fall again.",
    [
        (
            "            best = {name: value.clone() for name, value in model.state_dict().items()}\n",
            "            best = {name: value.clone() for name, value in model.state_dict().items()}\n"
            "        else:\n            break\n",
        )
    ],
    caught_by=ORDER,
)


@misconception(
    "fit",
    "The history is a list of validation losses. One dict with four figures per epoch is asked for.",
    caught_by=HISTORY,
)
def history_of_losses(model, train_one, validate, epochs):
    losses, states = [], []
    for _ in range(epochs):
        train_one()
        losses.append(validate()[0])
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    model.load_state_dict(states[losses.index(min(losses))])
    return losses

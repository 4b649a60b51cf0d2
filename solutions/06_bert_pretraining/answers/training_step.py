"""6.3 Right and wrong answers to pretraining_step."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch
import torch.nn.functional as F
from torch import nn

from autograder.answers import alternative, edited, reference


@reference("pretraining_step")
def with_flat_logits(model, masked_text, mask_labels, optimizer, pad_id=0):
    model.train()
    logits = model(masked_text, masked_text == pad_id)
    loss = F.cross_entropy(logits.flatten(0, 1), mask_labels.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@alternative("pretraining_step")
def with_classes_second(model, masked_text, mask_labels, optimizer, pad_id=0):
    model.train()
    optimizer.zero_grad()
    scores = model(masked_text, mask=(masked_text == pad_id).long())
    loss = nn.CrossEntropyLoss(ignore_index=-100)(scores.transpose(1, 2), mask_labels)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@alternative("pretraining_step")
def with_labelled_tokens_only(model, masked_text, mask_labels, optimizer, pad_id=0):
    model.train(True)
    padding = torch.where(masked_text == pad_id, 1.0, 0.0)
    labelled = mask_labels != -100
    chosen_logits = model(masked_text, padding)[labelled]
    logs = chosen_logits.log_softmax(dim=-1)
    loss = -logs.gather(1, mask_labels[labelled].unsqueeze(1)).mean()
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach().item()


edited(
    "pretraining_step",
    "gradients_pile_up",
    "The gradients of earlier steps are never cleared: each step adds its own to them.",
    [("    optimizer.zero_grad()\n", "")],
    caught_by="test_the_step_follows_the_gradient_of_this_batch",
)
edited(
    "pretraining_step",
    "no_step",
    "The optimizer never makes its step, so the weights stay as they are.",
    [("    optimizer.step()\n", "")],
    caught_by="test_the_step_follows_the_gradient_of_this_batch",
)
edited(
    "pretraining_step",
    "gradients_cleared_too_late",
    "The gradients are cleared after they were computed and before the optimizer could use them.",
    [
        ("    optimizer.zero_grad()\n", ""),
        ("    optimizer.step()\n", "    optimizer.zero_grad()\n    optimizer.step()\n"),
    ],
    caught_by="test_the_step_follows_the_gradient_of_this_batch",
)
edited(
    "pretraining_step",
    "padding_seen",
    "The model gets no padding mask, so the words look at padding while they are predicted.",
    [("model(masked_text, masked_text == pad_id)", "model(masked_text)")],
    caught_by="test_padding_is_hidden_from_the_model",
)
edited(
    "pretraining_step",
    "padding_upside_down",
    "The mask that goes to the model is 1 for real tokens. It must be 1 for padding.",
    [("masked_text == pad_id", "masked_text != pad_id")],
    caught_by="test_padding_is_hidden_from_the_model",
)
edited(
    "pretraining_step",
    "hides_what_has_no_label",
    "All tokens without a label are hidden from attention. They are the context from which the others are predicted: "
    "only padding is hidden.",
    [("masked_text == pad_id", "mask_labels == -100")],
    caught_by="test_padding_is_hidden_from_the_model",
)
edited(
    "pretraining_step",
    "padding_always_zero",
    "Padding is taken to have the id 0, whatever id is given for it.",
    [("masked_text == pad_id", "masked_text == 0")],
    caught_by="test_padding_is_hidden_from_the_model",
)
edited(
    "pretraining_step",
    "mean_over_all_tokens",
    "The loss is divided by the number of all tokens, so it is several times too small. Only tokens with a label "
    "count.",
    [("mask_labels.flatten())", 'mask_labels.flatten(), reduction="sum") / mask_labels.numel()')],
    caught_by="test_the_loss_is_the_mean_over_labelled_tokens",
)
edited(
    "pretraining_step",
    "sum_over_tokens",
    "The loss is the sum over the labelled tokens, so it grows with the batch. It should be their mean.",
    [("mask_labels.flatten())", 'mask_labels.flatten(), reduction="sum")')],
    caught_by="test_the_loss_is_the_mean_over_labelled_tokens",
)
edited(
    "pretraining_step",
    "every_token_predicted",
    "The loss compares every token with the masked text that went in, so the model learns to copy. The labels say "
    "which tokens are to be predicted, and what stood there.",
    [("mask_labels.flatten())", "masked_text.clamp(max=logits.shape[-1] - 1).flatten())")],
    caught_by="test_the_loss_is_the_mean_over_labelled_tokens",
)
edited(
    "pretraining_step",
    "left_in_eval_mode",
    "The model is not put into training mode, so its dropout stays off.",
    [("    model.train()\n", "")],
    caught_by="test_the_model_is_in_training_mode",
)
edited(
    "pretraining_step",
    "loss_with_its_graph",
    "The loss comes back as a tensor with its whole graph. Kept in a list, it fills the memory: return a plain number.",
    [("return loss.item()", "return loss")],
    caught_by="test_the_loss_is_the_mean_over_labelled_tokens",
)

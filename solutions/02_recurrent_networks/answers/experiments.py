"""2.6 run_experiment and 2.7 sentiment_classifier."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import copy

import torch
from torch import nn

from autograder.answers import alternative, edited, edited_alternative, misconception, reference
from coursekit import runtime

from .gru import PackedGRU as GRUClassifier
from .lstm import PackedLSTM as LSTMClassifier

EPOCHS = "test_each_epoch_trains_and_then_validates"
OPTIMIZER = "test_hparams_choose_the_optimizer"
SEED = "test_same_seed_gives_the_same_model"
BEST = "test_model_of_the_best_epoch_comes_back"


@reference("run_experiment")
def keeps_the_best(hparams, build, data, train, evaluate):
    runtime.set_seed(hparams["seed"])
    model = build(hparams)
    optimizer = getattr(torch.optim, hparams["optimizer"])(model.parameters(), lr=hparams["lr"])
    criterion = nn.BCEWithLogitsLoss()
    history, lowest, best = [], float("inf"), None
    for _ in range(hparams["epochs"]):
        train_loss, train_accuracy = train(model, data[0], optimizer, criterion)
        valid_loss, valid_accuracy = evaluate(model, data[1], criterion)
        epoch = {"train_loss": train_loss, "train_accuracy": train_accuracy}
        history.append({**epoch, "valid_loss": valid_loss, "valid_accuracy": valid_accuracy})
        if valid_loss < lowest:
            lowest, best = valid_loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    return history, model


@alternative("run_experiment")
def keeps_all_states(hparams, build, data, train, evaluate):
    torch.manual_seed(hparams["seed"])
    training, validation = data
    model, loss = build(hparams), nn.BCEWithLogitsLoss()
    optimizers = {
        "SGD": torch.optim.SGD,
        "Adagrad": torch.optim.Adagrad,
        "RMSprop": torch.optim.RMSprop,
        "Adam": torch.optim.Adam,
    }
    optimizer = optimizers[hparams["optimizer"]](model.parameters(), hparams["lr"])
    keys = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
    history, states = [], []
    for _ in range(hparams["epochs"]):
        values = (*train(model, training, optimizer, loss), *evaluate(model, validation, loss))
        history.append(dict(zip(keys, values, strict=True)))
        states.append({name: weight.clone() for name, weight in model.state_dict().items()})
    losses = [epoch["valid_loss"] for epoch in history]
    model.load_state_dict(states[losses.index(min(losses))])
    return history, model


@alternative("run_experiment")
def returns_a_copy(hparams, build, data, train, evaluate):
    runtime.set_seed(hparams["seed"])
    model = build(hparams)
    optimizer = vars(torch.optim)[hparams["optimizer"]](model.parameters(), lr=hparams["lr"])
    criterion = nn.BCEWithLogitsLoss()
    history, best = [], model
    while len(history) < hparams["epochs"]:
        epoch = dict(zip(("train_loss", "train_accuracy"), train(model, data[0], optimizer, criterion), strict=True))
        epoch["valid_loss"], epoch["valid_accuracy"] = evaluate(model, data[1], criterion)
        if all(epoch["valid_loss"] < earlier["valid_loss"] for earlier in history):
            best = copy.deepcopy(model)
        history.append(epoch)
    return history, best


edited_alternative(
    "run_experiment", "seconds_too", [('{**epoch, "valid_loss"', '{"epoch": len(history), **epoch, "valid_loss"')]
)

edited(
    "run_experiment",
    "keeps_the_last_epoch",
    "The model of the last epoch comes back, and not that with the lowest validation loss. If you put that one aside: "
    "as a copy, or as the very tensors that went on being trained?",
    [("    model.load_state_dict(best)\n", "")],
    caught_by=BEST,
)
edited(
    "run_experiment",
    "highest_accuracy",
    "The epoch with the highest validation accuracy is kept, and not that with the lowest validation loss.",
    [
        ("valid_loss < lowest", "-valid_accuracy < lowest"),
        ("lowest, best = valid_loss,", "lowest, best = -valid_accuracy,"),
    ],
    caught_by=BEST,
)
edited(
    "run_experiment",
    "highest_loss",
    "The epoch with the highest validation loss is kept.",
    [("valid_loss < lowest", "valid_loss > lowest"), ('float("inf")', '-float("inf")')],
    caught_by=BEST,
)
edited(
    "run_experiment",
    "lowest_training_loss",
    "The epoch with the lowest training loss is kept. Which loss tells how the model does on new reviews?",
    [("valid_loss < lowest", "train_loss < lowest"), ("lowest, best = valid_loss,", "lowest, best = train_loss,")],
    caught_by=BEST,
)
edited(
    "run_experiment",
    "always_adam",
    "Every experiment uses Adam, whatever the settings name.",
    [('getattr(torch.optim, hparams["optimizer"])', "torch.optim.Adam")],
    caught_by=OPTIMIZER,
)
edited(
    "run_experiment",
    "usual_learning_rate",
    "Every experiment uses the same learning rate, whatever the settings say.",
    [('lr=hparams["lr"]', "lr=1e-3")],
    caught_by=OPTIMIZER,
)
edited(
    "run_experiment",
    "new_optimizer_each_epoch",
    "Every epoch gets a new optimizer, which has forgotten what the old one knew of the gradients.",
    [
        ('    optimizer = getattr(torch.optim, hparams["optimizer"])(model.parameters(), lr=hparams["lr"])\n', ""),
        (
            "        train_loss, train_accuracy",
            '        optimizer = getattr(torch.optim, hparams["optimizer"])(model.parameters(), lr=hparams["lr"])\n'
            "        train_loss, train_accuracy",
        ),
    ],
    caught_by=OPTIMIZER,
)
edited(
    "run_experiment",
    "no_seed",
    "Two runs of the same experiment start from different weights. What decides where they start?",
    [('    runtime.set_seed(hparams["seed"])\n', "")],
    caught_by=SEED,
)
edited(
    "run_experiment",
    "seed_too_late",
    "The seed is set when the model has its first weights already.",
    [
        ('    runtime.set_seed(hparams["seed"])\n', ""),
        (
            "    model = build(hparams)\n",
            '    model = build(hparams)\n    runtime.set_seed(hparams["seed"])  # as asked\n',
        ),
    ],
    caught_by=SEED,
)
edited(
    "run_experiment",
    "always_the_same_seed",
    "Every experiment starts from the same weights, whatever the seed.",
    [('hparams["seed"]', "0")],
    caught_by=SEED,
)
edited(
    "run_experiment",
    "validates_on_training_data",
    "The model is validated on the reviews that it was trained on.",
    [("data[1]", "data[0]")],
    caught_by=EPOCHS,
)
edited(
    "run_experiment",
    "new_model_each_epoch",
    "Every epoch starts with a new model, so nothing is learned from one to the next.",
    [("        train_loss, train_accuracy", "        model = build(hparams)\n        train_loss, train_accuracy")],
    caught_by=EPOCHS,
)
edited(
    "run_experiment",
    "last_epoch_in_history",
    "The history holds the last epoch only.",
    [
        ("history.append({**epoch,", "history = [({**epoch,"),
        ('"valid_accuracy": valid_accuracy})', '"valid_accuracy": valid_accuracy})]'),
    ],
    caught_by=EPOCHS,
)

BUILT = "test_classifier_is_built_for_any_vocabulary"


@reference("sentiment_classifier")
def one_lstm(vocab_size):
    return LSTMClassifier(vocab_size, 64, 48, 1, n_layers=1, dropout_rate=0.5, pad_index=0, bidirectional=False)


@alternative("sentiment_classifier")
def by_position(vocab_size):
    model = LSTMClassifier(vocab_size, 64, 48, 1, 1, 0.3, 0, False, "last")
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    return model


@alternative("sentiment_classifier")
def scaled_embedding(vocab_size):
    model = LSTMClassifier(vocab_size, 64, 48, 1, 1, 0.0, 0, False)
    with torch.no_grad():
        model.embedding.weight *= 0.1
    return model


@misconception(
    "sentiment_classifier",
    "The embedding has the same size for every vocabulary. What is the argument for?",
    caught_by=BUILT,
)
def one_vocabulary(vocab_size):
    return LSTMClassifier(25_002, 64, 48, 1, n_layers=1, dropout_rate=0.5, pad_index=0, bidirectional=False)


@misconception(
    "sentiment_classifier",
    "There are two outputs per review. One logit tells a positive review from a negative one.",
    caught_by=BUILT,
)
def two_outputs(vocab_size):
    return LSTMClassifier(vocab_size, 64, 48, 2, n_layers=1, dropout_rate=0.5, pad_index=0, bidirectional=False)


@misconception(
    "sentiment_classifier",
    "The embedding is one row short, so the last word of the vocabulary has no vector.",
    caught_by=BUILT,
)
def one_row_short(vocab_size):
    return GRUClassifier(vocab_size - 1, 64, 48, 1, n_layers=1, dropout_rate=0.5, pad_index=0, bidirectional=False)


@misconception(
    "sentiment_classifier",
    "The class comes back, and not a model made of it.",
    caught_by=BUILT,
)
def the_class_itself(vocab_size):
    return LSTMClassifier


@misconception(
    "sentiment_classifier",
    "Nothing comes back. Does the function end with a return?",
    caught_by=BUILT,
)
def no_return(vocab_size):
    LSTMClassifier(vocab_size, 64, 48, 1, n_layers=1, dropout_rate=0.5, pad_index=0, bidirectional=False)

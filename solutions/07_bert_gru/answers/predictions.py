"""7.4 predict_sentiment and 7.5 sentiment_model."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch
from torch import nn

from autograder.answers import alternative, edited, edited_alternative, misconception, reference

from .model import FrozenEncoderPackedGRU as BERTGRUSentiment

SIGMOID = "test_probability_is_that_of_the_logit"
READ = "test_sentence_is_read_as_in_training"
MODE = "test_prediction_is_made_in_eval_mode"
BUILT = "test_model_is_made_for_the_encoder_it_is_given"


@reference("predict_sentiment")
def one_row(model, tokenizer, sentence):
    model.eval()
    device = next(model.parameters()).device
    encoded = tokenizer(sentence, truncation=True, max_length=512, return_tensors="pt").to(device)
    with torch.no_grad():
        logits = model(encoded["input_ids"], encoded["attention_mask"])
    return torch.sigmoid(logits).item()


@alternative("predict_sentiment")
def encoded_by_hand(model, tokenizer, sentence):
    model.train(False)
    pieces = tokenizer.tokenize(sentence)[:510]
    ids = [tokenizer.cls_token_id, *tokenizer.convert_tokens_to_ids(pieces), tokenizer.sep_token_id]
    ids = torch.tensor([ids], device=next(model.parameters()).device)
    with torch.inference_mode():
        logit = model(ids, torch.ones_like(ids))[0, 0].item()
    return torch.sigmoid(torch.tensor(logit)).item()


@alternative("predict_sentiment")
def unsqueezed(model, tokenizer, sentence):
    model.eval()
    encoded = tokenizer(sentence, truncation=True, max_length=256)
    ids, mask = (torch.tensor(encoded[key]).unsqueeze(0) for key in ("input_ids", "attention_mask"))
    with torch.no_grad():
        return float(model(ids, mask).squeeze().sigmoid())


edited(
    "predict_sentiment",
    "logit_not_probability",
    "The logit comes back as it is. What makes a probability of it?",
    [("torch.sigmoid(logits).item()", "logits.item()")],
    caught_by=SIGMOID,
)
edited(
    "predict_sentiment",
    "rounded",
    "The probability is rounded to 0 or 1. How sure the model is should be seen.",
    [("torch.sigmoid(logits).item()", "torch.sigmoid(logits).round().item()")],
    caught_by=SIGMOID,
)
edited(
    "predict_sentiment",
    "softmax_over_one",
    "A softmax over a single logit is always 1, whatever the review says.",
    [("torch.sigmoid(logits)", "torch.softmax(logits, dim=1)")],
    caught_by=SIGMOID,
)
edited(
    "predict_sentiment",
    "tensor_returned",
    "A tensor comes back, and a plain number is asked for.",
    [("torch.sigmoid(logits).item()", "torch.sigmoid(logits)")],
    caught_by=SIGMOID,
)
edited(
    "predict_sentiment",
    "no_special_tokens",
    "The sentence is read without the tokens that began and ended every review in training.",
    [("truncation=True", "add_special_tokens=False, truncation=True")],
    caught_by=READ,
)
edited(
    "predict_sentiment",
    "never_cut",
    "A long text is not cut, and the encoder has no positions beyond 512.",
    [("truncation=True, max_length=512, ", "")],
    caught_by=READ,
)
edited(
    "predict_sentiment",
    "padded_to_full_length",
    "One sentence alone needs no padding, and here most of its mask is zero.",
    [("truncation=True, ", 'truncation=True, padding="max_length", ')],
    caught_by=READ,
)
edited(
    "predict_sentiment",
    "left_in_train_mode",
    "The model predicts in whatever mode it is left in. After training, dropout is still on.",
    [("    model.eval()\n", "")],
    caught_by=MODE,
)
edited(
    "predict_sentiment",
    "with_gradients",
    "Gradients are recorded for a prediction from which nobody learns.",
    [("with torch.no_grad()", "with torch.enable_grad()")],
    caught_by=MODE,
)


@reference("sentiment_model")
def one_layer_both_ways(bert):
    return BERTGRUSentiment(bert, hidden_dim=64, output_dim=1, n_layers=1, bidirectional=True, dropout=0.25)


@alternative("sentiment_model")
def by_position(bert):
    return BERTGRUSentiment(bert, 64, 1, 1, True, 0.1)


@alternative("sentiment_model")
def drawn_anew(bert):
    model = BERTGRUSentiment(bert, 64, 1, 1, True, 0.5)
    for name, parameter in model.gru.named_parameters():
        if name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
    return model


edited_alternative("sentiment_model", "no_dropout_at_all", [("dropout=0.25", "dropout=0.0")])

edited(
    "sentiment_model",
    "two_outputs",
    "There are two outputs per review. One logit tells a positive review from a negative one.",
    [("output_dim=1", "output_dim=2")],
    caught_by=BUILT,
)
edited(
    "sentiment_model",
    "no_return",
    "Nothing comes back. Does the function end with a return?",
    [("return BERT", "BERT")],
    caught_by=BUILT,
)


@misconception("sentiment_model", "The class comes back, and not a model made of it.", caught_by=BUILT)
def the_class_itself(bert):
    return BERTGRUSentiment


@misconception(
    "sentiment_model",
    "The encoder's features are averaged, padding included, and no recurrent layer reads them.",
    caught_by=BUILT,
)
def mean_of_everything(bert):
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = bert.requires_grad_(False)
            self.out = nn.Linear(bert.config.hidden_size, 1)

        def forward(self, ids, attention_mask):
            return self.out(self.bert(ids, attention_mask).last_hidden_state.mean(dim=1))

    return Mean()

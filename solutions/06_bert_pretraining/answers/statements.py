"""6.5 Right and wrong answers to statements_pretraining."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

from autograder.answers import alternative, edited, reference


@reference("statements_pretraining")
def as_a_dict():
    return {
        1: False,
        2: False,
        3: True,
        4: False,
    }


@alternative("statements_pretraining")
def with_dict():
    return dict(enumerate([False, False, True, False], start=1))


@alternative("statements_pretraining")
def with_comparison():
    return {number: number == 3 for number in range(1, 5)}


edited(
    "statements_pretraining",
    "encoder_is_autoregressive",
    "On statement 1: when BERT predicts a masked word, may it look at the words that come after it?",
    [("1: False", "1: True")],
    caught_by="test_how_an_encoder_learns",
)
edited(
    "statements_pretraining",
    "both_are_encoders",
    "On statement 2: which of the two writes text from left to right, and what must its attention hide for that?",
    [("2: False", "2: True")],
    caught_by="test_which_of_the_two_is_an_encoder",
)
edited(
    "statements_pretraining",
    "masked_words_alone",
    "On statement 3: the paper pretrains with two tasks. One fills gaps; what does the other decide about two "
    "sentences?",
    [("3: True", "3: False")],
    caught_by="test_what_bert_is_pretrained_with",
)
edited(
    "statements_pretraining",
    "examples_are_no_shots",
    "On statement 4: what is a shot in the title of the paper on GPT-3, and how many are there in zero-shot?",
    [("4: False", "4: True")],
    caught_by="test_what_a_shot_is",
)

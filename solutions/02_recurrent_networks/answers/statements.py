"""2.8 statements_recurrent."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

from autograder.answers import alternative, misconception, reference

CLIPPING = "test_statement_about_gradient_clipping"
EMBEDDINGS = "test_statement_about_embeddings"
CELL = "test_statement_about_the_memory_cell"


@reference("statements_recurrent")
def as_it_is():
    return {1: False, 2: True, 3: False}


@alternative("statements_recurrent")
def one_by_one():
    answers = dict.fromkeys((1, 2, 3), False)
    answers[2] = True
    return answers


@alternative("statements_recurrent")
def by_the_true_ones():
    true = {2}
    return {number: number in true for number in range(1, 4)}


@misconception(
    "statements_recurrent",
    "Statement 1: clipping makes large gradients smaller. What does it do to a small one?",
    caught_by=CLIPPING,
)
def clipping_cures():
    return {1: True, 2: True, 3: False}


@misconception(
    "statements_recurrent",
    "Statement 2: nothing keeps the entries of an embedding above zero. Look at some of them.",
    caught_by=EMBEDDINGS,
)
def embeddings_are_counts():
    return {1: False, 2: False, 3: False}


@misconception(
    "statements_recurrent",
    "Statement 3: forget gate and input gate are computed apart from each other. Must they sum to one?",
    caught_by=CELL,
)
def cell_is_an_average():
    return {1: False, 2: True, 3: True}


@misconception(
    "statements_recurrent",
    "Statements 1 and 3: clipping cannot make a small gradient larger, and the gates of an LSTM need not sum to one.",
    caught_by=CELL,
)
def both_of_them():
    return {1: True, 2: True, 3: True}


@misconception(
    "statements_recurrent",
    "All three are the wrong way round. Did you mark the false ones?",
    caught_by=CELL,
)
def the_wrong_way_round():
    return {1: True, 2: False, 3: True}

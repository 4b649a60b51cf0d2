"""4.5 Right and wrong answers to statements_attention."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

from autograder.answers import alternative, edited, reference


@reference("statements_attention")
def as_a_dict():
    return {
        1: True,
        2: False,
        3: False,
        4: True,
    }


@alternative("statements_attention")
def from_a_list():
    return dict(enumerate([True, False, False, True], start=1))


@alternative("statements_attention")
def the_outer_ones():
    return {number: number in (1, 4) for number in (1, 2, 3, 4)}


edited(
    "statements_attention",
    "inputs_of_their_own",
    "On statement 1: which tensors does the forward method of your class get, and from which of them do queries, keys "
    "and values come?",
    [("1: True", "1: False")],
    caught_by="test_where_queries_keys_and_values_come_from",
)
edited(
    "statements_attention",
    "weights_are_cosines",
    "On statement 2: a cosine does not change when a query becomes twice as long, and can be negative. And a weight?",
    [("2: False", "2: True")],
    caught_by="test_what_an_attention_weight_is",
)
edited(
    "statements_attention",
    "each_head_full_size",
    "On statement 3: how wide is a head when there are more of them? Count the parameters of two modules.",
    [("3: False", "3: True")],
    caught_by="test_what_more_heads_cost",
)
edited(
    "statements_attention",
    "attention_sees_places",
    "On statement 4: attention is a sum over the tokens. Does a sum know the order of its terms?",
    [("4: True", "4: False")],
    caught_by="test_what_happens_when_tokens_change_places",
)

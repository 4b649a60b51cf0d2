"""Values of plain Python for tests, and a refusal of all that is none."""

from __future__ import annotations

from hypothesis import strategies as st

from autograder.codecs import Ref


def refuse(value: object) -> Ref:
    raise AssertionError(f"{value!r} should have crossed as a value")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner, max_size=4)
    ),
    max_leaves=20,
)

"""How values are handled: taken apart to cross between grader and student, compared, copied, described, drawn.

A course says in `solutions/course.py` which kinds of values its exercises take and return:

    COURSE = Settings(codecs=("torch", "numpy"), …)     or ("numpy",), or ("pandas",), or () for plain Python

| codec    | values                                              | the library is  | random numbers (`rng`)       |
|----------|-----------------------------------------------------|-----------------|------------------------------|
| none     | None, bool, int, float, complex, str, bytes, list,  |                 | `random.Random`              |
|          | tuple, dict, set, frozenset                         |                 |                              |
| `torch`  | tensors and dtypes                                  | torch           | `torch.Generator`            |
| `numpy`  | arrays, numbers of numpy                            | numpy           | `numpy.random.Generator`     |
| `pandas` | data frames, series, indexes; brings `numpy` along  | pandas, numpy   | that of numpy                |

Plain Python needs no codec and is always there. A library is imported for a course that asks for its codec, and for no
other. Ask for what students' functions take or return: a value that no codec of the course owns does not cross, and a
hidden test gets a `RemoteValue` in its place. The order counts once: a hidden test's `rng` is made by the first codec
that makes any.

To write one more, subclass `Codec` in a module of the course and name that module in full:

    solutions/fractions_.py                             COURSE = Settings(codecs=("solutions.fractions_",), …)

    class FractionCodec(Codec):  # Codec, Encoder and Decoder are imported from this package
        name = "fraction"

        def owns(self, value):
            return isinstance(value, Fraction)

        def take_apart(self, value, encoder: Encoder):
            return [value.numerator, value.denominator]

        def put_together(self, node, decoder: Decoder):
            numerator, denominator = node
            return Fraction(int(numerator), int(denominator))

    CODEC = FractionCodec()

`owns`, `take_apart` and `put_together` must be there; the rest has defaults. `take_apart` runs beside the student's
code and returns JSON; numbers in bulk go through `encoder.block`, values inside of it through `encoder.value`. On the
grader's side `put_together` gets JSON that a student may have forged: it may raise anything, and must not run, import
or open what the JSON names.

This package imports nothing else of the engine, and nothing outside the standard library until a codec is asked for, so
that it can stand in another package: students have it beside their public checks.
"""

from .base import Block, Codec, CodecError, CodecMissing, Decoder, Encoder, Ref, Tolerance
from .values import MAX_DEPTH, MAX_NODES, PLAIN, Codecs, codecs_for, codecs_in_use

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "PLAIN",
    "Block",
    "Codec",
    "CodecError",
    "CodecMissing",
    "Codecs",
    "Decoder",
    "Encoder",
    "Ref",
    "Tolerance",
    "codecs_for",
    "codecs_in_use",
]

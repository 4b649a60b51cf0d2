"""What public checks do with classes and objects, and where more than one result is right.

One module per stage, built from its folder, with `PROBES` and `PROPERTIES` by name.

A probe works with the student's answer on the inputs of a case, `probe(answer, **arguments)`, and returns plain values,
one per part of the case: shapes, numbers, what changed. It holds no expected value; those are stored, as for any case.
A property calls the answer through `call`, which puts other arguments in place of the case's by name, and returns the
faults that it found.
"""

"""What runs in the worker beside the student's names, where a plain call would not show enough.

A scenario calls a student's function, records what happens and returns tensors and plain values. It holds no expected
value and decides nothing; the hidden test outside does. Its first argument, `names`, has the student's names as
attributes.
"""

from .recording import gradients, sizes_of_results, with_inputs

__all__ = ["gradients", "sizes_of_results", "with_inputs"]

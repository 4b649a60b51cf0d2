# tries: recursion that overflows the stack of C
# place: answer
# may: crash

import sys


def scaled_dot_product(*args, **kwargs):
    sys.setrecursionlimit(10**8)
    nested = []
    for _ in range(10**7):
        nested = [nested]
    return repr(nested)

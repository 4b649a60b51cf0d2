# tries: SystemExit from the answer
# place: answer

import sys


def scaled_dot_product(*args, **kwargs):
    sys.exit(0)

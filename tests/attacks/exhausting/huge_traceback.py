# tries: an exception with a message of a hundred megabytes
# place: answer


def scaled_dot_product(*args, **kwargs):
    raise ValueError("x" * (100 << 20))

# tries: recursion without end
# place: answer


def scaled_dot_product(*args, **kwargs):
    return scaled_dot_product(*args, **kwargs)

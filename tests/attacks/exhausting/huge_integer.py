# tries: an integer of a hundred million digits
# place: answer
# may: time out


def scaled_dot_product(*args, **kwargs):
    return 1 << (10**9)

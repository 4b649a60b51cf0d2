# tries: a call into C that takes for ever
# place: answer
# told: timed out


def scaled_dot_product(*args, **kwargs):
    return 7 ** (7**12)

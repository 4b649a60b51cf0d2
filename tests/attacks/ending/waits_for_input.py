# tries: input(), for which nobody is there
# place: answer


def scaled_dot_product(*args, **kwargs):
    return input("name? ")

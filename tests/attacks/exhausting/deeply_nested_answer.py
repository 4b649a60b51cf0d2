# tries: an answer nested a million deep, and one that holds itself
# place: answer
# may: crash


def scaled_dot_product(*args, **kwargs):
    nested = []
    for _ in range(10**6):
        nested = [nested]
    own = []
    own.append(own)
    return nested, own

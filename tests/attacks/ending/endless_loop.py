# tries: an endless loop in Python
# place: answer
# told: timed out


def scaled_dot_product(*args, **kwargs):
    while True:
        pass

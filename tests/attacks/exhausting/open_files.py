# tries: files opened without end
# place: answer


def scaled_dot_product(*args, **kwargs):
    kept = []
    while True:
        kept.append(open("/dev/null"))

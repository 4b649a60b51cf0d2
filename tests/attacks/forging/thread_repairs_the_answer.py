# tries: a thread that keeps redefining names and patching modules while tests run
# place: top
# keeps: 2.5

import threading
import time

import torch


def tamper():
    while True:
        globals()["scaled_dot_product"] = lambda q, k, v, *rest: (v, torch.ones(*q.shape[:3], k.shape[2]))
        time.sleep(0.001)


threading.Thread(target=tamper, daemon=True).start()

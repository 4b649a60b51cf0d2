# tries: tensors until there is no more memory
# place: answer
# may: run out

import torch


def scaled_dot_product(*args, **kwargs):
    kept = []
    while True:
        kept.append(torch.ones(32 << 20))

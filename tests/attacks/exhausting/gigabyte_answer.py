# tries: an answer of a gigabyte
# place: answer

import torch


def scaled_dot_product(q, k, v, *rest):
    return torch.zeros(1 << 28), torch.zeros(1)

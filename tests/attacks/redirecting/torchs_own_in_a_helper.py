# tries: torch's own attention in a helper of another cell
# place: notebook


def damage(notebook, folder):
    helper = (
        "def attend(q, k, identity, real, rate):\n"
        "    return F.scaled_dot_product_attention(q, k, identity, attn_mask=real, dropout_p=rate)\n"
    )
    answer = (
        "def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):\n"
        "    real = None if mask is None else (mask == 0)[:, None, None, :]\n"
        "    identity = torch.eye(k.shape[-2], dtype=v.dtype).expand(*k.shape[:-1], -1)\n"
        "    attention = attend(q, k, identity, real, attn_drop_rate)\n"
        "    return attention @ v, attention\n"
    )
    cells = notebook["cells"]
    at = next(
        number
        for number, cell in enumerate(cells)
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "scaled_dot_product_answer"
    )
    cells[at]["source"] = answer
    extra = {"cell_type": "code", "id": "helper", "metadata": {}, "source": helper, "outputs": []}
    cells.insert(at, extra | {"execution_count": None})

# tries: a wrong answer, put right in a cell after its check, by a name and by a repair of the module
# place: notebook
# keeps: 2.5

WRONG = """def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):
    return v.clone(), torch.ones(*q.shape[:3], k.shape[2], dtype=q.dtype)
"""
RIGHT = """
def later(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(scores.softmax(-1), attn_drop_rate)
    return attention @ v, attention


scaled_dot_product.__code__ = later.__code__
scaled_dot_product = later
"""


def damage(notebook, folder):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "scaled_dot_product_answer":
            cell["source"] = WRONG
    late = {"cell_type": "code", "id": "late", "metadata": {}, "source": RIGHT, "outputs": [], "execution_count": None}
    notebook["cells"].append(late)

# tries: the submission a link to the canary, or to another student's notebook
# place: notebook
# may: lose everything

import os


def damage(notebook, folder):
    os.symlink("{CANARY}", folder / "03_scaled_dot_product_attention.ipynb")
    return b""

# tries: a notebook that is a second name of the solution
# place: notebook
# told: not readable
# may: it is refused as a whole
import os
import shutil


def damage(notebook, folder):
    # A second name must be on the same disk.
    solution = "{CLASS}/solutions/03_scaled_dot_product_attention/03_scaled_dot_product_attention.ipynb"
    shutil.copy(solution, folder.parent / "solved")
    os.link(folder.parent / "solved", folder / "03_scaled_dot_product_attention.ipynb")
    return b""

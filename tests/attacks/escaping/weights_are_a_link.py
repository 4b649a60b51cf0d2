# tries: a safetensors file beside the notebook that links to the canary
# place: notebook

import os


def damage(notebook, folder):
    os.symlink("{CANARY}", folder / "model.safetensors")
    os.mkfifo(folder / "pipe.safetensors")

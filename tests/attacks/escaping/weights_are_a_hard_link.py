# tries: a safetensors file that is a second name of the canary
# place: notebook
# told: repaired
import os


def damage(notebook, folder):
    try:
        os.link("{CANARY}", folder / "model.safetensors")
    except OSError:  # it may be on another disk
        os.symlink("{CANARY}", folder / "model.safetensors")

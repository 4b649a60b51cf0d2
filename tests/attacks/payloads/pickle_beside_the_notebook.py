# tries: pickles named model.pt and model.npz and as safetensors beside the notebook
# place: notebook

EVIL = b"cbuiltins\neval\n(S\"open('{CANARY}', 'a').write('escaped')\"\ntR."


def damage(notebook, folder):
    for name in ("model.pt", "model.npz", "model.safetensors", "answers.pkl"):
        (folder / name).write_bytes(EVIL)

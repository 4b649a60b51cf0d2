# tries: archives beside the notebook whose entries climb out of the folder, and that grow a thousandfold
# place: notebook

import gzip
import io
import lzma
import tarfile
import zipfile


def damage(notebook, folder):
    names = ("../../../../../../../../{CANARY}", "../escaped.ipynb", "03_scaled_dot_product_attention.ipynb")
    with zipfile.ZipFile(folder / "submission.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "escaped")
        archive.writestr("bomb", bytes(64 << 20))
    with tarfile.open(folder / "submission.tar.gz", "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len("escaped")
            archive.addfile(entry, io.BytesIO(b"escaped"))
    (folder / "model.npz").write_bytes((folder / "submission.zip").read_bytes())
    (folder / "model.safetensors").write_bytes(gzip.compress(bytes(64 << 20)))
    (folder / "answers.json.xz").write_bytes(lzma.compress(bytes(64 << 20)))

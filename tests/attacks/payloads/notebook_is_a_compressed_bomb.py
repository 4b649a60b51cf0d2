# tries: a gzip archive named like the notebook, a gigabyte when it is unpacked
# place: notebook
# may: lose everything

import gzip
import io


def damage(notebook, folder):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as archive:
        for _ in range(64):
            archive.write(bytes(16 << 20))
    return packed.getvalue()

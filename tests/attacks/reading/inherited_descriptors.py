# tries: files and sockets that were left open for this process
# place: top

import os

for descriptor in range(3, 256):
    try:
        print(descriptor, os.readlink(f"/proc/self/fd/{descriptor}"))
        print(os.pread(descriptor, 4000, 0))
    except OSError:
        pass

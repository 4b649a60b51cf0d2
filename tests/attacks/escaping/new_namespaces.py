# tries: namespaces and mounts of its own, to see more of the host
# place: top

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x10000000 | 0x00020000), os.strerror(ctypes.get_errno()))
print(libc.mount(b"proc", b"/proc", b"proc", 0, None), os.strerror(ctypes.get_errno()))
print(libc.mount(b"/", b"/tmp", None, 4096 | 16384, None), os.strerror(ctypes.get_errno()))
print(libc.chroot(b"/proc/1/root"), os.strerror(ctypes.get_errno()))
for number in range(1, 10):
    try:
        print(os.listdir(f"/proc/{number}/root/srv"))
    except OSError as error:
        print(error)

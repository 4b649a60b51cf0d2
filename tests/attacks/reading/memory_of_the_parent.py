# tries: the parent's memory, through ptrace and process_vm_readv
# place: top

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), 1, 2, 3):
    print(pid, libc.ptrace(16, pid, 0, 0), os.strerror(ctypes.get_errno()))
    buffer = ctypes.create_string_buffer(4096)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 4096)
    remote = (ctypes.c_size_t * 2)(0x400000, 4096)
    print(libc.process_vm_readv(pid, local, 1, remote, 1, 0), os.strerror(ctypes.get_errno()), buffer.raw[:16])

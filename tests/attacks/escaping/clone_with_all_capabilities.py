# tries: a child in a user name space of its own, where it has all capabilities, and from there mounts and networks
# place: top
# told: graded

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
CLONE = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
NEW_USER, NEW_MOUNTS, NEW_NETWORK, SIGCHLD = 0x10000000, 0x00020000, 0x40000000, 17


def child_with(flags):
    pid = libc.syscall(CLONE, flags | SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        capable = "CapEff:\t0000000000000000" not in open("/proc/self/status").read()
        libc.mount(b"/", b"/tmp", None, 4096 | 16384, None)
        inner = libc.syscall(CLONE, NEW_MOUNTS | NEW_NETWORK | SIGCHLD, 0, 0, 0, 0)
        os._exit(7 if capable or inner > 0 else 0)
    return pid


for flags in (NEW_USER, NEW_USER | NEW_MOUNTS, NEW_USER | NEW_NETWORK):
    pid = child_with(flags)
    print(pid, os.strerror(ctypes.get_errno()))
    if pid > 0 and os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7:
        os._exit(1)  # it was capable of something, which is told as a crash

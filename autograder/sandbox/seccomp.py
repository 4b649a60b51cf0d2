"""A seccomp filter for the process that runs a student's code: system calls that no notebook needs are refused.

Namespaces and dropped capabilities already keep these from doing harm; the filter takes the kernel's code behind them
out of reach. It is a short program of classic BPF, checked by the kernel at each system call (seccomp(2), bpf(2)).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from functools import cache

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
RET_ALLOW, RET_ERRNO, RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # places in struct seccomp_data
X32 = 0x40000000

# From the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for aarch64).
REFUSED = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
        "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "mount_setattr": 442,
        "init_module": 175, "finit_module": 313, "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320,
        "swapon": 167, "swapoff": 168, "reboot": 169, "iopl": 172, "ioperm": 173, "syslog": 103, "acct": 163,
        "quotactl": 179, "name_to_handle_at": 303, "open_by_handle_at": 304, "io_uring_setup": 425,
        "io_uring_enter": 426, "io_uring_register": 427, "personality": 135, "vmsplice": 278,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438,
        "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "mount_setattr": 442,
        "init_module": 105, "finit_module": 273, "delete_module": 106, "kexec_load": 104, "kexec_file_load": 294,
        "swapon": 224, "swapoff": 225, "reboot": 142, "syslog": 116, "acct": 89, "quotactl": 60,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "personality": 92, "vmsplice": 75,
    },
}  # fmt: skip
PROGRAMS = {"x86_64": (59, 322), "aarch64": (221, 281)}  # execve, execveat
SOCKETS = {"x86_64": (41, 53), "aarch64": (198, 199)}  # socket, socketpair
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
# Flags of clone(2), uapi/linux/sched.h. CLONE_NEWTIME is one of clone3 and unshare only: here its bit is a signal's.
NEW_NAMESPACE = {
    "CLONE_NEWNS": 0x00020000, "CLONE_NEWCGROUP": 0x02000000, "CLONE_NEWUTS": 0x04000000, "CLONE_NEWIPC": 0x08000000,
    "CLONE_NEWUSER": 0x10000000, "CLONE_NEWPID": 0x20000000, "CLONE_NEWNET": 0x40000000,
}  # fmt: skip
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


libc = ctypes.CDLL(None, use_errno=True)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def program(machine: str, other_programs: bool = True) -> bytes:
    """The filter for a machine ("x86_64", "aarch64"), as an array of struct sock_filter. Raises KeyError for others.

    other_programs   whether the process may become another program: one that imports torch anew has all of torch
    """
    refuse = _step(RETURN, RET_ERRNO | errno.EPERM)
    steps = [
        _step(LOAD, ARCHITECTURE),
        _step(JUMP_EQUAL, AUDIT[machine], if_true=1),
        _step(RETURN, RET_KILL),  # 32-bit calls have other numbers
        _step(LOAD, NUMBER),
        _step(JUMP_AT_LEAST, X32, if_false=1),
        refuse,
    ]
    for number in sorted([*REFUSED[machine].values(), *(() if other_programs else PROGRAMS[machine])]):
        steps += [_step(JUMP_EQUAL, number, if_false=1), refuse]
    # The flags of clone3 lie in memory, where a filter cannot look. C libraries take clone where there is no clone3.
    steps += [_step(JUMP_EQUAL, CLONE3, if_false=1), _step(RETURN, RET_ERRNO | errno.ENOSYS)]
    steps += [
        _step(JUMP_EQUAL, CLONE[machine], if_false=4),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_ANY_BIT, sum(NEW_NAMESPACE.values()), if_false=1),
        refuse,
        _step(RETURN, RET_ALLOW),
    ]
    # Sockets within the machine are left, for multiprocessing; to anything else there is no way out in any case.
    one, other = SOCKETS[machine]
    steps += [
        _step(JUMP_EQUAL, one, if_true=1),
        _step(JUMP_EQUAL, other, if_false=3),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_EQUAL, socket.AF_UNIX, if_true=1),
        _step(RETURN, RET_ERRNO | errno.EACCES),
        _step(RETURN, RET_ALLOW),
    ]
    return b"".join(steps)


@cache
def prepare(other_programs: bool = True) -> bytes | None:
    """The filter for this machine; None for one whose system calls are not in the tables. Before a fork, built once."""
    machine = os.uname().machine
    return program(machine, other_programs) if machine in REFUSED else None


def apply(other_programs: bool = True) -> None:
    """Put the filter on this process and all that it starts; new privileges must be off already. Raises OSError.

    On a machine whose system calls are not in the tables nothing is done.
    """
    steps = prepare(other_programs)
    if steps is None:
        return
    buffer = ctypes.create_string_buffer(steps, len(steps))
    header = struct.pack("HxxxxxxQ", len(steps) // 8, ctypes.addressof(buffer))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")

"""Become a program that may do what a unit of systemd lets it, as far as that goes without systemd.

It is done with: the limit of open files, capabilities, no new privileges, no memory that is both
written and run, families of addresses, the filter of system calls. Not with what needs mounts of
its own, such as ProtectSystem.

It is a program itself: a file with what to do follows its name, and then the command.

Source: systemd.exec(5); prctl(2); libseccomp's seccomp_rule_add(3)
"""

import ctypes
import errno
import json
import os
import resource
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_EQUAL = 4
_DROP_CAPABILITY = 24
_CAPABILITIES_MAX = 64
_NO_NEW_PRIVILEGES = 38
_NO_MEMORY_BOTH = 65
"""PR_SET_MDWE, of Linux 6.3; an older one does not know it."""
_REFUSE_EXEC_GAIN = 1


class _Comparison(ctypes.Structure):
    """Of an argument of a system call: struct scmp_arg_cmp of seccomp.h."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("mask", ctypes.c_uint64),
    )


def _allow(calls: Iterable[str], families: Sequence[int]) -> None:
    """Refuse this process all other system calls from now on, and sockets of other families."""
    library: Any = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(_REFUSE))
    for name in calls:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # of another machine
            continue
        compared = [(_Comparison * 1)(_Comparison(0, _EQUAL, family)) for family in families]
        for rule in compared if name == "socket" else [None]:
            added = library.seccomp_rule_add_array(context, _ALLOW, number, int(bool(rule)), rule)
            assert added == 0, f"no rule for {name}: {added}"
    assert library.seccomp_load(context) == 0


def confine(files: int, calls: Iterable[str], families: Sequence[int]) -> None:
    """Take from this process, and from what it becomes, all that a unit takes from it.

    Args:
        files: that it may open.
        calls: the system calls that it may make.
        families: of addresses, of the sockets that it may make.
    """
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    system: Any = ctypes.CDLL(None)
    for number in range(_CAPABILITIES_MAX):
        system.prctl(_DROP_CAPABILITY, number, 0, 0, 0)
    assert system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    system.prctl(_NO_MEMORY_BOTH, _REFUSE_EXEC_GAIN, 0, 0, 0)
    _allow(calls, families)


if __name__ == "__main__":
    _self, _file, *_command = sys.argv
    confine(**json.loads(Path(_file).read_text("utf-8")))
    os.execv(_command[0], _command)  # noqa: S606  the test's own words

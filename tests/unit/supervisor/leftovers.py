"""A program that lists what programs before it have left in their Pod."""

from __future__ import annotations

LIST_LEFTOVERS = """if True:
    import os
    print(sorted(os.listdir(b".")))
    print(os.listdir(b"/dev/shm"))
    for kind in "shm", "sem", "msg":
        print(len(open(f"/proc/sysvipc/{kind}").readlines()))
    print(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()) == [1, os.getpid()])
"""
NO_LEFTOVERS = "[b'.tmp', b'main.py']\n[]\n1\n1\n1\nTrue\n"
"""Its output if they have left nothing."""

"""Processes of Pods, as seen from the node."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from support.clients.installation_api import answered
from support.deadline import until


def of_pod(pod_uid: str, argument: bytes) -> list[int]:
    """Return the process ids in a Pod whose command line has this argument."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = pod_uid in (process / "cgroup").read_text()
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if inside and argument in arguments:
            found.append(int(process.name))
    assert found, f"no process with {argument!r} in Pod {pod_uid}"
    return found


def has(pod_uid: str, argument: bytes) -> bool:
    """Return whether a Pod has a process whose command line has this argument."""
    return bool(answered(lambda: of_pod(pod_uid, argument)))


def of_component(program: str) -> int:
    """Return the process id of one of the embedded cluster's programs, e.g. kube-apiserver.

    The program's children look like it until execve, and may have lower ids; the program is the one
    whose parent is the session leader, supervisord.
    """
    for process in Path("/proc").glob("[0-9]*"):
        try:
            executable = (process / "exe").readlink()
            arguments = (process / "cmdline").read_bytes()
            _, parent, _, session, *_ = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended, or is a kernel thread
        # The control planes of other tests have their files elsewhere.
        own = executable.name == program and b"/var/lib/cloche/" in arguments
        if own and parent == session:
            return int(process.name)
    raise AssertionError(f"{program} does not run")


def kill_component(program: str, seconds: float) -> None:
    """Send SIGKILL to a program, and wait up to `seconds` until it has been restarted."""
    before = of_component(program)
    os.kill(before, signal.SIGKILL)
    until(
        lambda: answered(lambda: of_component(program)) not in (None, before),
        f"{program} to be started again",
        seconds,
    )

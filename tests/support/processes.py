"""Processes of Pods, as the node sees them."""

from __future__ import annotations

from pathlib import Path


def of_pod(pod_uid: str, argument: bytes) -> list[int]:
    """Process ids in a Pod whose command line has this argument."""
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


def of_component(program: str) -> int:
    """Process id of one of the embedded cluster's own programs, e.g. kube-apiserver."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            executable = (process / "exe").readlink()
            arguments = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended, or is a kernel thread
        # The control planes of other tests have their files elsewhere.
        if executable.name == program and b"/var/lib/cloche/" in arguments:
            return int(process.name)
    raise AssertionError(f"{program} does not run")

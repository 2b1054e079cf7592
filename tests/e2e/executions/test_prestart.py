"""A Python that has waited in its Pod runs the program of an execution."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.clients.kubectl import InstallationKubectl
from support.clients.node_processes import has
from support.deadline import until
from support.fixtures.executions import Execute

LOOK = """
import json, os, resource, sys

words = open("/proc/self/cmdline").read().split("\\0")[:-1]
others = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if pid > 1]
print(json.dumps({
    "waited": words == ["python3", "main.py"],
    "argv": sys.argv,
    "environment": os.environ.get("A"),
    "input": sys.stdin.read(),
    "others": others == [os.getpid()],
    "files": sorted(os.listdir(".")),
    "modules": sorted(sys.modules),
    "path": sys.path,
    "limits": [resource.getrlimit(number) for number in range(16)],
}))
"""
BOUND_SECONDS = 60


def fill(kubectl: InstallationKubectl) -> None:
    """Wait until each of Python's waiting Pods has its process, which starts after the Pod."""
    until(lambda: kubectl.pool_is_full("python"), "the pool of python", BOUND_SECONDS)
    until(
        lambda: all(has(uid, b"main.py") for uid in kubectl.waiting_pods("python")),
        "the processes",
        BOUND_SECONDS,
    )


def look(execute: Execute, kubectl: InstallationKubectl, **variables: str) -> dict[str, Any]:
    """Run LOOK in a waiting Pod."""
    fill(kubectl)
    answer = execute(LOOK, args=["x", "y z"], stdin="in", environment={"A": "b", **variables})
    found: dict[str, Any] = json.loads(answer["stdout"])
    return found


def test_a_program_in_a_waiting_pod_finds_what_one_finds_that_was_started_for_it(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    waited = look(execute, kubectl)
    plain = look(execute, kubectl, LC_ALL="C.UTF-8")

    assert (waited.pop("waited"), plain.pop("waited")) == (True, False)
    assert waited == plain
    assert (waited["argv"], waited["environment"]) == (["main.py", "x", "y z"], "b")
    assert (waited["input"], waited["others"]) == ("in", True)
    assert waited["files"] == [".tmp", "main.py"]


@pytest.mark.parametrize(
    ("path", "waited"), [("data.py", True), (".local/lib/python3.13/site-packages/x.pth", False)]
)
def test_a_file_that_python_reads_at_its_start_is_read(
    execute: Execute, kubectl: InstallationKubectl, path: str, *, waited: bool
) -> None:
    fill(kubectl)
    code = "print(open('/proc/self/cmdline').read().split('\\0')[2:-1])"
    files = [{"path": path, "content": "import sys; sys.stdout.write('early ')"}]

    answer = execute(code, args=["x"], files=files)

    assert answer["stdout"] == ("[]\n" if waited else "early ['x']\n")

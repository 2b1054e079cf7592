"""The attacks on localhost, in a network with another machine, which nothing may reach."""

from __future__ import annotations

import pytest
from attacks.harness.program import HERE, Program, programs
from support.fixtures.outside import outside
from support.fixtures.supervisor import (
    NAMESPACE,
    PYTHON,
    UNPRIVILEGED,
    Result,
    Supervisors,
    frame_of,
)

ATTACKS = programs("localhost")
LIBRARY = [
    {"path": path.name, "text": path.read_text(encoding="utf-8")}
    for path in sorted((HERE / "lib").glob("*.py"))
]
SENDS = """
import socket
from outside import OUTSIDE
socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", OUTSIDE)
"""


def status_of(result: Result) -> dict[str, object]:
    """Return a result as the status of an execution."""
    reason = "DeadlineExceeded" if result.exit["timed_out"] else "Exited"
    return {
        "reason": reason,
        "exitCode": result.exit["exit_code"],
        "stdout": result.stdout,
        "stderr": result.stderr,
    }


def run(supervisors: Supervisors, code: str, seconds: float) -> tuple[Result, str]:
    """Run a program, and return its result and what has reached the other machine."""
    with outside() as other:
        peer = supervisors.start(*other.prefix, *NAMESPACE, *UNPRIVILEGED)
        frame = frame_of(
            [PYTHON, "main.py"],
            files=[{"path": "main.py", "text": code}, *LIBRARY],
            environment=other.environment,
            timeout_seconds=seconds,
        )
        return peer.run(frame), other.arrived()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_an_attack_on_localhost_reaches_no_other_machine(
    supervisors: Supervisors, attack: Program
) -> None:
    code = attack.path.read_text(encoding="utf-8")
    result, arrived = run(supervisors, code, float(attack.limits.get("timeoutSeconds", 20)))
    assert not attack.faults(status_of(result)), attack.tries
    assert not arrived


def test_the_other_machine_can_be_reached_without_the_filter(supervisors: Supervisors) -> None:
    supervisors.use_policy(HERE.parent / "images" / "unfiltered" / "policy.py")
    result, arrived = run(supervisors, SENDS, 20.0)
    assert (result.exit["exit_code"], result.stderr) == (0, "")
    assert "arrived" in arrived

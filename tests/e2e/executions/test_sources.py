"""Programs whose code, input and files are large: they are stored in a separate object."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl, sources_of
from support.deadline import until
from support.fixtures.executions import Execute, Finished, RunningPod

KIB = 1024
STDIN = "".join(f"{n:07}\n" for n in range(25_000))  # 195 KiB
FILE = bytes(range(256)) * 400  # 100 KiB
CODE = f"""
import hashlib, os, sys
digest = lambda data: hashlib.sha256(data).hexdigest()
print(digest(sys.stdin.buffer.read()))
print(digest(open("in/data.bin", "rb").read()))
print(sys.argv[1], os.environ["GIVEN"])
print(digest(open("main.py", "rb").read()))
open("out.txt", "w").write("made")
# {"x" * 150 * KIB}
"""
BODY: dict[str, Any] = {
    "code": CODE,
    "language": "python",
    "stdin": STDIN,
    "args": ["argument"],
    "environment": {"GIVEN": "variable"},
    "files": [{"path": "in/data.bin", "content_base64": base64.b64encode(FILE).decode()}],
    "output_files": ["*.txt"],
}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


PRINTED = "".join(
    f"{line}\n"
    for line in (
        digest(STDIN.encode()),
        digest(FILE),
        "argument variable",
        digest(CODE.encode()),
    )
)


def gone(kubectl: InstallationKubectl, name: str) -> None:
    until(lambda: not sources_of(kubectl, [name]), "the source to be deleted", 30)


@pytest.mark.parametrize("resources", [None, {"memory_mb": 200}], ids=["warm", "cold"])
def test_a_large_program_receives_its_code_stdin_args_environment_and_files(
    kubectl: InstallationKubectl, execute: Execute, resources: dict[str, int] | None
) -> None:
    more: dict[str, Any] = {} if resources is None else {"resources": resources}
    answer = execute(**BODY, **more)
    assert (answer["stdout"], answer["stderr"]) == (PRINTED, "")
    made = base64.b64encode(b"made").decode()
    assert answer["files"] == [{"path": "out.txt", "content_base64": made}]
    spec = kubectl.execution(answer["execution_id"])["spec"]
    assert "source" in spec
    assert not {"code", "stdin", "args", "environment", "files"} & spec.keys()
    gone(kubectl, answer["execution_id"])


def test_each_large_program_in_a_session_has_its_own_source(
    kubectl: InstallationKubectl, http: httpx.Client, execute: Execute
) -> None:
    session = http.post("/api/v1/sessions", json={"language": "python"}).json()["session_id"]
    try:
        for _ in range(2):
            answer = execute(**BODY, session_id=session)
            assert answer["stdout"] == PRINTED
            gone(kubectl, answer["execution_id"])
    finally:
        http.delete(f"/api/v1/sessions/{session}")


def test_the_source_of_a_cancelled_large_program_is_deleted(
    kubectl: InstallationKubectl, http: httpx.Client, finished: Finished, running_pod: RunningPod
) -> None:
    body = {**BODY, "code": f"import time\ntime.sleep(60)\n# {'x' * 20 * KIB}"}
    name = http.post("/api/v1/execute/async", json=body).json()["execution_id"]
    running_pod(name)
    assert sources_of(kubectl, [name]) == {name}
    http.delete(f"/api/v1/executions/{name}")
    assert finished(name)["reason"] == "Cancelled"
    gone(kubectl, name)


def test_purging_the_record_of_a_large_program_deletes_its_source(
    kubectl: InstallationKubectl, http: httpx.Client, execute: Execute
) -> None:
    name = execute(**BODY)["execution_id"]
    assert http.delete(f"/api/v1/executions/{name}?purge=true").status_code == 200
    assert sources_of(kubectl, [name]) == set()

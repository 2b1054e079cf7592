"""Programs whose code, input and files are large: they are stored in a separate object."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest
from support.deadline import until
from support.installation import Kubectl, sources_of

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


def gone(kubectl: Kubectl, name: str) -> None:
    until(lambda: not sources_of(kubectl, [name]), 30, "the source to be deleted")


@pytest.mark.parametrize("resources", [None, {"memory_mb": 200}], ids=["warm", "cold"])
def test_a_large_program_gets_all_that_it_is_given(
    kubectl: Kubectl, execute: Any, resources: dict[str, int] | None
) -> None:
    more = {} if resources is None else {"resources": resources}
    answer = execute(**BODY, **more)
    assert (answer["stdout"], answer["stderr"]) == (PRINTED, "")
    made = base64.b64encode(b"made").decode()
    assert answer["files"] == [{"path": "out.txt", "content_base64": made}]
    spec = kubectl.execution(answer["execution_id"])["spec"]
    assert "source" in spec
    assert not {"code", "stdin", "args", "environment", "files"} & spec.keys()
    gone(kubectl, answer["execution_id"])


def test_large_programs_in_a_session_have_sources_of_their_own(
    kubectl: Kubectl, http: httpx.Client, execute: Any
) -> None:
    session = http.post("/api/v1/sessions", json={"language": "python"}).json()["session_id"]
    try:
        for _ in range(2):
            answer = execute(**BODY, session_id=session)
            assert answer["stdout"] == PRINTED
            gone(kubectl, answer["execution_id"])
    finally:
        http.delete(f"/api/v1/sessions/{session}")


def test_a_large_program_that_is_cancelled_leaves_no_source(
    kubectl: Kubectl, http: httpx.Client, finished: Any, running_pod: Any
) -> None:
    body = {**BODY, "code": f"import time\ntime.sleep(60)\n# {'x' * 20 * KIB}"}
    name = http.post("/api/v1/execute/async", json=body).json()["execution_id"]
    running_pod(name)
    assert sources_of(kubectl, [name]) == {name}
    http.delete(f"/api/v1/executions/{name}")
    assert finished(name)["reason"] == "Cancelled"
    gone(kubectl, name)


def test_a_purged_record_of_a_large_program_leaves_nothing(
    kubectl: Kubectl, http: httpx.Client, execute: Any
) -> None:
    name = execute(**BODY)["execution_id"]
    assert http.delete(f"/api/v1/executions/{name}?purge=true").status_code == 200
    assert sources_of(kubectl, [name]) == set()

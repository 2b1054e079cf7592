"""Isolation of tenants: over HTTP, through reused Pods, and between concurrent programs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from support.clients.api_keys import extra_key
from support.clients.api_server import CLOCHE
from support.clients.installation_api import InstallationApi
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.fixtures.installation import Installation

_SECONDS = 150.0

LEAVE = """
import ctypes, os, socket
for place in ("/workspace", "/dev/shm", "/tmp"):
    os.open(f"{place}/secret", os.O_CREAT)
try:
    os.open("/dev/mqueue/secret", os.O_CREAT)
except OSError:
    pass  # refused where a user namespace has its bytes counted as the node's
libc = ctypes.CDLL(None)
print(libc.shmget(0x5EC2E7, 4096, 0o1600) >= 0, libc.semget(0x5EC2E7, 1, 0o1600) >= 0)
if os.fork() == 0:
    os.setsid()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\\0secret")
    listening.listen()
    listening.accept()
"""
LOOK = """
import ctypes, os, socket
found = [
    f"{place}/{name}"
    for place in ("/workspace", "/dev/shm", "/dev/mqueue", "/tmp")
    for name in os.listdir(place)
    if name not in ("main.py", ".tmp")
]
libc = ctypes.CDLL(None)
found += [name for name in ("shmget", "semget") if getattr(libc, name)(0x5EC2E7, 1, 0) >= 0]
mine = ("1", str(os.getpid()))
found += [name for name in os.listdir("/proc") if name.isdecimal() and name not in mine]
try:
    socket.socket(socket.AF_UNIX).connect("\\0secret")
    found.append("socket")
except OSError:
    pass
print(found)
"""
HOLD = LEAVE.replace("if os.fork() == 0:", "print('held', flush=True)\nif True:")


@pytest.fixture(scope="module")
def ours(http: httpx.Client) -> httpx.Client:
    return http


@pytest.fixture(scope="module")
def theirs(installation: Installation, kubectl: InstallationKubectl) -> Iterator[httpx.Client]:
    """A client with the attacker's key, of another tenant."""
    with (
        extra_key(kubectl, tenant="neighbour", ratePerMinute=10_000) as key,
        httpx.Client(
            base_url=installation.url, headers={"X-API-Key": key}, timeout=_SECONDS
        ) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def reused(cluster: InstallationApi) -> Iterator[str]:
    """A language whose Pods are reused by the same tenant."""
    pool = {"size": 2, "reuse": "SameTenant"}
    cluster.make_runtime("attack-reused", cluster.runtime_like("python", pool=pool))
    yield "attack-reused"
    cluster.remove_runtime("attack-reused")


Ran = Callable[[httpx.Client, str], tuple[str, str]]


@pytest.fixture(scope="module")
def ran(cluster: InstallationApi, reused: str) -> Ran:
    """Run code in a reusable Pod; return its output and the Pod's uid."""

    def run(client: httpx.Client, code: str) -> tuple[str, str]:
        answer = client.post("/api/v1/execute", json={"code": code, "language": reused})
        assert answer.status_code == httpx.codes.OK, answer.text
        body = answer.json()
        path = f"{CLOCHE}/{SANDBOXES}/sandboxexecutions/{body['execution_id']}"
        uid: str = cluster.api.get(path)["status"]["podUID"]
        return body["stdout"], uid

    return run


def _made(client: httpx.Client, **fields: Any) -> str:
    body = {"code": "print('secret')", "language": "python", **fields}
    answer = client.post("/api/v1/execute", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    name: str = answer.json()["execution_id"]
    return name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/execute/status/{}"),
        ("GET", "/api/v1/executions/{}"),
        ("GET", "/api/v1/executions/{}/events"),
        ("POST", "/api/v1/executions/{}/cancel"),
        ("DELETE", "/api/v1/executions/{}"),
    ],
)
def test_another_tenants_execution_is_answered_like_an_unknown_one(
    ours: httpx.Client, theirs: httpx.Client, method: str, path: str
) -> None:
    """The response is the same as for an unknown name, so that names cannot be probed."""
    name, never = _made(ours), str(uuid.uuid4())
    found, missing = (theirs.request(method, path.format(one)) for one in (name, never))
    assert found.status_code == missing.status_code
    assert not found.is_success
    assert found.text.replace(name, "") == missing.text.replace(never, "")
    assert ours.get(f"/api/v1/execute/status/{name}").json()["result"]["stdout"] == "secret\n"


def test_a_list_contains_only_the_tenants_own_executions(
    ours: httpx.Client, theirs: httpx.Client
) -> None:
    session = f"shared-{uuid.uuid4().hex[:8]}"
    name = _made(ours, session_id=session)
    assert name not in theirs.get("/api/v1/executions", params={"limit": 100}).text
    assert name not in theirs.get("/api/v1/executions", params={"session_id": session}).text
    assert name in ours.get("/api/v1/executions", params={"session_id": session}).text


def test_an_idempotency_key_never_returns_another_tenants_result(
    ours: httpx.Client, theirs: httpx.Client
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"code": "print('secret')", "language": "python"}
    first, second = (
        client.post("/api/v1/execute", json=body, headers=headers).json()["execution_id"]
        for client in (ours, theirs)
    )
    assert first != second


def test_a_session_rejects_requests_of_another_tenant(
    ours: httpx.Client, theirs: httpx.Client
) -> None:
    made = ours.post("/api/v1/sessions", json={"language": "python"})
    assert made.status_code == httpx.codes.CREATED, made.text
    name = made.json()["session_id"]
    try:
        body = {"code": "print(1)", "language": "python", "session_id": name}
        assert theirs.post("/api/v1/execute", json=body).status_code == httpx.codes.NOT_FOUND
        assert theirs.get(f"/api/v1/sessions/{name}").status_code == httpx.codes.NOT_FOUND
        assert theirs.delete(f"/api/v1/sessions/{name}").status_code == httpx.codes.NOT_FOUND
        assert ours.post("/api/v1/execute", json=body).json()["stdout"] == "1\n"
    finally:
        ours.delete(f"/api/v1/sessions/{name}")


def test_a_pod_is_never_used_by_two_tenants(
    ours: httpx.Client, theirs: httpx.Client, ran: Ran
) -> None:
    """Therefore nothing about a Pod, such as its response time, reveals another tenant."""
    mine, others = set(), set()
    for _ in range(6):
        stdout, uid = ran(ours, LEAVE)
        assert stdout == "True True\n"
        mine.add(uid)
        stdout, uid = ran(theirs, LOOK)
        assert stdout == "[]\n"
        others.add(uid)
    assert not mine & others


def test_the_same_tenants_next_program_finds_no_leftovers_in_a_reused_pod(
    ours: httpx.Client, ran: Ran
) -> None:
    left = [ran(ours, LEAVE) for _ in range(3)]
    looked = [ran(ours, LOOK) for _ in range(3)]
    assert {stdout for stdout, _ in left} == {"True True\n"}
    assert {stdout for stdout, _ in looked} == {"[]\n"}
    assert {uid for _, uid in left} & {uid for _, uid in looked}


def test_a_program_cannot_see_a_concurrent_program_of_another_tenant(
    ours: httpx.Client, theirs: httpx.Client
) -> None:
    body = {"code": HOLD, "language": "python", "timeout": 60}
    held = ours.post("/api/v1/execute/async", json=body).json()["execution_id"]
    with ours.stream("GET", f"/api/v1/executions/{held}/events") as events:
        assert any("held" in line for line in events.iter_lines())
        answer = theirs.post("/api/v1/execute", json={"code": LOOK, "language": "python"})
    ours.post(f"/api/v1/executions/{held}/cancel")
    assert answer.json()["stdout"] == "[]\n"

"""Sizes are counted as the API server stores them, and the largest record fits into etcd."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, ApiServer

from cloche_api import limits
from cloche_api.accounting.size import json_bytes, object_bytes
from cloche_api.resources.typed_dicts import ConditionDict
from cloche_operator.model.status import fitted, without_outputs

Make = Callable[..., dict[str, Any]]

TEXTS = {
    "ASCII": "x",
    "NUL": "\x00",
    "controls": "".join(chr(n) for n in range(1, 0x20)),
    "DEL": "\x7f",
    "quotes": '"\\/',
    "script": "<>&",
    "2 bytes": "ü",
    "3 bytes": "€",
    "4 bytes": "🪴",
    "separators": "\u2028\u2029",
    "replacement": "\ufffd",
    "all of them": '\x00\x1b\n\t"\\<>&ü€🪴\u2028\ufffd\x7f',
}


@pytest.fixture
def executions(namespace: str) -> str:
    return f"{CLOCHE}/{namespace}/sandboxexecutions"


def size(server: ApiServer, path: str) -> int:
    """Bytes of the object as the API server writes it, which is as it stores it."""
    raw = server.ask("GET", path).content
    return len(re.sub(rb'"resourceVersion":"[0-9]+"', b"", raw))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_json_bytes_counts_a_text_as_the_api_server_stores_it(
    server: ApiServer, executions: str, execution: Make, text: str
) -> None:
    many = text * (30_000 // len(text))
    server.create(executions, execution("empty", code=""))
    server.create(executions, execution("texts", code=many))
    grown = size(server, f"{executions}/texts") - size(server, f"{executions}/empty")
    assert grown == json_bytes(many)


def test_json_bytes_counts_a_lone_surrogate_as_the_api_server_stores_it(
    server: ApiServer, executions: str, execution: Make
) -> None:
    server.create(executions, execution("empty", code=""))
    server.create(executions, execution("texts", code="a\ud800b"))
    assert server.get(f"{executions}/texts")["spec"]["code"] == "a\ufffdb"
    grown = size(server, f"{executions}/texts") - size(server, f"{executions}/empty")
    assert grown == json_bytes("a\ud800b")


FULL = limits.STDOUT_BYTES
RUNNING = {
    "phase": "Running",
    "podName": "sbx-5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
    "podUID": "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
    "warm": False,
    "queuedTime": "2026-01-02T03:04:30.123456Z",
    "claimedTime": "2026-01-02T03:04:30.123456Z",
    "resources": {"cpu": "1", "memory": "512Mi", "disk": "100Mi"},
    "runtimeGeneration": 3,
}


def largest_spec() -> dict[str, Any]:
    """Return the largest spec that the gateway accepts, with the most metadata."""
    spec: dict[str, Any] = {
        "language": "python",
        "code": "<" * 50_000,
        # The API server notes the owner of each variable by its name, once more.
        "environment": {f"{'A' * 500}{n}": "" for n in range(128)},
        "files": [{"path": f"f{n}", "content": "x" * 4096} for n in range(64)],
        "stdin": "",
    }
    spec["stdin"] = "y" * (limits.SPEC_BYTES - object_bytes(spec))
    assert limits.SPEC_BYTES - 10 <= object_bytes(spec) <= limits.SPEC_BYTES
    assert len(spec["stdin"]) <= limits.STDIN_BYTES
    return spec


@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [("x", "y"), ("\x00", "\x00"), ("<", "🪴"), ("🪴", "🪴"), ("\ufffd", "\u2028")],
)
def test_the_largest_status_fits_into_an_execution_with_the_largest_spec(
    server: ApiServer, executions: str, execution: Make, stdout: str, stderr: str
) -> None:
    server.create(executions, execution(**largest_spec()))
    server.merge(f"{executions}/one/status", {"status": RUNNING})
    message = "🪴" * 4000
    condition: ConditionDict = {
        "type": "Finished",
        "status": "True",
        "reason": "Exited",
        "message": message,
        "lastTransitionTime": "2026-01-02T03:04:30Z",
    }
    files = base64.b64encode(bytes(limits.OUTPUT_FILES_BYTES)).decode()
    final = fitted(
        {
            "phase": "Completed",
            "reason": "Exited",
            "message": message,
            "stdout": stdout * FULL,
            "stderr": stderr * FULL,
            "files": [{"path": "f", "contentBase64": files}],
            "conditions": [condition],
        }
    )
    assert object_bytes(final) > limits.STATUS_BYTES - 200_000, "a small one would show nothing"
    server.merge(f"{executions}/one/status", {"status": final})
    stored = server.get(f"{executions}/one")["status"]
    assert (stored["stdout"], stored["stderr"]) == (final["stdout"], final["stderr"])


def test_an_execution_whose_spec_leaves_no_room_ends_as_result_too_large(
    server: ApiServer, executions: str, execution: Make
) -> None:
    # Only kubectl can make such a one: its characters are few, its bytes are many.
    server.create(executions, execution(code="<" * 200_000))
    server.merge(f"{executions}/one/status", {"status": RUNNING})
    final = fitted(
        {
            "phase": "Completed",
            "reason": "Exited",
            "stdout": "x" * FULL,
            "stderr": "y" * FULL,
            "completionTime": "2026-01-02T03:04:30.123456Z",
        }
    )
    refused = server.ask(
        "PATCH", f"{executions}/one/status", {"status": final}, "application/merge-patch+json"
    )
    assert not refused.is_success
    assert "too large" in refused.text
    server.merge(f"{executions}/one/status", {"status": without_outputs(final)})
    assert server.get(f"{executions}/one")["status"]["reason"] == "ResultTooLarge"

"""How many bytes an execution writes to etcd; with -s, as docs/decisions/separate-source.md has it.

.venv/bin/python -m pytest tests/integration/api/test_written_bytes.py -s -q
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, ApiServer

from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import METADATA_BYTES, WRITES
from cloche_api.limits import KIB, SPEC_BYTES
from cloche_api.meta import ANNOTATION_REQUEST_ID, API_VERSION, LABEL_TENANT
from cloche_gateway.requests import manifest

CLAIMED = {
    "phase": "Running",
    "podName": "sbx-5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
    "podUID": "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
    "warm": True,
    "queuedTime": "2026-01-02T03:04:30.123456Z",
    "claimedTime": "2026-01-02T03:04:30.123456Z",
    "resources": {"cpu": "1", "memory": "512Mi", "disk": "100Mi"},
    "runtimeGeneration": 3,
}
ENDED = {
    "phase": "Completed",
    "reason": "Exited",
    "message": "The program exited with code 0.",
    "exitCode": 0,
    "stdout": "Hello, World!\n",
    "stderr": "",
    "completionTime": "2026-01-02T03:04:31.123456Z",
    "recordedTime": "2026-01-02T03:04:31.125456Z",
    "expirationTime": "2026-01-02T04:04:31.123456Z",
    "storedBytes": 1000,
}


def of_input(size: int) -> dict[str, Any]:
    """An execution as the gateway builds it, whose program is given so many bytes."""
    spec: dict[str, Any] = {
        "language": "python",
        "timeoutSeconds": 30,
        "tenant": "acme",
        "concurrency": {"group": "first", "limit": 10},
        "code": "",
    }
    spare = min(size, SPEC_BYTES - object_bytes(spec) - 40)  # a name and quotes for each field
    for field in ("code", "stdin"):
        spec[field] = "#" * min(spare, 256 * KIB)
        spare -= len(spec[field])
    if spare:
        spec["files"] = [{"path": "a", "content": "#" * (spare - 30)}]
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {
            "name": str(uuid.uuid4()),
            "labels": {LABEL_TENANT: "acme"},
            "annotations": {ANNOTATION_REQUEST_ID: str(uuid.uuid4())},
        },
        "spec": spec,
    }


def written(server: ApiServer, namespace: str, obj: dict[str, Any], source: Any) -> list[int]:
    """The bytes of each revision, as the API server writes it: source, created, claimed, ended."""
    executions = f"{CLOCHE}/{namespace}/sandboxexecutions"
    path = f"{executions}/{obj['metadata']['name']}"
    sizes = [0]
    if source is not None:
        sources = f"{CLOCHE}/{namespace}/sandboxsources"
        server.create(sources, source)
        sizes = [len(server.ask("GET", f"{sources}/{source['metadata']['name']}").content)]
    server.create(executions, obj)
    sizes.append(len(server.ask("GET", path).content))
    for status in (CLAIMED, ENDED):
        server.merge(f"{path}/status", {"status": status})
        sizes.append(len(server.ask("GET", path).content))
    return sizes


@pytest.mark.parametrize("kib", [4, 64, 700])
def test_a_large_input_is_written_to_etcd_once(server: ApiServer, namespace: str, kib: int) -> None:
    whole, apart = of_input(kib * KIB), of_input(kib * KIB)
    source = manifest.separated(apart)
    before = written(server, namespace, whole, None)
    after = written(server, namespace, apart, source)
    for name, sizes in (("in the execution", before), ("as the gateway does", after)):
        columns = " | ".join(f"{size:,}" for size in (*sizes, sum(sizes)))
        print(f"| {kib} KiB | {name} | {columns} |")  # noqa: T201  for the document
    if kib == 4:
        assert source is None
        return
    assert sum(after) < sum(before) / 2
    # What the write limit charges is what is written, and no less.
    spec, size = object_bytes(apart["spec"]), apart["spec"]["source"]["bytes"]
    charged = WRITES * (spec + METADATA_BYTES) + size + METADATA_BYTES
    assert size < sum(after) < charged

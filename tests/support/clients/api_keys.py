"""Additional API keys for tests in a running installation."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
from support.clients.kubectl import InstallationKubectl
from support.data.names import SYSTEM
from support.deadline import until
from support.fixtures.installation import installed

from cloche_api.keys import SECRET_NAME, ApiKeyRecord, new_key


@contextlib.contextmanager
def extra_key(
    kubectl: InstallationKubectl, tenant: str, *, valid: bool = True, **limits: Any
) -> Iterator[str]:
    """Provide a key of that tenant for the block, with these limits as fields of its record.

    A `valid` key is accepted by the gateway when the block begins.
    """
    text, record = new_key(tenant)
    record = ApiKeyRecord.model_validate(record.model_dump(by_alias=True) | limits)
    name = f"test-{tenant}-{time.time_ns()}"
    value = base64.b64encode(record.model_dump_json(by_alias=True).encode()).decode()
    _patch(kubectl, {name: value})
    try:
        if valid:
            until(lambda: _works(text), f"the key of {tenant}", 10)
        yield text
    finally:
        _patch(kubectl, {name: None})


def _works(key: str) -> bool:
    url = f"{installed().url}/api/v1/execute/language/python/info"
    return httpx.get(url, headers={"X-API-Key": key}).is_success


def _patch(kubectl: InstallationKubectl, data: dict[str, str | None]) -> None:
    patch = json.dumps({"data": data})
    kubectl("patch", "secret", SECRET_NAME, "-n", SYSTEM, "--type=merge", "-p", patch)

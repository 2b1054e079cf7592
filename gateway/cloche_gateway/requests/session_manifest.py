"""Build what requests about a session write: its times, and the actions on its files. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cloche_api.meta import ANNOTATION_REQUEST_ID, API_VERSION, LABEL_SESSION, LABEL_TENANT
from cloche_gateway.requests import manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_api.resources.execution import Action
    from cloche_api.resources.typed_objects import ExecutionSpecDict
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.models import InputFile
    from cloche_gateway.session_models import SessionChange

ACTION_SECONDS = 10
"""The timeout of an action on files. The supervisor searches for 2 s, and writes 512 KiB."""
_GLOB = re.compile(r"([*?[])")


def times(asked: SessionChange) -> dict[str, int]:
    """Return the fields of a SandboxSession's spec that a request changes."""
    made = {"idleTimeoutSeconds": asked.idle_timeout, "lifetimeSeconds": asked.lifetime}
    return {field: seconds for field, seconds in made.items() if seconds is not None}


def literal(path: str) -> str:
    """Return the glob pattern that matches this path only."""
    return _GLOB.sub(r"[\1]", path)


def file_action(  # noqa: PLR0913  the parts of one manifest, all by name
    name: str,
    action: Action,
    *,
    session: str,
    language: str,
    caller: Caller,
    request_id: str,
    files: Sequence[InputFile] = (),
    patterns: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the SandboxExecution of an action on the files of a session."""
    spec: ExecutionSpecDict = {
        "language": language,
        "action": action,
        "timeoutSeconds": ACTION_SECONDS,
        "tenant": caller.tenant,
        "session": session,
        "concurrency": {"group": caller.key, "limit": caller.concurrency},
        "ttlSecondsAfterFinished": manifest.ANSWER_SECONDS,
    }
    if files:
        spec["files"] = [manifest.file(one) for one in files]
    if patterns:
        spec["outputFiles"] = list(patterns)
    manifest.check_size(spec)
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {
            "name": name,
            "labels": {LABEL_TENANT: caller.tenant, LABEL_SESSION: session},
            "annotations": {ANNOTATION_REQUEST_ID: request_id},
        },
        "spec": spec,
    }

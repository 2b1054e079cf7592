"""Build the SandboxExecution, SandboxSource or SandboxSession of a request. Pure functions.

The execution of a request with an Idempotency-Key has a name derived from tenant and key. So the
key leads to the same execution on every replica and after every restart: the API server rejects a
name that is taken, and so decides which of several requests was first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from typing import TYPE_CHECKING, Any, Literal

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.meta import ANNOTATION_REQUEST_ID, API_VERSION, LABEL_SESSION, LABEL_TENANT
from cloche_api.resources import source
from cloche_api.resources.input import Input
from cloche_api.resources.session import Stateful
from cloche_gateway.errors import TooLargeError

if TYPE_CHECKING:
    from cloche_api.resources.typed_objects import (
        ExecutionSpecDict,
        FileDict,
        ResourceAmountsDict,
        SessionSpecDict,
    )
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.cluster.languages import Language
    from cloche_gateway.models import ExecuteRequest, InputFile, Resources
    from cloche_gateway.session_models import SessionRequest

ANSWER_SECONDS = 60
"""The shortest time that the operator keeps a record, because a waiting gateway that missed the
event of the end reads the record instead. With `ttl_seconds` 0 the gateway removes the record
itself, as soon as the request is answered."""
_Large = Literal["code", "stdin", "environment", "args", "files", "outputFiles"]
_NAMES: dict[_Large, str] = {
    "code": "code",
    "stdin": "stdin",
    "environment": "environment",
    "args": "args",
    "files": "files",
    "outputFiles": "output_files",
}
"""Fields of the spec that can be large, and their names in the request."""
_INPUT = ("code", *Input.model_fields)
"""Fields of the spec that are the program's input."""
_LABEL = re.compile(limits.LABEL_VALUE.rstrip("$"))
_LABEL_CHARACTERS = 63
_HASHED = "sha256-"  # with 224 bits of the hash, which is what fits
_DOMAIN = b"cloche.dev/idempotency-key/v1"
"""The HMAC key. It is a constant, because all replicas must derive the same name, also after a
change of the API keys.

It does not have to be secret. A client that knows tenant and key can compute the name, but gains
nothing: an execution's id grants no access (each route checks the tenant). The tenant in the HMAC
is that of the caller's API key, so a client cannot produce a name of another tenant.
"""


def name_for(tenant: str, key: str) -> str:
    """Return the name of the execution with this Idempotency-Key.

    It is a version 8 UUID (RFC 9562, 5.8) made from an HMAC-SHA-256.
    """
    digest = hmac.new(_DOMAIN, f"{tenant}\0{key}".encode(), hashlib.sha256).digest()[:16]
    number = int.from_bytes(digest, "big")
    number = number & ~(0xF << 76) | 8 << 76  # the version
    number = number & ~(0x3 << 62) | 2 << 62  # the variant
    return str(uuid.UUID(int=number))


def session_label(session_id: str) -> str:
    """Return the label value of a `session_id`, by which the cluster finds its executions.

    It is the `session_id` itself, if that is a label value, or else a hash of it. A `session_id`
    that looks like such a hash is hashed too, so that two of them never have the same label.
    """
    if _LABEL.fullmatch(session_id) and not session_id.startswith(_HASHED):
        return session_id
    return (_HASHED + hashlib.sha256(session_id.encode()).hexdigest())[:_LABEL_CHARACTERS]


def fingerprint(request: ExecuteRequest) -> str:
    """Return a SHA-256 of the request, as 64 hexadecimal digits.

    The order of fields does not matter. A null field counts as absent, so optional fields that a
    later version adds do not change the fingerprint of existing requests. Ignored fields do not
    count, because they do not change the program.
    """
    fields = request.model_dump(exclude_none=True)
    for seconds in ("timeout", "compile_timeout"):
        if seconds in fields:
            fields[seconds] = _plain(fields[seconds])
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def execution(
    name: str, request: ExecuteRequest, language: Language, caller: Caller, request_id: str
) -> dict[str, Any]:
    """Return the SandboxExecution of a validated request.

    Raises:
        TooLargeError: the spec exceeds `limits.SPEC_BYTES`. The message names the largest field.
    """
    spec = _spec(request, language, caller)
    check_size(spec)
    labels = {LABEL_TENANT: caller.tenant}
    if "session" in spec:
        labels[LABEL_SESSION] = spec["session"]
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxExecution",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {ANNOTATION_REQUEST_ID: request_id},
        },
        "spec": spec,
    }


def separated(execution: dict[str, Any]) -> dict[str, Any] | None:
    """Move the program's input from `execution` into a SandboxSource, if it is large.

    Return the SandboxSource, to which `execution` then refers. Return None if the input is at most
    `limits.SOURCE_BYTES`; it then stays in the execution.

    The source's name has a random suffix. Another request with the same Idempotency-Key has the
    same execution name, but not the same source name, so it cannot collide with or remove this
    source.
    """
    meta, spec = execution["metadata"], execution["spec"]
    given = {field: spec[field] for field in _INPUT if field in spec}
    if object_bytes(given) <= limits.SOURCE_BYTES:
        return None
    of_source = {"execution": meta["name"], "tenant": spec["tenant"], **given}
    made = source.manifest(
        source.name_for(meta["name"]),
        spec["tenant"],
        meta["annotations"][ANNOTATION_REQUEST_ID],
        of_source,
    )
    execution["spec"] = {
        **{field: value for field, value in spec.items() if field not in given},
        "source": {
            "name": made["metadata"]["name"],
            "bytes": object_bytes(of_source),
        },
    }
    return made


def session(
    name: str, request: SessionRequest, language: Language, caller: Caller, request_id: str
) -> dict[str, Any]:
    """Return the SandboxSession of a validated request."""
    spec: SessionSpecDict = {
        "language": language.name,
        "tenant": caller.tenant,
        "concurrency": {"group": caller.key, "limit": caller.concurrency},
    }
    if request.resources and (amounts := _resources(request.resources, language)):
        spec["resources"] = amounts
    if request.idle_timeout:
        spec["idleTimeoutSeconds"] = request.idle_timeout
    if request.lifetime:
        spec["lifetimeSeconds"] = request.lifetime
    if request.stateful:
        spec["stateful"] = Stateful.INTERPRETER
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxSession",
        "metadata": {
            "name": name,
            "labels": {LABEL_TENANT: caller.tenant},
            "annotations": {ANNOTATION_REQUEST_ID: request_id},
        },
        "spec": spec,
    }


def _spec(request: ExecuteRequest, language: Language, caller: Caller) -> ExecutionSpecDict:
    spec: ExecutionSpecDict = {
        "language": language.name,
        "code": request.code,
        "timeoutSeconds": _timeout_seconds(request),
        "tenant": caller.tenant,
        "concurrency": {"group": caller.key, "limit": caller.concurrency},
    }
    if request.entry is not None:
        spec["entry"] = request.entry
    if request.stdin:
        spec["stdin"] = request.stdin
    if request.environment:
        spec["environment"] = request.environment
    if request.args:
        spec["args"] = request.args
    if request.files:
        spec["files"] = list(map(file, request.files))
    if request.output_files:
        spec["outputFiles"] = request.output_files
    if request.session_id:
        _add_session(spec, request.session_id)
    if request.resources and (amounts := _resources(request.resources, language)):
        spec["resources"] = amounts
    if request.ttl_seconds is not None:
        spec["ttlSecondsAfterFinished"] = max(request.ttl_seconds, ANSWER_SECONDS)
    _add_choices(spec, request)
    return spec


def _add_session(spec: ExecutionSpecDict, session_id: str) -> None:
    spec["session"] = session_label(session_id)
    if spec["session"] != session_id:
        spec["sessionID"] = session_id


def _add_choices(spec: ExecutionSpecDict, request: ExecuteRequest) -> None:
    """Add what the request asks for besides the program's input and resources."""
    if request.compile_timeout is not None:
        spec["compileTimeoutSeconds"] = _plain(request.compile_timeout)
    if request.merge_output:
        spec["mergeOutput"] = True


def file(of: InputFile) -> FileDict:
    """Return a file of the spec. A validated one has either text or base64."""
    if of.content is not None:
        return {"path": of.path, "content": of.content}
    assert of.content_base64 is not None
    return {"path": of.path, "contentBase64": of.content_base64}


def total_seconds(request: ExecuteRequest) -> float:
    """Return the longest time for compiling and running together."""
    return _timeout_seconds(request) + (request.compile_timeout or 0)


def _timeout_seconds(request: ExecuteRequest) -> float:
    asked = request.timeout
    return limits.TIMEOUT_SECONDS_DEFAULT if asked is None else _plain(asked)


def _plain(seconds: float) -> float:
    """Return a whole number as an integer, as earlier versions wrote it."""
    return int(seconds) if seconds.is_integer() else seconds


def _resources(asked: Resources, language: Language) -> ResourceAmountsDict:
    amounts: ResourceAmountsDict = {}
    if asked.cpu is not None:
        amounts["cpu"] = f"{round(asked.cpu * 1000)}m"
    if asked.memory_mb is not None:
        amounts["memory"] = f"{asked.memory_mb}Mi"
    if asked.disk_mb is not None:
        amounts["disk"] = f"{asked.disk_mb}Mi"
    elif asked.memory_mb is not None and asked.memory_mb * limits.MIB < language.defaults.disk:
        # The disk is part of the memory, so the default disk must not exceed the memory requested.
        amounts["disk"] = amounts["memory"]
    return amounts


def check_size(spec: ExecutionSpecDict) -> None:
    """Check the size of an execution's spec.

    Raises:
        TooLargeError: it exceeds `limits.SPEC_BYTES`. The message names the largest field.
    """
    total = object_bytes(spec)
    if total <= limits.SPEC_BYTES:
        return
    sizes = {name: object_bytes(spec[field]) for field, name in _NAMES.items() if field in spec}
    largest = max(sizes, key=lambda name: sizes[name])
    raise TooLargeError(
        f"{largest}: the request must be at most {limits.SPEC_BYTES // limits.KIB} KiB of JSON as "
        f"stored in the cluster, but has {total} bytes, {sizes[largest]} of them in {largest}"
    )

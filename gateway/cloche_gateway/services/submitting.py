"""From a request to an execution that the cluster has accepted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import logs
from cloche_api.size import object_bytes
from cloche_gateway import names
from cloche_gateway.errors import BusyError, GatewayError, WriteLimitedError
from cloche_gateway.services import (
    creating,
    idempotency,
    manifest,
    sessions,
    tombstones,
    validation,
)

if TYPE_CHECKING:
    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller
    from cloche_gateway.models import ExecuteRequest
    from cloche_gateway.services.creating import Stored


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: who asks, the request's id, and its Idempotency-Key."""

    caller: Caller
    request_id: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An execution that is about to be created. `keyed` says that its request may be repeated."""

    obj: dict[str, Any]
    keyed: bool
    storage_full: bool

    @property
    def name(self) -> str:
        """The execution's id."""
        return str(self.obj["metadata"]["name"])


async def plan(context: Context, origin: Origin, request: ExecuteRequest) -> Plan:
    """Check the request and build its execution.

    Raises:
        GatewayError: with the words for the caller.
    """
    language = context.languages.find(request.language)
    validation.check(request, language)
    await sessions.check(context, origin.caller, request, language)
    key = origin.key
    name = str(uuid.uuid4()) if key is None else idempotency.name(origin.caller.tenant, key)
    obj = manifest.execution(name, request, language, origin.caller, origin.request_id)
    if key is not None:
        obj["metadata"]["annotations"][idempotency.ANNOTATION] = idempotency.fingerprint(request)
    logs.execution_id.set(name)
    full = language.name in context.languages.storage_full
    return Plan(obj, keyed=key is not None, storage_full=full)


async def submit(context: Context, planned: Plan) -> Stored:
    """Create the execution, or find the one that the same Idempotency-Key has made.

    Raises:
        BusyError: also while the stored results are over their bound; who repeats a request that
            was accepted gets its execution all the same.
        WriteLimitedError: the tenant has caused too many bytes; the same holds then.
        RecordRemovedError: the execution of the Idempotency-Key was removed.
        GatewayError: as `creating.create`.
    """
    path = names.executions(context.settings.namespace)
    if planned.keyed:
        await tombstones.refuse(context, planned.name)
    repeated = context.writes.knows(planned.name)
    refusal = BusyError() if planned.storage_full else _charge(context, planned)
    if refusal is None:
        return await _create(context, path, planned, charged=not repeated)
    seconds = context.settings.api_timeout_seconds
    found = await creating.existing(context, path, planned.obj, seconds) if planned.keyed else None
    if found is None:
        raise refusal
    return found


def _charge(context: Context, planned: Plan) -> WriteLimitedError | None:
    """Charge the bytes that the execution will write; why it may not."""
    spec = planned.obj["spec"]
    excess = context.writes.take(spec["tenant"], planned.name, object_bytes(spec))
    return None if excess is None else WriteLimitedError(excess)


async def _create(context: Context, path: str, planned: Plan, *, charged: bool) -> Stored:
    """Create the execution; where none was created, what was charged for it is taken back."""
    try:
        stored = await creating.create(context, path, planned.obj)
    except creating.UnsureError:
        raise
    except GatewayError:
        if charged:
            context.writes.forget(planned.name)
        raise
    if charged and not stored.fresh:
        context.writes.forget(planned.name)
    return stored

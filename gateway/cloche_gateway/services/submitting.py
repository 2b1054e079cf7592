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
    parsing,
    sessions,
    tombstones,
    validation,
)

if TYPE_CHECKING:
    from cloche_api.budget import Charge
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


@dataclass(slots=True)
class Plan:
    """An execution that is about to be created. `keyed` says that its request may be repeated."""

    name: str
    """The execution's id."""
    keyed: bool
    storage_full: bool
    timeout_seconds: int
    removed_once_answered: bool
    obj: dict[str, Any] | None
    """The object; None once it is the cluster's. A request waits up to seven minutes for its end,
    and all that it sent would be kept for as long."""
    charge: Charge
    """What `obj` is charged to."""

    def drop(self) -> None:
        """Keep what is sent no longer."""
        self.obj = None
        self.charge.release()


async def plan(context: Context, origin: Origin, request: ExecuteRequest, charge: Charge) -> Plan:
    """Check the request and build its execution, which `charge` holds from now on.

    Raises:
        OverloadedError: there is no room for it.
        GatewayError: with the words for the caller.
    """
    # Once as it is, and once as the JSON that goes to the API server.
    charge.resize(2 * parsing.memory_of(request))
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
    return Plan(
        name=name,
        keyed=key is not None,
        storage_full=full,
        timeout_seconds=manifest.timeout_seconds(request),
        removed_once_answered=request.ttl_seconds == 0,
        obj=obj,
        charge=charge,
    )


async def submit(context: Context, planned: Plan) -> Stored:
    """Create the execution, or find the one that the same Idempotency-Key has made.

    Whatever comes of it, the plan's object is dropped.

    Raises:
        BusyError: also while the stored results are over their bound; who repeats a request that
            was accepted gets its execution all the same.
        WriteLimitedError: the tenant has caused too many bytes; the same holds then.
        RecordRemovedError: the execution of the Idempotency-Key was removed.
        GatewayError: as `creating.create`.
    """
    path = names.executions(context.settings.namespace)
    assert planned.obj is not None, "a plan is submitted once"
    try:
        if planned.keyed:
            await tombstones.refuse(context, planned.name)
        repeated = context.writes.knows(planned.name)
        refusal = BusyError() if planned.storage_full else _charge(context, planned.obj)
        if refusal is None:
            return await _create(context, path, planned.obj, charged=not repeated)
        found = None
        if planned.keyed:
            seconds = context.settings.api_timeout_seconds
            found = await creating.existing(context, path, planned.obj, seconds)
        if found is None:
            raise refusal
        return found
    finally:
        planned.drop()


def _charge(context: Context, obj: dict[str, Any]) -> WriteLimitedError | None:
    """Charge the bytes that the execution will write; why it may not."""
    spec = obj["spec"]
    excess = context.writes.take(spec["tenant"], obj["metadata"]["name"], object_bytes(spec))
    return None if excess is None else WriteLimitedError(excess)


async def _create(context: Context, path: str, obj: dict[str, Any], *, charged: bool) -> Stored:
    """Create the execution; where none was created, what was charged for it is taken back."""
    name = obj["metadata"]["name"]
    try:
        stored = await creating.create(context, path, obj)
    except creating.UnsureError:
        raise
    except GatewayError:
        if charged:
            context.writes.forget(name)
        raise
    if charged and not stored.fresh:
        context.writes.forget(name)
    return stored

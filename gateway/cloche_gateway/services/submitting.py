"""From a request to an execution that the cluster has accepted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import logs, source
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
    source: dict[str, Any] | None
    """The SandboxSource that it names, if it does; None likewise once it is the cluster's."""
    charge: Charge
    """What `obj` and `source` are charged to."""

    def drop(self) -> None:
        """Keep what is sent no longer."""
        self.obj = self.source = None
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
        source=manifest.separated(obj),
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
    assert planned.obj is not None, "a plan is submitted once"
    try:
        if planned.keyed:
            await tombstones.refuse(context, planned.name)
            # A source is not written again for an execution that is there.
            if planned.source is not None and (found := await _existing(context, planned)):
                return found
        repeated = context.writes.knows(planned.name)
        refusal = BusyError() if planned.storage_full else _charge(context, planned)
        if refusal is None:
            return await _create(context, planned, charged=not repeated)
        if planned.keyed and (found := await _existing(context, planned)):
            return found
        raise refusal
    finally:
        planned.drop()


def _charge(context: Context, planned: Plan) -> WriteLimitedError | None:
    """Charge the bytes that the execution will write; why it may not."""
    assert planned.obj is not None
    spec = planned.obj["spec"]
    size, of_source = object_bytes(spec), source.bytes_of(spec)
    excess = context.writes.take(spec["tenant"], planned.name, size, source=of_source)
    return None if excess is None else WriteLimitedError(excess)


async def _existing(context: Context, planned: Plan) -> Stored | None:
    """The execution that the same Idempotency-Key has made."""
    assert planned.obj is not None
    path = names.executions(context.settings.namespace)
    seconds = context.settings.api_timeout_seconds
    return await creating.existing(context, path, planned.obj, seconds)


async def _create(context: Context, planned: Plan, *, charged: bool) -> Stored:
    """Create the execution, after its source where it has one.

    Where none was created, what was charged for it is taken back, but for its source. A gateway
    that dies between the two leaves a source that the operator removes.
    """
    assert planned.obj is not None
    path = names.executions(context.settings.namespace)
    try:
        if planned.source is not None:
            await _create_source(context, planned.source)
        stored = await creating.create(context, path, planned.obj)
    except creating.UnsureError:
        raise  # it may be there, and need its source
    except GatewayError:
        _undo(context, planned, charged=charged)
        raise
    if not (stored.fresh or stored.perhaps_own):
        _undo(context, planned, charged=charged)
    return stored


async def _create_source(context: Context, obj: dict[str, Any]) -> None:
    """Create a source.

    Raises:
        BusyError: it is not known to be there; if it is, it is removed.
        GatewayError: as `creating.create`.
    """
    path = names.sources(context.settings.namespace)
    try:
        await creating.create(context, path, obj)
    except creating.UnsureError as error:
        raise BusyError from error  # and its execution is certainly not there


def _undo(context: Context, planned: Plan, *, charged: bool) -> None:
    """Remove the source of an execution that was not created, and charge it alone."""
    if charged:
        context.writes.forget(planned.name)
    assert planned.obj is not None
    spec = planned.obj["spec"]
    if planned.source is not None:
        context.writes.wrote(spec["tenant"], source.bytes_of(spec))
        context.canceller.remove_source(planned.source["metadata"]["name"])

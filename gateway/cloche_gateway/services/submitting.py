"""Create the execution of a request in the cluster."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import logs
from cloche_api.accounting.size import object_bytes
from cloche_api.resources import source
from cloche_gateway.cluster import paths
from cloche_gateway.errors import BusyError, GatewayError, WriteLimitedError
from cloche_gateway.requests import idempotency, manifest, parsing, validation
from cloche_gateway.services import creating, sessions, tombstones

if TYPE_CHECKING:
    from cloche_api.accounting.budget import Charge
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context
    from cloche_gateway.models import ExecuteRequest
    from cloche_gateway.services.creating import Stored


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller of a request, the request's id, and its Idempotency-Key, if any."""

    caller: Caller
    request_id: str
    key: str | None = None


@dataclass(slots=True)
class Plan:
    """An execution that is about to be created.

    `keyed`: the request has an Idempotency-Key, so the client may retry it.
    """

    name: str
    """The execution's id, which is also the object's name."""
    keyed: bool
    storage_full: bool
    timeout_seconds: int
    removed_once_answered: bool
    obj: dict[str, Any] | None
    """The SandboxExecution; None once it is submitted. A request can wait seven minutes for the
    execution's end, and the object would take memory for as long."""
    source: dict[str, Any] | None
    """The SandboxSource that `obj` refers to, if any; None once it is submitted."""
    charge: Charge
    """The charge on the memory budget for `obj` and `source`."""

    def drop(self) -> None:
        """Drop `obj` and `source` from memory and release their charge."""
        self.obj = self.source = None
        self.charge.release()


async def plan(context: Context, origin: Origin, request: ExecuteRequest, charge: Charge) -> Plan:
    """Validate the request and build its execution. `charge` is resized to the memory of both.

    Raises:
        OverloadedError: the memory budget has no room for it.
        GatewayError: its message is the response's `detail`.
    """
    # Twice: the parsed request, and the JSON that is sent to the API server.
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
    """Create the execution, or return the one that has the same Idempotency-Key.

    The plan's objects are dropped in any case, so a plan can be submitted only once.

    A retry of a request that was accepted gets its execution even while the storage is full or the
    tenant's write limit is exceeded.

    Raises:
        BusyError: the storage for executions is full, or as `creating.create`.
        WriteLimitedError: the tenant's executions have written too many bytes.
        RecordRemovedError: the record of the execution with this Idempotency-Key was removed.
        GatewayError: as `creating.create`.
    """
    assert planned.obj is not None, "a plan is submitted once"
    try:
        if planned.keyed:
            await tombstones.refuse(context, planned.name)
            # Avoid writing a source for an execution that already exists.
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
    """Charge the bytes that the execution will write. Return the error if they do not fit."""
    assert planned.obj is not None
    spec = planned.obj["spec"]
    size, of_source = object_bytes(spec), source.bytes_of(spec)
    excess = context.writes.take(spec["tenant"], planned.name, size, source=of_source)
    return None if excess is None else WriteLimitedError(excess)


async def _existing(context: Context, planned: Plan) -> Stored | None:
    """Return the execution that has the same Idempotency-Key, or None."""
    assert planned.obj is not None
    path = paths.executions(context.settings.namespace)
    seconds = context.settings.api_timeout_seconds
    return await creating.existing(context, path, planned.obj, seconds)


async def _create(context: Context, planned: Plan, *, charged: bool) -> Stored:
    """Create the source, if any, and then the execution.

    If no execution was created, its charge on the write limit is returned, except for the source.
    If the gateway dies after creating the source, the operator removes the source.

    `charged`: `_charge` charged this execution now, rather than for an earlier request with its
    name.
    """
    assert planned.obj is not None
    path = paths.executions(context.settings.namespace)
    try:
        if planned.source is not None:
            await _create_source(context, planned.source)
        stored = await creating.create(context, path, planned.obj)
    except creating.UnsureError:
        raise  # The execution may exist and need its source.
    except GatewayError:
        _undo(context, planned, charged=charged)
        raise
    if not (stored.fresh or stored.perhaps_own):
        _undo(context, planned, charged=charged)
    return stored


async def _create_source(context: Context, obj: dict[str, Any]) -> None:
    """Create the source.

    Raises:
        BusyError: it is unknown whether the source exists; `_create` removes it.
        GatewayError: as `creating.create`.
    """
    path = paths.sources(context.settings.namespace)
    try:
        await creating.create(context, path, obj)
    except creating.UnsureError as error:
        raise BusyError from error  # The execution certainly does not exist.


def _undo(context: Context, planned: Plan, *, charged: bool) -> None:
    """Remove the source of an execution that was not created, and charge only the source."""
    if charged:
        context.writes.forget(planned.name)
    assert planned.obj is not None
    spec = planned.obj["spec"]
    if planned.source is not None:
        context.writes.wrote(spec["tenant"], source.bytes_of(spec))
        context.canceller.remove_source(planned.source["metadata"]["name"])

"""Create the objects of a request exactly once, even if the API server's response is lost."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloche_api.accounting.size import object_bytes
from cloche_api.meta import ANNOTATION_REQUEST_ID, ANNOTATION_REQUEST_SHA256, LABEL_TENANT
from cloche_api.resources import source
from cloche_gateway.errors import (
    BusyError,
    FailedError,
    GatewayError,
    InvalidRequestError,
    KeyReusedError,
    WriteLimitedError,
)
from cloche_gateway.services import tombstones
from cloche_kube.client import METADATA
from cloche_kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnavailableError,
)
from cloche_kube.retry import backoff

if TYPE_CHECKING:
    from cloche_api.accounting.budget import Charge
    from cloche_api.resources.typed_objects import ExecutionSpecDict
    from cloche_gateway.context import Context

_log = logging.getLogger(__name__)

# SandboxExecution.cloche.dev "NAME" is invalid: [spec.code: Too long: …, …]
_REFUSAL = re.compile(r" is invalid: \[?spec\.?(?P<field>[^:\s]*): (?P<rule>.+?)\]?$", re.DOTALL)
_WORDS = 500
_NEVER_SENT_SECONDS = 5.0
"""How long to retry while no connection can be made. An API server restart takes about 3 s."""
_DELAY_MIN, _DELAY_MAX = 0.05, 0.5


class UnsureError(BusyError):
    """It is unknown whether the object was created."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The metadata of a stored object. `fresh`: this request created it, not an earlier one."""

    metadata: dict[str, Any]
    fresh: bool
    perhaps_own: bool = False
    """The object has this request's Idempotency-Key, and an attempt of this request to create it
    got no response. So it is unknown which request created it."""

    @property
    def uid(self) -> str:
        """Return the object's uid."""
        return str(self.metadata["uid"])


@dataclass(slots=True)
class Plan:
    """An execution that is about to be created.

    `keyed`: the request has an Idempotency-Key, so the client may retry it.
    """

    name: str
    """The execution's id, which is also the object's name."""
    keyed: bool
    storage_full: bool
    timeout_seconds: float
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


async def submit(context: Context, planned: Plan) -> Stored:
    """Create the execution, or return the one that has the same Idempotency-Key.

    The plan's objects are dropped in any case, so a plan can be submitted only once.

    A retry of a request that was accepted gets its execution even while the storage is full or the
    tenant's write limit is exceeded.

    Raises:
        BusyError: the storage for executions is full, or as `create`.
        WriteLimitedError: the tenant's executions have written too many bytes.
        RecordRemovedError: the record of the execution with this Idempotency-Key was removed.
        GatewayError: as `create`.
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


async def create(context: Context, path: str, obj: dict[str, Any]) -> Stored:
    """Create the object in the collection at `path` and return its metadata.

    A create without a response is retried under the same name, for at most
    `api_timeout_seconds` in total. AlreadyExists then has two possible causes:

    - The first attempt succeeded. The request id in the stored object confirms it.
    - An earlier request had the same Idempotency-Key. The request's hash confirms it.

    Raises:
        BusyError: the API server is unreachable or rejects the request for now; nothing was
            created.
        UnsureError: the API server became unreachable during the request.
        InvalidRequestError: the API server's validation rejects a request that passed the
            gateway's own.
        KeyReusedError: the Idempotency-Key belongs to a different request.
        FailedError: the installed CRDs do not match this gateway, or another object has the name.
    """
    clock = asyncio.get_running_loop().time
    began, delays, sent = clock(), backoff(_DELAY_MIN, _DELAY_MAX), False
    name = obj["metadata"]["name"]
    while True:
        left = context.settings.api_timeout_seconds - (clock() - began)
        try:
            # Leaves time to retry within the same deadline if the response is lost.
            seconds = max(left * 2 / 3, 0.5)
            stored = await context.kube.create(path, obj, strict=True, seconds=seconds)
            return Stored(stored["metadata"], fresh=True)
        except AlreadyExistsError:
            found = await existing(context, path, obj, max(left, 0.5))
            if found is not None:
                return replace(found, perhaps_own=sent)
            # The record was removed between the two calls, so its Idempotency-Key is free again.
        except (ConflictError, UnavailableError) as error:
            # A conflict: a quota was being updated, so nothing was created.
            sent = sent or (isinstance(error, UnavailableError) and error.sent)
            _log.warning("create of %s %s failed, retrying: %s", obj["kind"], name, error)
        except ApiError as error:
            if not sent:
                raise _refused(error, obj) from error
            # The attempt without a response may have created the object and so filled the quota.
            found = await existing(context, path, obj, max(left, 0.5))
            if found is None:
                raise UnsureError(name) from error
            return replace(found, perhaps_own=True)
        allowed = context.settings.api_timeout_seconds if sent else _NEVER_SENT_SECONDS
        delay = next(delays)
        if clock() - began + delay >= min(allowed, context.settings.api_timeout_seconds):
            raise UnsureError(name) if sent else BusyError
        await asyncio.sleep(delay)


async def existing(
    context: Context, path: str, obj: dict[str, Any], seconds: float
) -> Stored | None:
    """Return the stored object that has the name of `obj`, or None if there is none.

    Raises:
        UnsureError: the API server does not answer.
        KeyReusedError: a different request with this Idempotency-Key created it.
        FailedError: it belongs to another tenant; or this request has no Idempotency-Key and did
            not create it.
    """
    name, wanted = obj["metadata"]["name"], obj["metadata"]["annotations"]
    try:
        stored = await context.kube.get(f"{path}/{name}", seconds=seconds, accept=METADATA)
    except NotFoundError:
        return None
    except KubeError as error:
        raise UnsureError(name) from error
    meta = stored["metadata"]
    if (meta.get("labels") or {}).get(LABEL_TENANT) != obj["metadata"]["labels"][LABEL_TENANT]:
        # Only the gateway can set this tenant's label. An object that another client created
        # under a guessed name must not be returned to the tenant.
        raise FailedError("another object has its name", name)
    found = meta.get("annotations") or {}
    if ANNOTATION_REQUEST_SHA256 in wanted:
        if found.get(ANNOTATION_REQUEST_SHA256) != wanted[ANNOTATION_REQUEST_SHA256]:
            raise KeyReusedError
        return Stored(meta, fresh=False)
    if found.get(ANNOTATION_REQUEST_ID) != wanted[ANNOTATION_REQUEST_ID]:
        raise FailedError("another object has its name", name)
    return Stored(meta, fresh=True)


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
    path = context.paths.executions
    seconds = context.settings.api_timeout_seconds
    return await existing(context, path, planned.obj, seconds)


async def _create(context: Context, planned: Plan, *, charged: bool) -> Stored:
    """Create the source, if any, and then the execution.

    If no execution was created, its charge on the write limit is returned, except for the source.
    If the gateway dies after creating the source, the operator removes the source.

    `charged`: `_charge` charged this execution now, rather than for an earlier request with its
    name.
    """
    assert planned.obj is not None
    path = context.paths.executions
    if context.settings.names_waiting_pods:
        _name_pod(context, planned.obj["spec"])
    try:
        if planned.source is not None:
            await _create_source(context, planned.source)
        stored = await create(context, path, planned.obj)
    except UnsureError:
        raise  # The execution may exist and need its source.
    except GatewayError:
        _undo(context, planned, charged=charged)
        raise
    if not (stored.fresh or stored.perhaps_own):
        _undo(context, planned, charged=charged)
    return stored


def _name_pod(context: Context, spec: ExecutionSpecDict) -> None:
    """Name a waiting Pod in the execution: that of its session, or one of the pool."""
    session = context.sessions.find(spec["session"]) if "session" in spec else None
    of_session = None if session is None else session.pod
    pod = context.languages.waiting_pods.choose(spec, of_session)
    if pod is not None:
        spec["waitingPod"] = pod


async def _create_source(context: Context, obj: dict[str, Any]) -> None:
    """Create the source.

    Raises:
        BusyError: it is unknown whether the source exists; `_create` removes it.
        GatewayError: as `create`.
    """
    path = context.paths.sources
    try:
        await create(context, path, obj)
    except UnsureError as error:
        raise BusyError from error  # The execution certainly does not exist.


def _undo(context: Context, planned: Plan, *, charged: bool) -> None:
    """Remove the source of an execution that was not created, and charge only the source.

    The Pod that it names waits again.
    """
    if charged:
        context.writes.forget(planned.name)
    assert planned.obj is not None
    spec = planned.obj["spec"]
    if "waitingPod" in spec:
        context.languages.waiting_pods.release(spec["waitingPod"])
    if planned.source is not None:
        context.writes.wrote(spec["tenant"], source.bytes_of(spec))
        context.canceller.remove_source(planned.source["metadata"]["name"])


def _refused(error: ApiError, obj: dict[str, Any]) -> Exception:
    refused = _REFUSAL.search(error.message)
    if isinstance(error, InvalidError) and refused:
        return InvalidRequestError(refused["field"], refused["rule"][:_WORDS])
    kind, name = obj["kind"], obj["metadata"]["name"]
    if isinstance(error, ForbiddenError):  # a quota, a terminating namespace, or RBAC: see the log
        _log.error("create of a %s is forbidden: %s", kind, error)
        return BusyError()
    _log.error("create of a %s was rejected: %s", kind, error)
    return FailedError(
        f"the CustomResourceDefinition of {kind} is missing or of another version", name
    )

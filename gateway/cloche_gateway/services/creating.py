"""Create an object exactly once, even if the API server's response is lost."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloche_api.meta import ANNOTATION_REQUEST_ID, LABEL_TENANT
from cloche_gateway.cluster.api import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnavailableError,
)
from cloche_gateway.errors import BusyError, FailedError, InvalidRequestError, KeyReusedError
from cloche_gateway.requests import idempotency
from cloche_kube.client import METADATA

if TYPE_CHECKING:
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
    began, delay, sent = clock(), _DELAY_MIN, False
    name = obj["metadata"]["name"]
    while True:
        left = context.settings.api_timeout_seconds - (clock() - began)
        try:
            # Leaves time to retry within the same deadline if the response is lost.
            stored = await context.kube.create(path, obj, seconds=max(left * 2 / 3, 0.5))
            return Stored(stored["metadata"], fresh=True)
        except AlreadyExistsError:
            found = await existing(context, path, obj, max(left, 0.5))
            if found is not None:
                return replace(found, perhaps_own=sent)
            # The record was removed between the two calls, so its Idempotency-Key is free again.
        except UnavailableError as error:
            sent = sent or error.sent
            _log.warning("cannot create %s %s yet: %s", obj["kind"], name, error)
        except (ForbiddenError, NotFoundError, InvalidError) as error:
            if not sent:
                raise _refused(error, obj) from error
            # The attempt without a response may have created the object and so filled the quota.
            found = await existing(context, path, obj, max(left, 0.5))
            if found is None:
                raise UnsureError(name) from error
            return replace(found, perhaps_own=True)
        allowed = context.settings.api_timeout_seconds if sent else _NEVER_SENT_SECONDS
        if clock() - began + delay >= min(allowed, context.settings.api_timeout_seconds):
            raise UnsureError(name) if sent else BusyError
        await asyncio.sleep(delay)
        delay = min(delay * 2, _DELAY_MAX)


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
        raise FailedError("its name is taken", name)
    found = meta.get("annotations") or {}
    if idempotency.ANNOTATION in wanted:
        if found.get(idempotency.ANNOTATION) != wanted[idempotency.ANNOTATION]:
            raise KeyReusedError
        return Stored(meta, fresh=False)
    if found.get(ANNOTATION_REQUEST_ID) != wanted[ANNOTATION_REQUEST_ID]:
        raise FailedError("its name is taken", name)
    return Stored(meta, fresh=True)


def _refused(error: KubeError, obj: dict[str, Any]) -> Exception:
    refused = _REFUSAL.search(str(error))
    if isinstance(error, InvalidError) and refused:
        return InvalidRequestError(refused["field"], refused["rule"][:_WORDS])
    kind, name = obj["kind"], obj["metadata"]["name"]
    if isinstance(error, ForbiddenError):  # a quota, a terminating namespace, or RBAC: see the log
        _log.error("the API server forbids a %s: %s", kind, error)
        return BusyError()
    _log.error("the API server does not take a %s: %s", kind, error)
    return FailedError(f"the cluster's {kind} resource is missing or not of this version", name)

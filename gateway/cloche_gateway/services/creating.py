"""Create an object once, however often the answer is lost."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloche_api.meta import ANNOTATION_REQUEST_ID, LABEL_TENANT
from cloche_api.rest import METADATA
from cloche_gateway.errors import BusyError, FailedError, InvalidRequestError, KeyReusedError
from cloche_gateway.kube import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnavailableError,
)
from cloche_gateway.services import idempotency

if TYPE_CHECKING:
    from cloche_gateway.context import Context

_log = logging.getLogger(__name__)

# SandboxExecution.cloche.dev "NAME" is invalid: [spec.code: Too long: …, …]
_REFUSAL = re.compile(r" is invalid: \[?spec\.?(?P<field>[^:\s]*): (?P<rule>.+?)\]?$", re.DOTALL)
_WORDS = 500
_NEVER_SENT_SECONDS = 5.0
"""While no connection can be made at all: a restart of the API server takes about 3 s."""
_DELAY_MIN, _DELAY_MAX = 0.05, 0.5


class UnsureError(BusyError):
    """Nobody knows whether the object was created."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The object's metadata. `fresh` says that this request made it, and no other."""

    metadata: dict[str, Any]
    fresh: bool
    perhaps_own: bool = False
    """It has this request's Idempotency-Key, and an attempt of this request to create it got no
    answer: nobody knows which request made it."""

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(self.metadata["uid"])


async def create(context: Context, path: str, obj: dict[str, Any]) -> Stored:
    """Create the object in the collection at `path`.

    A create without an answer is repeated under the same name: AlreadyExists then means that the
    first one came through, which the request's id in the stored object confirms; or that an
    earlier request had the same Idempotency-Key, which the request's hash confirms.

    Raises:
        BusyError: when the API server is away or refuses for now; nothing was created.
        UnsureError: when it went away in the middle.
        InvalidRequestError: when the API server's rules refuse what ours let through.
        KeyReusedError: when the Idempotency-Key belongs to another request.
        FailedError: when the installed resources are not those that this gateway knows.
    """
    clock = asyncio.get_running_loop().time
    began, delay, sent = clock(), _DELAY_MIN, False
    name = obj["metadata"]["name"]
    while True:
        left = context.settings.api_timeout_seconds - (clock() - began)
        try:
            # A lost answer must leave time to ask again within the same deadline.
            stored = await context.kube.create(path, obj, seconds=max(left * 2 / 3, 0.5))
            return Stored(stored["metadata"], fresh=True)
        except AlreadyExistsError:
            found = await existing(context, path, obj, max(left, 0.5))
            if found is not None:
                return replace(found, perhaps_own=sent)
            # Its record was removed between the two calls: its Idempotency-Key is free again.
        except UnavailableError as error:
            sent = sent or error.sent
            _log.warning("cannot create %s %s yet: %s", obj["kind"], name, error)
        except (ForbiddenError, NotFoundError, InvalidError) as error:
            if not sent:
                raise _refused(error, obj) from error
            # The attempt without an answer may have made it, and so filled the quota.
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
    """The object that stands there under the name of `obj`, None when there is none.

    Raises:
        UnsureError: when the API server does not tell.
        KeyReusedError: when it was made by another request with this Idempotency-Key.
        FailedError: when it is somebody else's.
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
        # Nobody but the gateway can give an object this tenant's label; what others have put
        # under a name that they worked out is not to be answered to the tenant.
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
    if isinstance(error, ForbiddenError):  # a quota, or the namespace goes away; RBAC is in the log
        _log.error("the API server forbids a %s: %s", kind, error)
        return BusyError()
    _log.error("the API server does not take a %s: %s", kind, error)
    return FailedError(f"the cluster's {kind} resource is missing or not of this version", name)

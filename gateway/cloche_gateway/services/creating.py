"""Create an execution once, however often the answer is lost."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

from cloche_api.meta import ANNOTATION_REQUEST_ID
from cloche_gateway import names
from cloche_gateway.errors import BusyError, FailedError, InvalidRequestError
from cloche_gateway.kube import (
    METADATA,
    AlreadyExistsError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnavailableError,
)

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
    """Nobody knows whether the execution was created."""


async def create(context: Context, obj: dict[str, Any]) -> str:
    """Create the execution; its uid.

    A create without an answer is repeated under the same name: AlreadyExists then means that the
    first one came through, which the request's id in the stored object confirms.

    Raises:
        BusyError: when the API server is away or refuses for now; nothing was created.
        UnsureError: when it went away in the middle.
        InvalidRequestError: when the API server's rules refuse what ours let through.
        FailedError: when the installed resources are not those that this gateway knows.
    """
    clock = asyncio.get_running_loop().time
    began, delay, sent = clock(), _DELAY_MIN, False
    name = obj["metadata"]["name"]
    path = names.executions(context.settings.namespace)
    while True:
        left = context.settings.api_timeout_seconds - (clock() - began)
        try:
            # A lost answer must leave time to ask again within the same deadline.
            stored = await context.kube.create(path, obj, seconds=max(left * 2 / 3, 0.5))
            return str(stored["metadata"]["uid"])
        except AlreadyExistsError:
            uid = await _ours(context, obj, max(left, 0.5))
            if uid is not None:
                return uid
            raise FailedError("its name is taken", name) from None
        except UnavailableError as error:
            sent = sent or error.sent
            _log.warning("cannot create execution %s yet: %s", name, error)
        except (ForbiddenError, NotFoundError, InvalidError) as error:
            raise _refused(error, name) from error
        allowed = context.settings.api_timeout_seconds if sent else _NEVER_SENT_SECONDS
        if clock() - began + delay >= min(allowed, context.settings.api_timeout_seconds):
            raise UnsureError(name) if sent else BusyError
        await asyncio.sleep(delay)
        delay = min(delay * 2, _DELAY_MAX)


async def _ours(context: Context, obj: dict[str, Any], seconds: float) -> str | None:
    """The uid of the object of that name, if this request made it."""
    name = obj["metadata"]["name"]
    try:
        stored = await context.kube.get(
            names.execution(context.settings.namespace, name), seconds=seconds, accept=METADATA
        )
    except KubeError as error:
        raise UnsureError(name) from error
    meta = stored["metadata"]
    wanted = obj["metadata"]["annotations"][ANNOTATION_REQUEST_ID]
    same = (meta.get("annotations") or {}).get(ANNOTATION_REQUEST_ID) == wanted
    return str(meta["uid"]) if same else None


def _refused(error: KubeError, name: str) -> Exception:
    refused = _REFUSAL.search(str(error))
    if isinstance(error, InvalidError) and refused:
        return InvalidRequestError(refused["field"], refused["rule"][:_WORDS])
    if isinstance(error, ForbiddenError):  # a quota, or the namespace goes away; RBAC is in the log
        _log.error("the API server forbids executions: %s", error)
        return BusyError()
    _log.error("the API server does not take executions: %s", error)
    return FailedError(
        "the cluster's SandboxExecution resource is missing or not of this version", name
    )

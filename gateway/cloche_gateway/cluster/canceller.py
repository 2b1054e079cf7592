"""Background tasks that cancel executions and delete objects that no request needs any more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cloche_kube.errors import InvalidError, KubeError, NotFoundError
from cloche_kube.retry import backoff
from cloche_kube.tasks import Background

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_kube.client import Rest
    from cloche_kube.paths import Paths

_log = logging.getLogger(__name__)

_CALL_SECONDS = 10.0
_GIVE_UP_SECONDS = 60.0
"""How long a call is retried: longer than an API server restart takes. If it still fails, an
execution ends by its own timeout."""
_LATE_CREATE_SECONDS = 20.0
"""How long an object may still appear after its create got no response: the time that the API
server may take for a request."""
_FINISH_SECONDS = 3.0
_DELAY_MIN, _DELAY_MAX = 0.2, 5.0


class Canceller:
    """Cancels executions and deletes objects in the background, with retries for up to 60 s."""

    def __init__(self, kube: Rest, paths: Paths) -> None:
        self._kube = kube
        self._paths = paths
        self._tasks = Background()

    def cancel(self, name: str, *, unsure: bool) -> None:
        """Cancel an execution.

        `unsure`: it is unknown whether the execution was created, and it may still appear.
        """
        path = self._paths.execution(name)

        async def patch() -> None:
            await self._kube.patch(path, {"spec": {"cancel": True}}, seconds=_CALL_SECONDS)

        self._start(f"cancel execution {name}", patch, unsure=unsure)

    def end_session(self, name: str, *, unsure: bool) -> None:
        """Delete a session that was not returned to its client. `unsure` as in `cancel`."""
        path = self._paths.session(name)

        async def delete() -> None:
            await self._kube.delete(path, seconds=_CALL_SECONDS)

        self._start(f"delete session {name}", delete, unsure=unsure)

    def remove(self, name: str, remove: Callable[[], Awaitable[None]]) -> None:
        """Remove the record of the execution `name` after its result was returned.

        `remove` makes the calls. It raises KubeError when it is to be retried, or NotFoundError or
        InvalidError when it is not.
        """
        self._start(f"remove record {name}", remove, unsure=False)

    def remove_source(self, name: str) -> None:
        """Delete a SandboxSource that no execution refers to.

        It is unknown whether the source was created. The operator deletes one that appears after
        the retries have ended.
        """
        path = self._paths.source(name)

        async def delete() -> None:
            await self._kube.delete(path, seconds=_CALL_SECONDS)

        self._start(f"delete source {name}", delete, unsure=True)

    async def finish(self) -> None:
        """Wait up to 3 s for the tasks under way, then cancel them."""
        await self._tasks.close(_FINISH_SECONDS)

    def _start(self, what: str, call: Callable[[], Awaitable[None]], *, unsure: bool) -> None:
        self._tasks.start(_until_done(what, call, unsure=unsure))


async def _until_done(what: str, call: Callable[[], Awaitable[None]], *, unsure: bool) -> None:
    clock = asyncio.get_running_loop().time
    began, delays = clock(), backoff(_DELAY_MIN, _DELAY_MAX)
    while clock() - began < _GIVE_UP_SECONDS:
        try:
            await call()
        except NotFoundError:
            if not unsure or clock() - began > _LATE_CREATE_SECONDS:
                return
        except InvalidError as error:
            _log.warning("%s: rejected: %s", what, error)
            return
        except KubeError as error:
            _log.warning("%s: failed, retrying: %s", what, error)
        else:
            _log.info("%s: done", what)
            return
        await asyncio.sleep(next(delays))
    _log.error("%s: not done after %g s, left to the operator", what, _GIVE_UP_SECONDS)

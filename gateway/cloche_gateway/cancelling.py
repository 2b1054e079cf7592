"""Cancelling executions whose client went away, beside the requests."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cloche_gateway import names
from cloche_gateway.kube import InvalidError, KubeError, NotFoundError

if TYPE_CHECKING:
    from cloche_gateway.kube import KubeClient

_log = logging.getLogger(__name__)

_CALL_SECONDS = 10.0
_GIVE_UP_SECONDS = 60.0
"""Longer than a restart of the API server; an execution ends by its own timeout anyway."""
_LATE_CREATE_SECONDS = 20.0
"""A create whose answer was lost may still become an object within the API server's own time."""
_FINISH_SECONDS = 3.0
_DELAY_MIN, _DELAY_MAX = 0.2, 5.0


class Canceller:
    """Sets spec.cancel, again and again while the API server is away."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._tasks: set[asyncio.Task[None]] = set()

    def cancel(self, name: str, *, unsure: bool) -> None:
        """Cancel an execution, later if need be.

        With `unsure` it is not known whether it was created, and it may yet appear.
        """
        task = asyncio.create_task(self._cancel(name, unsure=unsure))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Give what is under way some seconds, then end it."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=_FINISH_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _cancel(self, name: str, *, unsure: bool) -> None:
        clock = asyncio.get_running_loop().time
        began, delay = clock(), _DELAY_MIN
        while clock() - began < _GIVE_UP_SECONDS:
            try:
                await self._kube.patch(
                    names.execution(self._namespace, name),
                    {"spec": {"cancel": True}},
                    seconds=_CALL_SECONDS,
                )
            except NotFoundError:
                if not unsure or clock() - began > _LATE_CREATE_SECONDS:
                    return
            except InvalidError as error:
                _log.warning("execution %s cannot be cancelled: %s", name, error)
                return
            except KubeError as error:
                _log.warning("execution %s is not cancelled yet: %s", name, error)
            else:
                _log.info("execution %s is cancelled: nobody waits for it", name)
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, _DELAY_MAX)
        _log.error("execution %s could not be cancelled; it ends by its own timeout", name)

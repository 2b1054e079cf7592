"""An execution's input: kept only while there is memory, and read again when it is needed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pydantic

from cloche_api.limits import KIB
from cloche_api.resources.execution import ExecutionSpec, with_input
from cloche_api.resources.phases import Reason
from cloche_api.resources.source import SourceSpec, is_name_for
from cloche_kube.errors import ApiError, NotFoundError
from cloche_kube.retry import retry_until_available
from cloche_operator.model.status import EndedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloche_api.accounting.budget import ByteBudget, Charge
    from cloche_api.resources.source import SourceReference
    from cloche_operator.kube.api import Kube
    from cloche_operator.model.execution import Execution

_TIMES = 8
"""Bytes of memory per byte of a spec in etcd, at most: four bytes per character if one is beyond
U+FFFF, and as much for the texts of the answer and of the frame."""

_SMALL_BYTES = 128 * KIB

log = logging.getLogger(__name__)


class Source:
    """The complete spec of one execution, with the content of its SandboxSource if it has one.

    It never changes, except for `cancel`.
    """

    def __init__(
        self, kube: Kube, budget: ByteBudget, execution: Execution, spec: ExecutionSpec
    ) -> None:
        self._kube = kube
        self._budget = budget
        self._name, self._uid = execution.name, execution.uid
        self._reference = spec.source
        self._rest = None if spec.output_files else execution.spec
        self._size = _TIMES * execution.stored_size
        self._hold: Charge | None = None
        self._spec: ExecutionSpec | None = None
        if self._reference is None:
            self._hold = budget.try_take(self._size)
            self._spec = None if self._hold is None else spec

    @contextlib.asynccontextmanager
    async def read_ahead(self) -> AsyncIterator[None]:
        """Read the SandboxSource, if there is one, while the block runs.

        A failure is reported by `read`, which must be called afterwards.
        """
        if self._reference is None:
            yield
            return
        reading = asyncio.ensure_future(self.read())
        try:
            yield
            with contextlib.suppress(EndedError):
                await reading
        finally:  # before the caller drops what was read
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def remove(self) -> None:
        """Delete the SandboxSource, if there is one, because it is no longer needed.

        If this fails, retention deletes it.
        """
        of = self._reference
        if of is None or not is_name_for(of.name, self._name):
            return
        try:
            await retry_until_available(lambda: self._kube.delete_source(of.name))
        except ApiError as error:
            log.warning("source %s is not deleted: %s", of.name, error)

    def drop(self) -> None:
        """Drop the input: the execution is queued, or its program has the input."""
        self._spec = None
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def drop_if_large(self) -> None:
        """Drop a large input for a while. A small one costs less to keep than to read again."""
        if self._size > _SMALL_BYTES:
            self.drop()

    async def read(self) -> ExecutionSpec:
        """Return the spec, from memory or else from the API server. `drop` must follow.

        Raises:
            EndedError: Deleted, if the execution is gone; SourceLost, if its source is.
        """
        if self._spec is not None:
            return self._spec
        self.drop()
        self._hold = await self._budget.take(self._size)
        if self._reference is None:
            self._spec = await self._inline()
        else:
            self._spec = await self._separate(self._reference)
        return self._spec

    async def _inline(self) -> ExecutionSpec:
        try:
            obj = await retry_until_available(lambda: self._kube.get_execution(self._name))
        except ApiError as error:
            raise EndedError(Reason.DELETED, f"The execution no longer exists: {error}") from error
        if obj["metadata"]["uid"] != self._uid:
            raise EndedError(Reason.DELETED, "The execution was deleted.")
        return ExecutionSpec.model_validate(obj["spec"])

    async def _separate(self, reference: SourceReference) -> ExecutionSpec:
        name = reference.name
        if not is_name_for(name, self._name):
            words = f"The SandboxSource {name} does not belong to this execution."
            raise EndedError(Reason.SOURCE_LOST, words)
        rest = self._rest or await self._inline()
        try:
            obj = await retry_until_available(lambda: self._kube.get_source(name))
            found = SourceSpec.model_validate(obj["spec"])
        except NotFoundError as error:
            words = f"The SandboxSource {name} no longer exists; submit the program again."
            raise EndedError(Reason.SOURCE_LOST, words) from error
        except ApiError as error:
            words = f"The SandboxSource {name} cannot be read: {error}"
            raise EndedError(Reason.SOURCE_LOST, words) from error
        except pydantic.ValidationError as error:  # its text would quote the input
            words = f"The SandboxSource {name} cannot be read: {error.errors()[0]['msg']}"
            raise EndedError(Reason.SOURCE_LOST, words) from None
        if found.code is None and rest.action is None:
            words = f"The SandboxSource {name} cannot be read: it has no code."
            raise EndedError(Reason.SOURCE_LOST, words)
        return with_input(rest, found)

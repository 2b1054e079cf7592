"""An execution's input: read again when it is needed, and kept only while there is memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api.execution import ExecutionSpec
from cloche_api.limits import KIB
from cloche_api.phases import Reason
from cloche_api.rest import ApiError
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist

if TYPE_CHECKING:
    from cloche_api.budget import ByteBudget, Charge
    from cloche_operator.execution import Execution
    from cloche_operator.kube import Kube

_TIMES = 8
"""Bytes of memory for each byte of a spec in etcd, at most: four a character where one is beyond
U+FFFF, and the texts of the answer and of the frame beside it."""

_SMALL_BYTES = 128 * KIB


class Source:
    """The whole spec of one execution. It never changes, but for `cancel`."""

    def __init__(
        self, kube: Kube, budget: ByteBudget, execution: Execution, spec: ExecutionSpec
    ) -> None:
        self._kube = kube
        self._budget = budget
        self._name, self._uid = execution.name, execution.uid
        self._size = _TIMES * execution.size
        self._hold: Charge | None = budget.try_take(self._size)
        self._spec = None if self._hold is None else spec

    def drop(self) -> None:
        """Keep it no longer: it waits, or its program has it."""
        self._spec = None
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def drop_if_large(self) -> None:
        """It is not needed for a while: a second read of a small one costs more than its memory."""
        if self._size > _SMALL_BYTES:
            self.drop()

    async def read(self) -> ExecutionSpec:
        """The spec, from the API server unless it is here still. `drop` must follow.

        Raises:
            EndedError: Deleted, when the execution is gone.
        """
        if self._spec is not None:
            return self._spec
        self.drop()
        self._hold = await self._budget.take(self._size)
        try:
            obj = await persist(lambda: self._kube.get_execution(self._name))
        except ApiError as error:
            raise EndedError(Reason.DELETED, f"The execution is gone: {error}") from error
        if obj["metadata"]["uid"] != self._uid:
            raise EndedError(Reason.DELETED, "The execution was deleted.")
        self._spec = ExecutionSpec.model_validate(obj["spec"])
        return self._spec

"""The interpreter of a session that keeps one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError
from cloche_operator.protocol import cells

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.state.cache import Runtime


def require_cells(runtime: Runtime) -> None:
    """Check that the language has an interpreter that can be kept.

    Raises:
        EndedError: InvalidSpec, if it has none.
    """
    if runtime.spec.cells is None:
        words = f"spec.stateful: {runtime.name} has no interpreter that can be kept"
        raise EndedError(Reason.INVALID_SPEC, words)


async def start_interpreter(sandbox: Sandbox, runtime: Runtime, used: UsedResources) -> None:
    """Have the interpreter started, so that the first cell does not wait for it.

    Raises:
        EndedError: InvalidSpec, if the image has no supervisor that can keep it.
    """
    if not sandbox.knows_cells:
        words = f"spec.stateful: {runtime.name} has an image that is too old for it"
        raise EndedError(Reason.INVALID_SPEC, words)
    await sandbox.tell(cells.start(runtime.spec, used))

"""Does what flows ask for."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cloche_client.core import flows, wire
from cloche_client.errors import ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_client.blocking.transport import Transport
    from cloche_client.core.retry import Retry
    from cloche_client.core.wire import Flow
    from cloche_client.models import ExecutionState, Program, Result

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Driver:
    """The connections to one gateway, and how often requests are repeated."""

    transport: Transport
    retry: Retry

    def drive(self, flow: Flow[T]) -> T:
        """Send the requests of a flow, wait between them, and return its result."""
        try:
            effect = next(flow)
            while True:
                if isinstance(effect, wire.Pause):
                    time.sleep(effect.seconds)
                    effect = flow.send(None)
                    continue
                try:
                    reply = self.transport.send(effect)
                except ConnectionFailedError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result

    def run(self, program: Program) -> Result:
        """Run a program. If the caller is interrupted meanwhile, its execution is cancelled."""
        key = wire.new_key()
        with self._cancelled_if_interrupted(program, key):
            return self.drive(flows.run(program, self.retry, key=key))

    def submit(self, program: Program) -> ExecutionState:
        """Start a program. If the caller is interrupted meanwhile, its execution is cancelled."""
        key = wire.new_key()
        with self._cancelled_if_interrupted(program, key):
            return self.drive(flows.submit(program, self.retry, key=key))

    @contextlib.contextmanager
    def _cancelled_if_interrupted(self, program: Program, key: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            raise
        except BaseException:
            with contextlib.suppress(Exception):
                self.drive(flows.abandon(program, key=key))
            raise

"""A client of a gateway that may fail: requests have an Idempotency-Key and are retried."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
from support.deadline import until

if TYPE_CHECKING:
    from chaos.workload import Program

_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 120.0
_TURN_SECONDS = 300.0
_REQUEST_SECONDS = 30.0
_TOGETHER = 16
_UNFINISHED = 40
"""Concurrent programs, about as many as 24 GiB can run. More would exceed the queue's limit of 60
s: 2 slow cores complete 1.3 programs a second, and none while a component is down."""
_ACCEPTED, _OK = 202, 200


class Client:
    """Submits programs with one session name and reads their results."""

    def __init__(self, url: str, key: str, language: str, session: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=_TOGETHER)
        self._http = httpx.Client(
            base_url=url, headers={"X-API-Key": key}, timeout=_REQUEST_SECONDS, limits=limits
        )
        self._language, self._session = language, session
        self._lock, self._turns = threading.Lock(), threading.Lock()
        self._ended: Callable[[], int] = lambda: 0
        self._sent = 0
        self._closing = False
        self._pools: list[ThreadPoolExecutor] = []
        self.accepted = 0
        """Programs that the gateway has accepted so far."""
        self.repeated = 0
        """Requests that were retried."""

    def hand_in(
        self,
        programs: list[Program],
        synchronous: int,
        ended: Callable[[], int],
        *,
        first: int = 0,
    ) -> list[Future[str]]:
        """Submit all programs with limited concurrency; return their executions' ids, in order.

        `ended` returns how many have ended so far; `first` is the number of the first program, and
        each number is used only once. The last `synchronous` of them wait for their result on a
        separate connection, so their id is known only at their end.
        """
        self._ended = ended
        border = len(programs) - synchronous
        several, each = ThreadPoolExecutor(_TOGETHER), ThreadPoolExecutor(max(1, synchronous))
        self._pools += [several, each]
        return [
            (several if number < border else each).submit(
                self._hand_in, program, f"{self._session}-{first + number}", wait=number >= border
            )
            for number, program in enumerate(programs)
        ]

    def _hand_in(self, program: Program, key: str, *, wait: bool) -> str:
        path, wanted = ("/api/v1/execute", _OK) if wait else ("/api/v1/execute/async", _ACCEPTED)
        body = {
            "code": program.code,
            "language": self._language,
            "timeout": program.timeout_seconds,
            "session_id": self._session,
        }
        self._take_turn()
        answer = self._patiently("POST", path, wanted, json=body, headers={"Idempotency-Key": key})
        with self._lock:
            self.accepted += 1
        return str(answer["execution_id"])

    def _take_turn(self) -> None:
        """Wait until few enough programs are unfinished."""
        with self._turns:
            until(
                lambda: self._closing or self._sent - self._ended() < _UNFINISHED,
                "programs to end, so that others may follow",
                _TURN_SECONDS,
            )
            assert not self._closing, "the round was given up"
            self._sent += 1

    def status(self, execution: str) -> dict[str, Any]:
        """Return an execution's status from the gateway."""
        return self._patiently("GET", f"/api/v1/execute/status/{execution}", _OK)

    def is_served(self) -> bool:
        """Return whether the gateway reports that it is ready."""
        try:
            return self._http.get("/health/ready", timeout=2.0).status_code == _OK
        except httpx.TransportError:
            return False

    def _patiently(self, method: str, path: str, wanted: int, **request: Any) -> dict[str, Any]:
        """Return the response's body; retry without a response or if the response asks to retry."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            said = "no answer"
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if answer.status_code == wanted:
                    body: dict[str, Any] = answer.json()
                    return body
                said = f"{answer.status_code} {answer.text[:500]}"
                # An execution's failure is not the gateway's; the round judges it.
                if "execution_id" in answer.text:
                    return dict(answer.json())
                assert answer.status_code in (502, 503, 504), said
            assert time.monotonic() < deadline, f"{method} {path}: {said}"
            assert not self._closing, "the round was given up"
            with self._lock:
                self.repeated += 1
            time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Stop its threads and connections without waiting for responses."""
        self._closing = True
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)
        self._http.close()

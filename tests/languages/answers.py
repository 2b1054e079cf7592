"""The answers to the rows: each language's in one session Pod, two languages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from languages.rows import Row

_TOGETHER = 2
"""As many as the smallest machine has processors."""
_LIFETIME_SECONDS = 900


class Answers:
    """Answers that are waited for by row."""

    def __init__(self, http: httpx.Client, rows: list[Row]) -> None:
        self._http = http
        self._answers: dict[Row, Future[httpx.Response]] = {row: Future() for row in rows}

    def __call__(self, row: Row) -> httpx.Response:
        """Wait for the answer to a row's request."""
        return self._answers[row].result()

    @contextmanager
    def requested(self) -> Iterator[Answers]:
        """Send all requests in the background while the block runs."""
        languages = list(dict.fromkeys(row.language for row in self._answers))
        with ThreadPoolExecutor(_TOGETHER) as pool:
            for language in languages:
                pool.submit(self._request, [r for r in self._answers if r.language == language])
            yield self
            pool.shutdown(cancel_futures=True)

    def _request(self, rows: list[Row]) -> None:
        """Request a language's rows one after the other; an error is every waiting row's."""
        try:
            self._request_in_session([row for row in rows if not row.has_own_pod])
            for row in rows:
                if row.has_own_pod:
                    self._answers[row].set_result(self._post(row))
        except Exception as error:  # noqa: BLE001  raised again where the answer is asked for
            for row in rows:
                if not self._answers[row].done():
                    self._answers[row].set_exception(error)

    def _request_in_session(self, rows: list[Row]) -> None:
        if not rows:
            return
        asked = {"language": rows[0].language, "lifetime": _LIFETIME_SECONDS}
        made = self._http.post("/api/v1/sessions", json=asked)
        assert made.status_code == httpx.codes.CREATED, made.text
        session: str = made.json()["session_id"]
        try:
            for row in rows:
                self._answers[row].set_result(self._post(row, session_id=session))
        finally:
            self._http.delete(f"/api/v1/sessions/{session}")

    def _post(self, row: Row, **fields: str) -> httpx.Response:
        return self._http.post("/api/v1/execute", json={**row.request, **fields})

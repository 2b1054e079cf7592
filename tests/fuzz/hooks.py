"""What schemathesis does besides: it ends the sessions that it made; each of them holds a Pod."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import httpx
import schemathesis

_SESSIONS = "/api/v1/sessions"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:  # noqa: ARG001  schemathesis' own
    """End a session that was made; the next call may be made before it is gone."""
    if case.path == _SESSIONS and response.status_code == HTTPStatus.CREATED:
        made = json.loads(response.content)["session_id"]
        asked = response.request
        url = httpx.URL(asked.url).copy_with(path=f"{_SESSIONS}/{made}", query=None)
        httpx.delete(url, headers={"X-API-Key": asked.headers["X-API-Key"]})

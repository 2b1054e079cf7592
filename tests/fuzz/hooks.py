"""What schemathesis does besides: it ends its sessions, and gives its programs time to run."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import httpx
import schemathesis

_SESSIONS = "/api/v1/sessions"
_LEAST_SECONDS, _ENOUGH_SECONDS = 0.1, 10
"""The least valid timeout, and one in which each example runs."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001  schemathesis' own
    """Lengthen valid timeouts: a program that ends at its timeout gets 500, as documented."""
    if not isinstance(case.body, dict):
        return
    for name in ("timeout", "compile_timeout"):
        if _is_short(case.body.get(name)):
            case.body[name] = _ENOUGH_SECONDS


def _is_short(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return _LEAST_SECONDS <= value < _ENOUGH_SECONDS


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:  # noqa: ARG001  schemathesis' own
    """End a session that was made; the next call may be made before it is gone."""
    if case.path == _SESSIONS and response.status_code == HTTPStatus.CREATED:
        made = json.loads(response.content)["session_id"]
        asked = response.request
        url = httpx.URL(asked.url).copy_with(path=f"{_SESSIONS}/{made}", query=None)
        httpx.delete(url, headers={"X-API-Key": asked.headers["X-API-Key"]})

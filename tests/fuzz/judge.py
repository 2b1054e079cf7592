"""The rules for a response of the gateway to any request."""

from __future__ import annotations

import json
import re
from typing import Any

from fuzz import dialects

_BUSY, _FAILED = "Service busy", "Execution failed: "
_EVERYWHERE = {400, 404, 405}
"""What an unknown path, a wrong method or a request that is not HTTP may be answered."""


class Judge:
    """Knows the document of the API."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._operations = [
            (method.upper(), _pattern(path), operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]

    def problem(
        self, method: str, target: str, status: int, headers: dict[str, str], body: bytes
    ) -> str | None:
        """What is wrong with this answer, None when nothing is."""
        if dialects.is_dialect(target):
            return dialects.problem(status, headers, body)
        if status not in self._documented(method, target) | _EVERYWHERE:
            return f"{status} is not documented"
        if status < 400 or method == "HEAD":
            return None
        if "x-request-id" not in headers:
            return None if status == 400 else "no X-Request-ID"  # 400: it was not HTTP
        try:
            return _of_detail(status, headers, json.loads(body)["detail"])
        except (ValueError, KeyError, TypeError):
            return f"no detail in {body[:200]!r}"

    def _documented(self, method: str, target: str) -> set[int]:
        path = target.split("?", 1)[0]
        return {
            int(status)
            for name, pattern, operation in self._operations
            if name == method and pattern.fullmatch(path)
            for status in operation["responses"]
        }


def _pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a route. The last part of its path may have slashes."""
    whole = re.sub(r"\{\w+\}$", ".*", path)
    return re.compile(re.sub(r"\{\w+\}", "[^/]*", whole) + "/?")


def _of_detail(status: int, headers: dict[str, str], detail: object) -> str | None:
    if not isinstance(detail, str) or not detail:
        return f"the detail is {detail!r}"
    if "internal error" in detail or "Traceback" in detail:
        return f"a bug: {detail}"
    if status == 503 and not (detail.startswith(_BUSY) and "retry-after" in headers):
        return f"503 without Retry-After or words: {detail}"
    if status == 500 and not detail.startswith(_FAILED):
        return f"500 without words: {detail}"
    return None

"""JSON responses."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response


class JsonResponse(Response):
    """A JSON response with a final line break, serialised by pydantic-core.

    It serialises half a megabyte in less than a millisecond.
    """

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None,
                 ) -> None:  # fmt: skip
        super().__init__(to_json(content) + b"\n", status_code, headers)

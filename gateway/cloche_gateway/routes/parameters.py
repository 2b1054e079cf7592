"""Query parameters and headers that endpoints take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query
from pydantic.json_schema import SkipJsonSchema
from starlette.convertors import Convertor, register_url_convertor

from cloche_gateway.requests import queries


class _Rest(Convertor[str]):
    """The rest of a path, with slashes and line breaks. Starlette's `path` has no line breaks."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Return the rest as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the rest as it is."""
        return value


register_url_convertor("rest", _Rest())

Strict = Annotated[
    queries.Flag,
    Query(description="Reject a request with unknown fields, instead of ignoring them."),
]
Purge = Annotated[
    queries.Flag, Query(description="Remove the record of an execution that has ended.")
]
Wait = Annotated[
    queries.Seconds,
    Query(description="Seconds to wait at most for the end of the execution before responding."),
]
Listing = Annotated[queries.Query, Query()]
Paging = Annotated[queries.Page, Query()]
Pattern = Annotated[
    str,
    Query(description="Glob pattern of the files, relative to the working directory."),
]
IdempotencyKey = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="Idempotency-Key",
        pattern=queries.IDEMPOTENCY_KEY,
        min_length=1,
        max_length=255,
        description="A repeated request with the same key gets the same execution and response. "
        "The program does not run again.",
    ),
]
LastEventId = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias="Last-Event-ID",
        description="The id of the last received event. The stream resumes after it.",
    ),
]

"""Judge0 as a dialect: where it has the API key, and the formats of its bodies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Security

from cloche_gateway.dialects.dialect import Dialect
from cloche_gateway.dialects.judge0 import bodies, refusals
from cloche_gateway.http.request import Call
from cloche_gateway.limits.rates import Kind
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from starlette.requests import Request

_KEYS = ("X-Auth-Token", "X-RapidAPI-Key")
"""The header of Judge0 itself, and that of the API market where most of its clients use it."""


def _key(request: Request) -> str | None:
    """Return the key in one of Judge0's headers, or in a parameter of the same name."""
    for given in (request.headers, request.query_params):
        for name in _KEYS:
            if key := given.get(name):
                return key
    return None


JUDGE0 = Dialect(DialectName.JUDGE0, refusals.response, _key, bodies.ONE)
_BATCHED = replace(JUDGE0, body_format=bodies.BATCH)

Reading = Annotated[Call, Security(JUDGE0.admission(Kind.READS))]
"""Charged as one read."""
Executing = Annotated[Call, Security(JUDGE0.admission(Kind.EXECUTIONS))]
"""Charged as one execution."""
Batching = Annotated[Call, Security(_BATCHED.admission(Kind.EXECUTIONS, per_item=True))]
"""Charged as one execution for each submission, or as one if the body is not valid."""

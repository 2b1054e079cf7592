"""A tenant's executions, newest first, page by page."""

from __future__ import annotations

import base64
import binascii
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Phase
from cloche_gateway import names
from cloche_gateway.errors import BusyError, InvalidRequestError
from cloche_gateway.kube import KubeError
from cloche_gateway.services import results

if TYPE_CHECKING:
    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller

_COLUMNS = (
    *("Name", "Language", "Phase", "Reason", "Exit", "Duration", "Session", "Created", "Queued"),
)
_NOT_YET = "~"  # later than any time
Place = tuple[str, str, str]
"""In the order of time: created, in whole seconds; queued; name."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be listed. `after` is a cursor: the place of the last one shown."""

    limit: int
    language: str | None = None
    status: str | None = None
    session_id: str | None = None
    after: Place | None = None


async def executions(context: Context, caller: Caller, query: Query) -> dict[str, Any]:
    """What `models.ExecutionList` shows.

    The API server lists by name alone, so all of the tenant's are looked at, without their
    contents, and the newest are kept.

    Raises:
        BusyError: when the API server does not tell.
        UnsupportedLanguageError: when there is no such language.
    """
    selector = _selector(context, caller, query)
    path = names.executions(context.settings.namespace)
    newest: list[tuple[Place, dict[str, Any]]] = []  # a heap: of 20,000 rows no more are kept
    try:
        async with context.lists:
            async for cells in context.kube.rows(path, {"fieldSelector": selector}, *_COLUMNS):
                row = dict(zip(_COLUMNS, cells, strict=True))
                place = _place(row)
                if query.after is not None and place >= query.after:
                    continue
                if len(newest) <= query.limit:
                    heapq.heappush(newest, (place, row))
                else:
                    heapq.heappushpop(newest, (place, row))
    except KubeError as error:
        raise BusyError from error
    found = [row for _, row in sorted(newest, key=lambda one: one[0], reverse=True)]
    shown = found[: query.limit]
    more = len(found) > query.limit
    return {
        "executions": [_shown(row) for row in shown],
        "next_cursor": _cursor(shown[-1]) if more else None,
    }


def parse_cursor(text: str) -> Place:
    """The place that a cursor means.

    Raises:
        InvalidRequestError: it is none of ours.
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        created, queued, name = plain.split(" ")
    except (binascii.Error, ValueError):
        raise InvalidRequestError("cursor", "must be the next_cursor of an answer") from None
    return created, queued, name


def _cursor(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(" ".join(_place(row)).encode()).decode().rstrip("=")


def _place(row: dict[str, Any]) -> Place:
    """Later is larger; times are RFC 3339 in UTC, so that their order is that of the letters."""
    return row["Created"], row["Queued"] or _NOT_YET, row["Name"]


def _selector(context: Context, caller: Caller, query: Query) -> str:
    wanted = [f"spec.tenant={caller.tenant}"]
    if query.language is not None:
        wanted.append(f"spec.language={context.languages.find(query.language).name}")
    if query.session_id is not None:
        wanted.append(f"spec.session={query.session_id}")
    if query.status is not None:
        others = (phase for phase in Phase if results.word_of(phase) != query.status)
        wanted += [f"status.phase!={phase}" for phase in others]
    return ",".join(wanted)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "execution_id": row["Name"],
        "status": results.word_of(Phase(row["Phase"] or Phase.PENDING)),
        "language": row["Language"],
        "session_id": row["Session"] or None,
        "created_at": row["Created"],
        "reason": row["Reason"] or None,
        "exit_code": row["Exit"],
        "execution_time": row["Duration"],
    }

"""List a tenant's executions, newest first, in pages."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import Phase
from cloche_gateway import results
from cloche_gateway.errors import BusyError
from cloche_gateway.requests import manifest
from cloche_gateway.requests.queries import cursor
from cloche_kube.errors import KubeError

if TYPE_CHECKING:
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context
    from cloche_gateway.requests.queries import Place, Query

_COLUMNS = (
    *("Name", "Language", "Phase", "Reason", "Exit", "Duration", "Session", "SessionID", "Created"),
    "Queued",
)
_NOT_YET = "~"  # sorts after each RFC 3339 time


async def executions(context: Context, caller: Caller, query: Query) -> dict[str, Any]:
    """Return a page of the tenant's executions, as `models.ExecutionList`.

    The API server can list only by name. So all executions of the tenant are read as table rows,
    without their input and output, and the newest are kept.

    Raises:
        BusyError: the API server does not answer, or the runtimes have not been read yet.
        UnsupportedLanguageError: no language has the requested name or alias.
    """
    selector = _selector(context, caller, query)
    newest: list[tuple[Place, dict[str, Any]]] = []  # a heap of the newest `limit` + 1 rows
    try:
        async with context.lists:
            params = {"fieldSelector": selector, "includeObject": "None"}
            async for _, cells in context.kube.rows(context.paths.executions, params, *_COLUMNS):
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
        "next_cursor": cursor(_place(shown[-1])) if more else None,
    }


def _place(row: dict[str, Any]) -> Place:
    """Return the place of a row in chronological order."""
    return row["Created"], row["Queued"] or _NOT_YET, row["Name"]


def _selector(context: Context, caller: Caller, query: Query) -> str:
    wanted = [f"spec.tenant={caller.tenant}"]
    if query.language is not None:
        wanted.append(f"spec.language={context.languages.find(query.language).name}")
    if query.session_id is not None:
        wanted.append(f"spec.session={manifest.session_label(query.session_id)}")
    if query.status is not None:
        others = (phase for phase in Phase if results.word_of(phase) != query.status)
        wanted += [f"status.phase!={phase}" for phase in others]
    return ",".join(wanted)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "execution_id": row["Name"],
        "status": results.word_of(Phase(row["Phase"] or Phase.PENDING)),
        "language": row["Language"],
        "session_id": row["SessionID"] or row["Session"] or None,
        "created_at": row["Created"],
        "reason": row["Reason"] or None,
        "exit_code": row["Exit"],
        "execution_time": row["Duration"],
    }

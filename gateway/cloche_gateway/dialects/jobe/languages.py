"""The languages, by the names that Jobe has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Security
from starlette.responses import Response  # noqa: TC002  FastAPI reads it

from cloche_gateway.dialects.jobe.answers import JOBE, PREFIX, MistakeError
from cloche_gateway.errors import UnsupportedLanguageError, shown
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.limits.rates import Kind

if TYPE_CHECKING:
    from cloche_gateway.cluster.languages import Language, Languages

_NAMES = {"python3": "python", "nodejs": "javascript"}
"""The names of Jobe that differ from those here."""
_THERE = {name: jobe for jobe, name in _NAMES.items()}

router = JOBE.router(PREFIX)
Reading = Annotated[Call, Security(JOBE.admission(Kind.READS))]


@router.get("/languages")
async def languages(call: Reading) -> Response:
    """Return the name and the version of each installed language."""
    installed = call.context.languages
    found = [(name, installed.find(name).version) for name in installed.supported()]
    return JsonResponse([[_THERE.get(name, name), version or "Unknown"] for name, version in found])


def language_of(name: str, installed: Languages) -> Language:
    """Return the language with this name of Jobe, or with a name that it has here.

    Raises:
        MistakeError: it is not installed.
        BusyError: the runtimes have not been read yet.
    """
    name = name.lower()
    try:
        return installed.find(_NAMES.get(name, name))
    except UnsupportedLanguageError:
        raise MistakeError(f"Language '{shown(name)}' is not known") from None

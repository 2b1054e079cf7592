"""Routes that describe the installed languages and their pools of pre-started Pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from cloche_api import limits
from cloche_gateway.errors import LanguageNotFoundError, UnsupportedLanguageError
from cloche_gateway.http.request import InContext, JsonResponse, Reading
from cloche_gateway.http.route import Route
from cloche_gateway.models import LanguageInfo, PoolState
from cloche_gateway.routes import openapi

if TYPE_CHECKING:
    from cloche_gateway.context import Context

router = APIRouter(route_class=Route, prefix="/api/v1")

_NOT_FOUND = {404: "Unsupported language: cobol. Supported languages: python, javascript"}


@router.get(
    "/execute/languages",
    tags=["languages"],
    response_model=list[str],
    responses=openapi.problems(503),
    summary="List the installed languages",
)
async def languages(context: InContext) -> Response:
    """Return the names of the installed languages. No API key is required."""
    return JsonResponse(context.languages.supported())


@router.get(
    "/execute/language/{language}/info",
    tags=["execute"],
    response_model=LanguageInfo,
    responses=openapi.problems(400, 401, 403, 404, 429, 503, details=_NOT_FOUND),
    summary="Get a language",
)
async def info(call: Reading, language: str) -> Response:
    """Return the version and the limits of a language, by its name or an alias."""
    return JsonResponse(_info(call.context, language))


@router.get(
    "/warm-pool/status",
    tags=["execute"],
    response_model=dict[str, PoolState],
    responses=openapi.problems(400, 401, 403, 429, 503),
    summary="Get the pools of waiting Pods",
)
@router.get(
    "/execute/warm-pool/status",
    tags=["execute"],
    response_model=dict[str, PoolState],
    responses=openapi.problems(400, 401, 403, 429, 503),
    summary="Deprecated alias of /api/v1/warm-pool/status",
    deprecated=True,
)
async def pools(call: Reading) -> Response:
    """Return the pool of each language. A change can take some seconds to show."""
    return JsonResponse(_pools(call.context))


def _info(context: Context, word: str) -> dict[str, Any]:
    """Return `models.LanguageInfo` of the language with this name or alias.

    Raises:
        LanguageNotFoundError: no installed language has this name or alias.
        BusyError: the runtimes have not been read yet.
    """
    try:
        found = context.languages.find(word)
    except UnsupportedLanguageError as error:
        raise LanguageNotFoundError(str(error)) from None
    _, _, extension = found.file_name.rpartition(".")
    return {
        "language": found.name,
        "version": found.version,
        "aliases": list(found.aliases),
        "entries": list(found.entries),
        "docker_image": found.image,
        "file_extension": f".{extension}" if extension != found.file_name else "",
        "max_execution_time": limits.TIMEOUT_SECONDS_MAX,
        "min_memory": f"{-(-found.minimum.memory // limits.MIB)}MB",
        "min_disk": f"{-(-found.minimum.disk // limits.MIB)}MB",
        "max_memory": f"{found.maximum.memory // limits.MIB}MB",
        "max_cpu": float(found.maximum.cpu),
    }


def _pools(context: Context) -> dict[str, Any]:
    """Return `models.PoolState` of each language, by its name.

    Raises:
        BusyError: the runtimes have not been read yet.
    """
    pools = context.languages.pools
    return {
        name: {field: pools[name][field] for field in PoolState.model_fields}
        for name in context.languages.supported()
    }

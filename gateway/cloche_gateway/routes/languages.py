"""Routes that describe the installed languages and their pools of pre-started Pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from cloche_api import limits
from cloche_gateway.errors import LanguageNotFoundError, UnsupportedLanguageError
from cloche_gateway.http.request import JsonResponse, Route, context_of, reading_caller
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
    summary="The installed languages",
)
async def languages(request: Request) -> Response:
    """Their names. No key is needed."""
    return JsonResponse(context_of(request).languages.supported())


@router.get(
    "/execute/language/{language}/info",
    tags=["execute"],
    response_model=LanguageInfo,
    responses=openapi.problems(400, 401, 403, 404, 429, 503, details=_NOT_FOUND),
    summary="What a language is and may use",
)
async def info(request: Request, language: str) -> Response:
    """Tell of one language, by its name or an alias."""
    await reading_caller(request)
    return JsonResponse(_info(context_of(request), language))


@router.get(
    "/warm-pool/status",
    tags=["execute"],
    response_model=dict[str, PoolState],
    responses=openapi.problems(400, 401, 403, 429, 503),
    summary="How many Pods wait for each language",
)
@router.get(
    "/execute/warm-pool/status",
    tags=["execute"],
    response_model=dict[str, PoolState],
    responses=openapi.problems(400, 401, 403, 429, 503),
    summary="The same, where older clients look for it",
)
async def pools(request: Request) -> Response:
    """Tell of each language's waiting Pods; some seconds may pass before a change shows."""
    await reading_caller(request)
    return JsonResponse(_pools(context_of(request)))


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
        "docker_image": found.image,
        "file_extension": f".{extension}" if extension != found.file_name else "",
        "max_execution_time": limits.TIMEOUT_SECONDS_MAX,
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

"""Routes that describe the installed languages and their pools of pre-started Pods."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from cloche_gateway.http.access import context_of, reading_caller
from cloche_gateway.http.json_response import JsonResponse
from cloche_gateway.http.route import Route
from cloche_gateway.models import LanguageInfo, PoolState
from cloche_gateway.routes import openapi
from cloche_gateway.services import language_info

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
    return JsonResponse(language_info.language(context_of(request), language))


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
    return JsonResponse(language_info.pools(context_of(request)))

"""The playground: a page in which a user writes programs, runs them and sees all executions.

It is built from `web/` into the folder `page` next to this package: by the image's Dockerfile, and
in a checkout by `make web`. Without the folder, there is no playground. The page requires no API
key, because the user enters one there. Its Content-Security-Policy allows only the page's own files
and requests to the gateway, so a program's output cannot run or load anything.
"""

from __future__ import annotations

import functools
import gzip
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

import cloche_gateway
from cloche_gateway.http.request import InContext
from cloche_gateway.http.route import Route

if TYPE_CHECKING:
    from typing import ClassVar

    from cloche_gateway.settings import Settings

_log = logging.getLogger(__name__)

PATH = "/play"
FOLDER = Path(cloche_gateway.__file__).parents[1] / "page"
"""The built page: `index.html`, and files with hashes in their names in `assets`."""

_KINDS = {".js": "text/javascript", ".css": "text/css"}
_LEVEL = 9
_ASSET_HEADERS = {
    "Content-Encoding": "gzip",  # which each browser accepts
    "Cache-Control": "public, max-age=31536000, immutable",  # the names contain hashes
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
"""The Content-Security-Policy up to the origins that may embed the page. `blob:` is for images that
programs made, `data:` for the page's icon."""


class _PageRoute(Route):
    """A route that ignores parameters of the query, because links to pages often get some."""

    strict_query: ClassVar[bool] = False


router = APIRouter(route_class=_PageRoute, prefix=PATH, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Files:
    """The built page, compressed with gzip. All responses share these bytes."""

    page: bytes
    assets: dict[str, bytes]


@functools.cache
def _built() -> _Files:
    """Return the built page.

    Raises:
        FileNotFoundError: it was not built.
    """
    page = (FOLDER / "index.html").read_bytes()
    assets = [one for one in (FOLDER / "assets").iterdir() if one.suffix in _KINDS]
    packed = {one.name: gzip.compress(one.read_bytes(), _LEVEL, mtime=0) for one in assets}
    return _Files(gzip.compress(page, _LEVEL, mtime=0), packed)


def _files() -> _Files | None:
    """Return the built page; None if it was not built. A page that is built later is found."""
    try:
        return _built()
    except FileNotFoundError:
        return None


def served(settings: Settings) -> bool:
    """Return whether the gateway serves the playground. The first call reads its files."""
    return settings.playground and _files() is not None


def load(settings: Settings) -> None:
    """Read the files at the start of the gateway instead of at the first request."""
    if settings.playground and not served(settings):
        _log.warning("there is no playground, because it was not built: run `make web`")


def prefers_page(request: Request) -> bool:
    """Return whether the client is a browser that opens an address, by its `Accept`."""
    return "text/html" in request.headers.get("accept", "")


@router.get("")
async def page(request: Request, context: InContext) -> Response:
    """The page. With `?embed`, pages of the allowed origins may show it in a frame."""
    files = _files()
    if files is None:
        raise HTTPException(404)
    origins = context.settings.playground_origins if "embed" in request.query_params else ()
    headers = {
        "Content-Encoding": "gzip",
        "Content-Security-Policy": _POLICY + (" ".join(origins) or "'none'"),
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return HTMLResponse(files.page, headers=headers)


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """One of the page's files."""
    files = _files()
    if files is None or name not in files.assets:
        raise HTTPException(404)
    kind = _KINDS[Path(name).suffix]
    return Response(files.assets[name], media_type=kind, headers=_ASSET_HEADERS)

"""The OpenAPI document, and the Swagger UI page that shows it.

The page's Content-Security-Policy allows only the resources that Swagger UI needs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from pydantic_core import to_json
from starlette.responses import Response

if TYPE_CHECKING:
    from fastapi import FastAPI

from cloche_gateway.http.request import Route

router = APIRouter(route_class=Route, include_in_schema=False)

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SCRIPT = re.compile(r'<script src="(https://[^"]+)"')
_STYLE = re.compile(r'href="(https://[^"]+)"')


def _page() -> tuple[bytes, str]:
    """Return the page and its policy, which allows Swagger UI's two files and its inline script."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json", title="Cloche", swagger_favicon_url="data:,"
    )
    text = bytes(page.body).decode()
    ((inline,), (script,), (style,)) = (found.findall(text) for found in (_INLINE, _SCRIPT, _STYLE))
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    policy = (
        "default-src 'none'",
        f"script-src {script} 'sha256-{digest}'",
        f"style-src {style} 'unsafe-inline'",  # Swagger UI sets inline styles
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return bytes(page.body), "; ".join(policy)


_BODY, _POLICY = _page()


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Swagger UI, which the browser loads from a public CDN."""
    return HTMLResponse(_BODY, headers={"Content-Security-Policy": _POLICY})


def install(app: FastAPI) -> None:
    """Serve the OpenAPI document. Call this after all routes are added.

    The document is built once, because building it takes milliseconds and the route needs no API
    key.
    """
    document = to_json(app.openapi())

    async def openapi() -> Response:
        return Response(document, media_type="application/json")

    app.add_api_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False)

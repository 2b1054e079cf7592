"""The page that shows the API, and the policy that lets a browser load it and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_SWAGGER = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def _page() -> tuple[bytes, str]:
    """The page and its Content-Security-Policy, which names its one inline script by its hash."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Cloche",
        swagger_js_url=_SWAGGER + "swagger-ui-bundle.js",
        swagger_css_url=_SWAGGER + "swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    (script,) = _INLINE.findall(bytes(page.body).decode())
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'",
        f"script-src {_SWAGGER} 'sha256-{digest}'",
        f"style-src {_SWAGGER} 'unsafe-inline'",  # Swagger UI writes styles as it draws
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

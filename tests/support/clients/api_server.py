"""An API server accessed as plain JSON over HTTP, with an administrator's certificate."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from cloche_api.meta import API_VERSION

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
CLOCHE = f"/apis/{API_VERSION}/namespaces"
CORE = "/api/v1/namespaces"
_SECONDS = 30.0


class _Transport(httpx.HTTPTransport):
    """Repeats a GET that met a closed connection.

    A server may close a kept-alive connection at any time, and RFC 9110, 9.2.2, allows the retry.
    Kubernetes' own clients retry, httpx does not.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except httpx.RemoteProtocolError:
            if request.method != "GET":
                raise
            return super().handle_request(request)


class ApiServer:
    """Calls that fail the test on an error response; `ask` returns any response."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def ask(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> httpx.Response:
        """Return the response with any status."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        return self.client.request(method, path, content=content, headers=headers)

    def call(self, method: str, path: str, body: Any = None, content_type: str = "") -> Any:
        """Return the response's JSON."""
        response = self.ask(method, path, body, content_type or "application/json")
        assert response.is_success, f"{method} {path}: {response.text[:2000]}"
        return response.json()

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def find(self, path: str) -> Any:
        """Return the object, or None."""
        response = self.ask("GET", path)
        return None if response.status_code == httpx.codes.NOT_FOUND else self._json(response)

    def create(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def merge(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body, MERGE)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)

    def _json(self, response: httpx.Response) -> Any:
        assert response.is_success, response.text[:2000]
        return response.json()


@contextmanager
def api_server(
    kubeconfig: Path, url: str | None = None, by: str | None = None
) -> Iterator[ApiServer]:
    """Connect for the block, impersonating `by` if given. `url` defaults to the kubeconfig's."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pair:
        for part in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[part]) + b"\n")
        pair.flush()
        context.load_cert_chain(pair.name)
    headers = {"Impersonate-User": by} if by else {}
    where = url or cluster["server"]
    transport = _Transport(verify=context)
    with httpx.Client(
        base_url=where, transport=transport, timeout=_SECONDS, headers=headers
    ) as client:
        yield ApiServer(client)

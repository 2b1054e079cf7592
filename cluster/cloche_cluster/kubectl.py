"""Query an API server: with kubectl, and its /readyz without credentials."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_cluster.machine.command import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FIELD_MANAGER = "cloche-up"
_TIMEOUT = 60.0


@dataclass(frozen=True)
class Kubectl:
    """kubectl with its cluster. Raises CommandError like `run`."""

    program: Path | str
    kubeconfig: Path | None = None
    context: str | None = None

    @property
    def argv(self) -> list[str]:
        """The arguments with which every call begins."""
        words = [str(self.program)]
        if self.kubeconfig:
            words += ["--kubeconfig", str(self.kubeconfig)]
        if self.context:
            words += ["--context", self.context]
        return words

    def run(self, *words: str, stdin: str | None = None, timeout: float = _TIMEOUT) -> str:
        """Run kubectl with `words` and return its output."""
        return run([*self.argv, *words], stdin=stdin, timeout=timeout)

    def json(self, *words: str) -> dict[str, Any]:
        """Run kubectl with `-o json` and return the object."""
        answer: dict[str, Any] = json.loads(self.run(*words, "-o", "json"))
        return answer

    def apply(self, objects: Iterable[dict[str, Any]]) -> None:
        """Apply objects server-side, overriding the changes of other field managers."""
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.run(
            "apply", "--server-side", "--force-conflicts", "--field-manager", _FIELD_MANAGER,
            "-f", "-", stdin=body,
        )  # fmt: skip


def api_server_ready(address: str, port: int, ca: Path) -> bool:
    """Return whether the API server's /readyz, which needs no credentials, answers 200."""
    try:
        context = ssl.create_default_context(cafile=str(ca))
        connection = http.client.HTTPSConnection(address, port, timeout=2, context=context)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False

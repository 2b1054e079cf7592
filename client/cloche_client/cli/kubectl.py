"""kubectl, with the rights of the user."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_client.errors import ClocheError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+) ->")
_SERVICE, _PORT = "service/cloche-gateway", 8002
"""The names of the chart's release `cloche` (docs/operate/install.md)."""


class KubectlError(ClocheError):
    """kubectl is missing or failed."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Calls kubectl for one namespace. All methods raise KubectlError."""

    namespace: str = "cloche-system"
    context: str | None = None

    @property
    def argv(self) -> list[str]:
        """The words with which each call begins."""
        program = shutil.which("kubectl")
        if program is None:
            raise KubectlError("kubectl is not installed, or not on the PATH.")
        chosen = ["--context", self.context] if self.context else []
        return [program, *chosen, "--namespace", self.namespace]

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl and return its output."""
        try:
            done = subprocess.run(
                [*self.argv, *words],
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(f"kubectl did not end within {_SECONDS} s.") from None
        except OSError as error:
            raise KubectlError(f"kubectl cannot be run: {error.strerror}.") from None
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise KubectlError(f"kubectl failed: {lines[-1]}")
        return done.stdout

    def json(self, *words: str) -> dict[str, Any]:
        """Run kubectl with `-o json` and return the object."""
        try:
            found: dict[str, Any] = json.loads(self.run(*words, "-o", "json"))
        except ValueError:
            raise KubectlError("kubectl returned no JSON.") from None
        return found


@contextlib.contextmanager
def forwarded() -> Iterator[str]:
    """Forward a free port of this machine to the gateway, and yield its URL.

    Raises:
        KubectlError: there is no gateway, or no right to forward a port to it.
    """
    command = [*Kubectl().argv, "port-forward", _SERVICE, f":{_PORT}"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C must not end it before the execution is cancelled
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        found = _FORWARDING.search(process.stdout.readline())
        if found is None:
            process.terminate()
            lines = process.stderr.read().decode(errors="replace").strip().splitlines()
            raise KubectlError(
                f"The gateway was not found with kubectl: {lines[-1] if lines else 'no answer'}. "
                "Set CLOCHE_URL."
            )
        yield f"http://127.0.0.1:{int(found[1])}"
    finally:
        process.terminate()
        process.wait()

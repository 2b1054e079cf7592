"""Run the documentation's first example with curl, as documented."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import run, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloche_cluster.console import Console


@dataclass(frozen=True)
class Example:
    """A program and its expected output."""

    language: str
    code: str
    expected: str


README = Example("python", 'print("Hello, World!")\nprint(2 + 2)', "Hello, World!\n4\n")
"""The example of the README."""

_READY_SECONDS = 60.0
_KEY_SECONDS = 20.0
"""Seconds within which the gateway accepts a new key."""

_CURL_TIMEOUT = 120.0


def wait_until_ready(url: str) -> None:
    """Wait until the gateway is ready. Raises ClusterError if it does not become ready."""
    last = ""

    def is_ready() -> bool:
        nonlocal last
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == http.client.OK)
        except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
            last = f": {error}"
            return False

    wait_until(
        is_ready,
        seconds=_READY_SECONDS,
        what=f"the gateway at {url} did not become ready",
        details=lambda: last,
        interval=0.2,
    )


def example_for(repository: Path, languages: Sequence[str]) -> Example:
    """Return the README's example if Python is among `languages`, else the first one's hello.

    Raises ClusterError if that language has no such example.
    """
    if README.language in languages:
        return README
    folder = repository / "runtimes" / languages[0] / "examples"
    try:
        described = yaml.safe_load((folder / "hello.yaml").read_text())
        (source,) = (path for path in folder.glob("hello.*") if path.suffix != ".yaml")
        return Example(languages[0], source.read_text(), described["stdout"])
    except (OSError, ValueError, KeyError) as error:
        raise ClusterError(f"{folder} has no example `hello`: {error!r}") from None


def run_example(url: str, key: str, example: Example, console: Console) -> None:
    """Print the command and the answer. Raises ClusterError if the answer is wrong.

    curl reads the key from stdin, because every user can read command lines.
    """
    body = json.dumps({"code": example.code, "language": example.language})
    console.plain(
        f"$ curl -X POST {url}/api/v1/execute \\\n"
        '    -H "X-API-Key: $CLOCHE_API_KEY" -H "Content-Type: application/json" \\\n'
        f"    -d '{body}'"
    )
    answer = _curl(url, key, body)
    console.plain(answer)
    try:
        stdout = json.loads(answer).get("stdout")
    except ValueError:
        stdout = None
    if stdout != example.expected:
        raise ClusterError(f"the first example printed {stdout!r} instead of {example.expected!r}")


def _curl(url: str, key: str, body: str) -> str:
    """Send the request, and retry while the gateway does not know the new key yet."""
    deadline = time.monotonic() + _KEY_SECONDS
    while True:
        answer = run(
            ["curl", "-sS", "-X", "POST", f"{url}/api/v1/execute", "-H", "@-",
             "-H", "Content-Type: application/json", "-d", body],
            stdin=f"X-API-Key: {key}\n", timeout=_CURL_TIMEOUT,
        ).strip()  # fmt: skip
        if "Invalid API key" not in answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.3)

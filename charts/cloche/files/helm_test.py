"""The program of `helm test`: check the gateway and the operator, and run a program through both.

Arguments: the gateway's URL, HOST:PORT of the operator's metrics, and the release's namespace.

It creates an API key for the request and removes it afterwards. It runs in the gateway's image,
with the service account `cloche-test`.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_api.keys import SECRET_NAME, KeyLimits, new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "helm-test"
"""The name and the tenant of the API key."""
KEY_LIFE = timedelta(minutes=10)
"""The key expires even if this program is killed before it removes the key."""
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
READY_SECONDS = 60.0
"""For a new operator to lead, and for the gateway to read a new key or to be ready."""
PROGRAM_SECONDS = 30
ANSWER_SECONDS = 165.0
"""For the program, the queue, the start of a Pod and the writes, with the chart's defaults."""

HELLO = {
    "python": 'print("Hello")',
    "bash": "echo Hello",
    "javascript": 'console.log("Hello")',
    "typescript": 'console.log("Hello")',
    "ruby": 'puts "Hello"',
    "php": '<?php echo "Hello";',
    "sqlite": "SELECT 'Hello';",
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("Hello") }',
    "rust": 'fn main() { println!("Hello"); }',
    "c": '#include <stdio.h>\nint main(void) { puts("Hello"); }',
    "cpp": '#include <cstdio>\nint main() { puts("Hello"); }',
    "java": "public class Hello { public static void main(String[] args) "
    '{ System.out.println("Hello"); } }',
    "csharp": 'class Hello { static void Main() { System.Console.WriteLine("Hello"); } }',
    "sql": "SELECT 'Hello';",
}
"""A program for each language of the chart. The first installed language is used."""


class NotYetError(Exception):
    """The check failed, but may succeed later."""


class FailedError(Exception):
    """The check failed."""


def main() -> None:
    """Run all checks, and print what they found."""
    gateway, operator, namespace = sys.argv[1:]
    say(f"gateway: {retry(lambda: gateway_status(gateway))}")
    say(f"operator: {retry(lambda: leader(operator))} leads")
    installed = json.loads(get(f"{gateway}/api/v1/execute/languages"))
    language = next((one for one in HELLO if one in installed), None)
    if language is None:
        say(f"no language of the chart is installed, so no program is run: {installed}")
        return
    with api_key(namespace) as key:
        say(f"{language}: {retry(lambda: run(gateway, key, language))}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def retry(check: Callable[[], str]) -> str:
    """Return the result of the check, and repeat it while it fails with NotYetError."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return check()
        except NotYetError as error:
            if time.monotonic() > deadline:
                raise FailedError(str(error)) from None
        time.sleep(0.5)


def gateway_status(url: str) -> str:
    """Return the gateway's own status. Its readiness covers its watches of the API server."""
    try:
        return str(json.loads(get(f"{url}/health/ready"))["status"])
    except urllib.error.HTTPError as error:
        raise NotYetError(f"the gateway is not ready: {error.read().decode()}") from None
    except OSError as error:
        raise NotYetError(f"the gateway does not answer at {url}: {error}") from None


def leader(operator: str) -> str:
    """Return the address of the operator that leads, by its metrics."""
    host, _, port = operator.rpartition(":")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except socket.gaierror:
        raise NotYetError(f"no Pod of the operator is ready ({host} has no address)") from None
    addresses = sorted({str(one[4][0]) for one in found})
    for address in addresses:
        where = f"[{address}]" if ":" in address else address
        try:
            metrics = get(f"http://{where}:{port}/metrics")
        except OSError as error:
            raise NotYetError(f"the operator at {address} does not answer: {error}") from None
        if "cloche_operator_leading 1.0" in metrics.splitlines():
            return address
    raise NotYetError(f"no operator leads (ready: {', '.join(addresses)})")


def run(url: str, key: str, language: str) -> str:
    """Run the language's program, and return its output."""
    body = {
        "code": HELLO[language],
        "language": language,
        "timeout": PROGRAM_SECONDS,
        "ttl_seconds": 0,  # the record is removed with the answer
    }
    request = urllib.request.Request(  # noqa: S310  the chart's own URL
        f"{url}/api/v1/execute",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-API-Key": key},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        text = f"HTTP {error.code}: {error.read().decode().strip()}"
        if error.code in {403, 503}:  # the gateway has not read the key yet, or is busy
            raise NotYetError(text) from None
        raise FailedError(text) from None
    except OSError as error:
        raise FailedError(f"no answer from {url}: {error}") from None
    if answer["exit_code"] != 0 or "Hello" not in answer["stdout"]:
        raise FailedError(f"the program did not print Hello: {answer}")
    return str(answer["stdout"]).strip()


@contextmanager
def api_key(namespace: str) -> Iterator[str]:
    """Create an API key for the block."""
    key, record = new_key(NAME, KeyLimits(expires_at=datetime.now(UTC) + KEY_LIFE))
    entry = record.model_dump_json(by_alias=True, exclude_none=True)
    retry(lambda: patch_keys(namespace, {"stringData": {NAME: entry}}))
    try:
        yield key
    finally:
        retry(lambda: patch_keys(namespace, {"data": {NAME: None}}))


def patch_keys(namespace: str, patch: dict[str, Any]) -> str:
    """Patch the Secret with the API keys."""
    account = Path(os.environ.get("SERVICE_ACCOUNT", ACCOUNT))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    request = urllib.request.Request(  # noqa: S310  the API server's URL
        f"{server}/api/v1/namespaces/{namespace}/secrets/{SECRET_NAME}",
        data=json.dumps(patch).encode(),
        headers={
            "Authorization": f"Bearer {(account / 'token').read_text()}",
            "Content-Type": "application/merge-patch+json",
        },
        method="PATCH",
    )
    trust = ssl.create_default_context(cafile=account / "ca.crt")
    try:
        with urllib.request.urlopen(request, timeout=10, context=trust):  # noqa: S310
            return "patched"
    except urllib.error.HTTPError as error:  # 403 until the API server knows the new Role
        message = json.load(error)["message"]
        raise NotYetError(f"the API key could not be written: {message}") from None
    except OSError as error:
        raise NotYetError(f"the API server does not answer at {server}: {error}") from None


def get(url: str) -> str:
    """Return the body of a GET request."""
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  the chart's own URL
        return str(response.read().decode())


if __name__ == "__main__":
    try:
        main()
    except FailedError as failed:
        sys.exit(f"FAILED: {failed}")

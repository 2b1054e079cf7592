"""`cloche doctor`: check the way to a running program step by step."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cloche_client.blocking.client import Client
from cloche_client.cli import exits
from cloche_client.cli.output import show_one
from cloche_client.connection import CONNECT_SECONDS, tls, unreachable
from cloche_client.core.retry import NEVER
from cloche_client.errors import AuthenticationError, ClocheError, ConnectionFailedError
from cloche_client.settings import config_file
from cloche_client.version import __version__

if TYPE_CHECKING:
    from cloche_client.cli.context import Context
    from cloche_client.settings import Settings

_HELLO = {
    "python": 'print("hello")',
    "bash": "echo hello",
    "javascript": 'console.log("hello")',
    "ruby": 'puts "hello"',
}
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_SOON_DAYS = 14
_READABLE_BY_OTHERS = 0o077


@dataclass(slots=True)
class _Report:
    """The findings so far. A step that fails ends the examination."""

    context: Context
    step: str = "settings"
    """What is examined."""
    findings: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def add(self, step: str, state: str, text: str) -> None:
        self.findings.append({"step": step, "state": state, "text": text})
        if self.context.option("output") in {None, "table"}:
            self.context.show(f"{state:<8}{step:<11}{text}")

    def ok(self, step: str, text: str) -> None:
        self.add(step, "ok", text)

    def warning(self, step: str, text: str) -> None:
        self.add(step, "warning", text)


def doctor(context: Context) -> int:
    """Check everything, and return 0 if a program could be run."""
    report = _Report(context)
    code = 0
    try:
        settings = _settings(context, report)
        for step, check in _CHECKS.items():
            report.step = step
            check(settings, report)
    except ClocheError as error:
        report.add(report.step, "failed", str(error))
        code = exits.code_of(error)
    if context.option("output") not in {None, "table"}:
        show_one(context, {"findings": report.findings}, "")
    return code


def _settings(context: Context, report: _Report) -> Settings:
    settings = context.settings()
    report.ok("settings", f"{settings.url} from {settings.sources['url']}")
    if settings.api_key is None:
        file = config_file(context.environ)
        raise AuthenticationError(f"There is no API key in CLOCHE_API_KEY or {file}")
    source = settings.sources["api_key"]
    report.ok("settings", f"a key from {source}")
    file = config_file(context.environ)
    if str(file) in source and file.stat().st_mode & _READABLE_BY_OTHERS:
        report.warning("settings", f"other users can read {file}: run `chmod 600 {file}`")
    parts = urlsplit(settings.url)
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        report.warning("settings", "the key is sent without TLS: use https outside of tests")
    return settings


def _address(settings: Settings, report: _Report) -> None:
    parts = urlsplit(settings.url)
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectionFailedError(
            f"The name {parts.hostname} is not known ({error.strerror}). Is it written correctly, "
            "and does this machine use the right DNS server or VPN?",
            sent=False,
        ) from None
    addresses = sorted({str(one[4][0]) for one in found})
    report.ok("address", f"{parts.hostname} is {', '.join(addresses)}")
    try:
        plain = socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS)
    except OSError as error:
        raise unreachable(settings.url, error) from None
    with plain:
        if parts.scheme == "http":
            report.ok("address", f"port {port} accepts connections")
            return
        try:
            with tls(settings).wrap_socket(plain, server_hostname=parts.hostname) as secure:
                certificate: dict[str, Any] = dict(secure.getpeercert() or {})
                version = secure.version()
        except OSError as error:
            raise unreachable(settings.url, error) from None
    _certificate(certificate, version, report)


def _certificate(certificate: dict[str, Any], version: str | None, report: _Report) -> None:
    ends = certificate.get("notAfter")
    if not isinstance(ends, str):
        report.ok("address", f"{version}")
        return
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    days = (end - datetime.now(UTC)).days
    text = f"{version}, the certificate is valid until {end:%Y-%m-%d}"
    if days < _SOON_DAYS:
        report.warning("address", f"{text}: renew it")
    else:
        report.ok("address", text)


def _gateway(settings: Settings, report: _Report) -> None:
    with Client(settings=settings, retry=NEVER) as client:
        health = client.health()
    version = str(health.get("version"))
    if health.get("status") != "healthy":
        report.warning("gateway", f"it reports a problem: {health.get('problem')}")
    report.ok("gateway", f"version {version}, this client {__version__}")
    if version.split(".")[:2] != __version__.split(".")[:2]:
        report.warning("gateway", "the versions differ: install the client of the same version")


def _key(settings: Settings, report: _Report) -> None:
    with Client(settings=settings, retry=NEVER) as client:
        names = client.languages()
        # The list of languages needs no key, but a language does.
        if names:
            client.language(names[0])
    report.ok("key", "it is valid")
    if names:
        report.ok("languages", ", ".join(names))
    else:
        report.warning("languages", "none is installed: an administrator installs SandboxRuntimes")


def _program(settings: Settings, report: _Report) -> None:
    with Client(settings=settings) as client:
        there = client.languages()
        name = next((one for one in _HELLO if one in there), None)
        if name is None:
            report.warning("program", "not run: no language for which a program is known")
            return
        began = time.monotonic()
        result = client.run(_HELLO[name], name, check=True, ttl_seconds=0)
        took = time.monotonic() - began
    report.ok("program", f"{name} printed {result.stdout.strip()!r} after {took * 1000:.0f} ms")


_CHECKS = {"address": _address, "gateway": _gateway, "key": _key, "program": _program}
"""The steps after the settings, in their order."""

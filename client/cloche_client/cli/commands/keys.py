"""`cloche key …`: the Secret with the hashes of the API keys, as an administrator edits it.

The Secret has one entry per key: its name, and a record in JSON (crds/cloche_api/keys.py). The
key's text is not stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloche_client.cli.exits import UsageError
from cloche_client.cli.kubectl import Kubectl
from cloche_client.cli.output import show

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

_SECRET = "cloche-api-keys"  # noqa: S105  the name of the Secret, not one
_PREFIX = "clk_"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MOST_RATE, _MOST_CONCURRENCY = 1_000_000, 100_000
_COLUMNS = {
    "NAME": "name",
    "TENANT": "tenant",
    "RATE": "ratePerMinute",
    "CONCURRENCY": "concurrency",
    "CREATED": "createdAt",
    "EXPIRES": "expiresAt",
}


def create(context: Context) -> int:
    """Create a key and print it."""
    options = context.options
    tenant = options.tenant or options.name
    _check("NAME", options.name)
    _check("--tenant", tenant)
    for name, most in (("rate", _MOST_RATE), ("concurrency", _MOST_CONCURRENCY)):
        if (getattr(options, name) or 0) > most:
            raise UsageError(f"--{name} must be at most {most}.")
    kubectl = _kubectl(context)
    if options.name in _entries(kubectl):
        raise UsageError(f"A key named {options.name} exists already. Choose another name.")
    now = _now(kubectl)
    text, record = new_key(tenant, now, options.rate, options.concurrency, _ends(options, now))
    _patch(kubectl, {options.name: base64.b64encode(json.dumps(record).encode()).decode()})
    context.note(f"key {options.name} of tenant {tenant}; it is shown only this time")
    context.show(text)
    return 0


def list_all(context: Context) -> int:
    """List the keys. Their hashes are left out."""
    found = []
    for name, value in sorted(_entries(_kubectl(context)).items()):
        record = _record(value)
        found.append({"name": name} | {k: v for k, v in record.items() if k != "sha256"})
    show(context, found, _COLUMNS, "keys")
    return 0


def revoke(context: Context) -> int:
    """Delete keys."""
    kubectl = _kubectl(context)
    there = _entries(kubectl)
    if missing := [name for name in context.options.names if name not in there]:
        raise UsageError(f"There is no key named {missing[0]}. See `{context.program} key list`.")
    _patch(kubectl, dict.fromkeys(context.options.names))
    for name in context.options.names:
        context.show(f"key {name} revoked")
    return 0


def new_key(
    tenant: str,
    now: datetime,
    rate: int | None,
    concurrency: int | None,
    ends: datetime | None,
) -> tuple[str, dict[str, Any]]:
    """Return a new random key and its record."""
    text = _PREFIX + secrets.token_urlsafe(32)
    record = {
        "ratePerMinute": rate,
        "concurrency": concurrency,
        "expiresAt": ends and ends.isoformat(),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "tenant": tenant,
        "createdAt": now.isoformat(),
    }
    return text, {name: value for name, value in record.items() if value is not None}


def _ends(options: Any, now: datetime) -> datetime | None:
    if options.expires is None:
        return None
    found = _LIFETIME.fullmatch(options.expires)
    if found is None:
        raise UsageError(f"--expires {options.expires}: must be a time like 90m, 12h or 30d.")
    return now + timedelta(**{_UNITS[found[2]]: int(found[1])})


def _check(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{what} {name!r}: must be 1 to 63 letters, digits, `-`, `_` or `.`, with a letter or "
            "digit at both ends."
        )


def _kubectl(context: Context) -> Kubectl:
    return Kubectl(context.options.namespace, context.options.context)


def _now(kubectl: Kubectl) -> datetime:
    """Return the API server's time, by which the gateways decide when keys expire."""
    review = kubectl.json("auth", "whoami")
    return datetime.fromisoformat(review["metadata"]["creationTimestamp"])


def _entries(kubectl: Kubectl) -> dict[str, str]:
    found = kubectl.json("get", "secret", _SECRET).get("data") or {}
    return dict(found)


def _patch(kubectl: Kubectl, data: dict[str, str | None]) -> None:
    # From standard input, because every user of the machine can read command lines.
    kubectl.run(
        "patch", "secret", _SECRET, "--type=merge", "--patch-file=/dev/stdin",
        stdin=json.dumps({"data": data}),
    )  # fmt: skip


def _record(value: str) -> dict[str, Any]:
    """Return a record; an empty one if another program wrote something else."""
    try:
        found = json.loads(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

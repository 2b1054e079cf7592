"""Create and check API keys in the cluster's Secret. A key's text is shown only once."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cloche_api.keys import SECRET_NAME, ApiKeyRecord, KeyLimits, hash_key, new_key
from cloche_api.limits import LABEL_VALUE
from cloche_cluster.errors import ClusterError
from cloche_cluster.targets.base import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_cluster.kubectl import Kubectl


@dataclass(frozen=True)
class KeyStore:
    """The Secret with the hashes of the keys."""

    kubectl: Kubectl

    def works(self, key: str, limits: KeyLimits) -> bool:
        """Return whether `key` is one of the cluster's keys and has these limits."""
        wanted = hash_key(key)
        return any(
            record.sha256 == wanted and dict(limits).items() <= dict(record).items()
            for record in self._records()
        )

    def names(self) -> set[str]:
        """Return the names of all keys."""
        return set(self._entries())

    def create(
        self,
        name: str,
        tenant: str,
        limits: KeyLimits,
        holds: timedelta | None = None,
        *,
        replace: bool = False,
    ) -> str:
        """Create a key, store its hash, and return its text, which cannot be recovered later.

        Its lifetime is measured by the API server's clock, because the gateways may run on machines
        with other clocks than this one.

        Raises ClusterError if the name is taken and `replace` is false, or a name is invalid.
        """
        check_name("NAME", name)
        check_name("TENANT", tenant)
        entries = self._entries()
        if name in entries and not replace:
            raise ClusterError(f"a key named {name} already exists: choose another NAME")
        now = self._now()
        ends = now + holds if holds is not None else None
        text, record = new_key(tenant, limits.model_copy(update={"expires_at": ends}), now)
        value = base64.b64encode(
            record.model_dump_json(by_alias=True, exclude_none=True).encode()
        ).decode()
        self._patch(name, value)
        return text

    def _now(self) -> datetime:
        """Return the API server's time, from a review object that it creates without storing it."""
        review = self.kubectl.json("auth", "whoami")
        return datetime.fromisoformat(review["metadata"]["creationTimestamp"])

    def _patch(self, name: str, value: str) -> None:
        patch = json.dumps({"data": {name: value}})
        # From stdin, because every user of the machine can read command lines.
        self.kubectl.run(
            "patch", "secret", SECRET_NAME, "-n", NAMESPACE, "--type=merge",
            "--patch-file=/dev/stdin", stdin=patch,
        )  # fmt: skip

    def _records(self) -> Iterator[ApiKeyRecord]:
        """Return all valid records. Other clients may have written invalid ones."""
        for value in self._entries().values():
            with contextlib.suppress(ValidationError):
                yield ApiKeyRecord.model_validate_json(value)

    def _entries(self) -> dict[str, str]:
        secret = self.kubectl.json("get", "secret", SECRET_NAME, "-n", NAMESPACE)
        data = secret.get("data") or {}
        return {
            name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()
        }


def check_name(what: str, name: str) -> None:
    """Raise ClusterError unless `name` is a valid label value, as required of all names."""
    if not re.fullmatch(LABEL_VALUE, name):
        raise ClusterError(
            f"{what}={name!r}: must be 1 to 63 letters, digits, `-`, `_` or `.`, "
            "with a letter or digit at both ends"
        )


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Parse a key's lifetime: 90m, 12h or 30d.

    Raises ClusterError for any other text.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if found is None:
        raise ClusterError(f"EXPIRES={text!r}: must be a time like 90m, 12h or 30d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def key_limits(rate: str | None, concurrency: str | None) -> KeyLimits:
    """Parse the limits of the command line; an absent one means the installation's default.

    Raises ClusterError if one is invalid.
    """
    try:
        return KeyLimits.model_validate(
            {"ratePerMinute": rate or None, "concurrency": concurrency or None}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = {"ratePerMinute": "RATE", "concurrency": "CONCURRENCY"}[str(first["loc"][0])]
        raise ClusterError(f"{name}={first['input']!r}: {first['msg']}") from None

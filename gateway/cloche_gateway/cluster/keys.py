"""API keys: a view of the Secret that holds them, and the callers that they identify."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloche_api.keys import SECRET_NAME, ApiKeyRecord, hash_key
from cloche_gateway.errors import BusyError, KeyExpiredError, KeyInvalidError, KeyRequiredError
from cloche_kube.watch import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cloche_gateway.settings import Settings
    from cloche_kube.paths import Paths

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of an API key: the key's name, its tenant, and its limits."""

    key: str
    tenant: str
    rate: int
    """Executions per minute."""
    concurrency: int
    """Executions that run at a time."""
    reads: int
    """Reads, waits, streams and deletions per minute."""
    requests: int
    """In-flight requests, including those that wait and event streams."""


def source(paths: Paths) -> Source:
    """Return the watch source of the Secret, by name, so that RBAC can allow only this Secret."""
    return Source(paths.secrets, {"fieldSelector": f"metadata.name={SECRET_NAME}"})


class KeyRing:
    """The API keys in the Secret. A change of the Secret takes effect with the watch's event.

    A key without limits has those of the settings. The limit of reads grows in
    proportion to the key's rate, and the limit of in-flight requests in proportion to its
    concurrency. Neither is ever less than in the settings.

    `now` returns the API server's time, which decides when keys expire, so that all gateways agree.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._records: tuple[tuple[str, ApiKeyRecord], ...] | None = None

    @property
    def known(self) -> bool:
        """Return whether the Secret has been read, or found missing, at least once."""
        return self._records is not None

    def caller(self, presented: str | None) -> Caller:
        """Return the caller with this key.

        All records are compared, each in constant time, so that the response time reveals nothing
        about the keys.

        Raises:
            KeyRequiredError: `presented` is None or empty.
            KeyInvalidError: the key is unknown.
            KeyExpiredError: the key has expired.
            BusyError: the Secret has not been read yet.
        """
        if not presented:
            raise KeyRequiredError
        if self._records is None:
            raise BusyError
        digest = hash_key(presented)
        found: tuple[str, ApiKeyRecord] | None = None
        for name, record in self._records:
            if hmac.compare_digest(record.sha256, digest):
                found = name, record
        if found is None:
            raise KeyInvalidError
        return self._unexpired(*found)

    def named(self, name: str) -> Caller:
        """Return the caller for a request without a key that gets the rights of this key.

        Raises:
            KeyRequiredError: there is no key with this name.
            KeyExpiredError: it has expired.
            BusyError: the Secret has not been read yet.
        """
        if self._records is None:
            raise BusyError
        found = next((one for one in self._records if one[0] == name), None)
        if found is None:
            raise KeyRequiredError
        return self._unexpired(*found)

    def _unexpired(self, name: str, record: ApiKeyRecord) -> Caller:
        if record.expires_at is not None and record.expires_at <= self._now():
            raise KeyExpiredError
        return self._caller(name, record)

    def _caller(self, name: str, record: ApiKeyRecord) -> Caller:
        own = self._settings
        rate = record.rate_per_minute or own.rate_limit_per_minute
        concurrency = record.concurrency or own.concurrency
        return Caller(
            key=name,
            tenant=record.tenant,
            rate=rate,
            concurrency=concurrency,
            reads=_in_proportion(own.reads_per_minute, rate, own.rate_limit_per_minute),
            requests=_in_proportion(own.requests_per_key, concurrency, own.concurrency),
        )

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Replace all keys with those of the Secret. Without the Secret, no key is valid."""
        self._take(objects[0].get("data") or {} if objects else {})

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Apply one watch event of the Secret."""
        self._take({} if kind == "DELETED" else obj.get("data") or {})

    def connected(self) -> None:
        """Do nothing: a new watch resumes where the last one ended, or follows a new list."""

    def _take(self, data: Mapping[str, str]) -> None:
        records = []
        for name, value in sorted(data.items()):
            try:
                record = ApiKeyRecord.model_validate_json(base64.b64decode(value, validate=True))
            except (ValidationError, binascii.Error, ValueError) as error:
                # The error's text would show the record. Its type and location do not.
                _log.error("API key %s is skipped: %s", name, _without_input(error))
                continue
            records.append((name, record))
        self._records = tuple(records)
        _log.info("loaded %d API keys", len(records))


def _in_proportion(usual: int, own: int, default: int) -> int:
    """Return a key's limit: `usual` scaled by `own / default`, and at least `usual`.

    `own` is the key's other limit, and `default` is what the settings have for it.
    """
    return usual * max(own, default) // default


def _without_input(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "its value is not base64"
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, d['loc'])) or 'record'}: {d['type']}" for d in details)

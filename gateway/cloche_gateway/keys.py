"""API keys: who asks. The Secret's records, as they are now."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloche_api.keys import SECRET_NAME, ApiKeyRecord, hash_key
from cloche_gateway import names
from cloche_gateway.errors import BusyError, KeyExpiredError, KeyInvalidError, KeyRequiredError
from cloche_gateway.watch import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cloche_gateway.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the key's name, the tenant that it speaks for, and what it may do."""

    key: str
    tenant: str
    rate: int
    """Executions that it may ask for in a minute."""
    concurrency: int
    """Its executions that run at a time."""
    reads: int
    """Reads, waits, streams and deletions that it may ask for in a minute."""
    requests: int
    """Its requests that are answered at a time, waiting ones and streams included."""


def source(namespace: str) -> Source:
    """The one Secret, by its name, so that RBAC can allow just that one."""
    return Source(names.secrets(namespace), {"fieldSelector": f"metadata.name={SECRET_NAME}"})


class KeyRing:
    """All valid keys. A change in the Secret takes effect with the watch's event.

    What a key has no limit of its own for is as the settings say. Reads belong to a rate, and
    requests in flight to a concurrency: a key that may run more has more of them, in proportion.
    `now` is the API server's time, by which keys expire, whichever gateway looks.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._records: tuple[tuple[str, ApiKeyRecord], ...] | None = None

    @property
    def known(self) -> bool:
        """Whether the Secret has been read (or found missing) at least once."""
        return self._records is not None

    def caller(self, presented: str | None) -> Caller:
        """Whose key that is.

        Every record is compared, each in constant time, so that the time tells nothing.

        Raises:
            KeyRequiredError: when there is none.
            KeyInvalidError: when it is nobody's.
            KeyExpiredError: when its time is over.
            BusyError: when the Secret could not be read yet.
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
        _, record = found
        if record.expires_at is not None and record.expires_at <= self._now():
            raise KeyExpiredError
        return self._caller(*found)

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
        """Take the Secret's content, or its absence: then no key is valid."""
        self._take(objects[0].get("data") or {} if objects else {})

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Take one change of the Secret."""
        self._take({} if kind == "DELETED" else obj.get("data") or {})

    def connected(self) -> None:
        """Nothing was missed: the watch goes on where it ended, or the list was read anew."""

    def _take(self, data: Mapping[str, str]) -> None:
        records = []
        for name, value in sorted(data.items()):
            try:
                record = ApiKeyRecord.model_validate_json(base64.b64decode(value, validate=True))
            except (ValidationError, binascii.Error, ValueError) as error:
                # The error's text would show the record; its kind and place do not.
                _log.error("API key %s is skipped: %s", name, _without_input(error))
                continue
            records.append((name, record))
        self._records = tuple(records)
        _log.info("%d API keys are valid", len(records))


def _in_proportion(usual: int, own: int, default: int) -> int:
    """What a key may do whose limit is `own` where others' is `default`; never less than usual."""
    return usual * max(own, default) // default


def _without_input(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "its value is no base64"
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, d['loc'])) or 'record'}: {d['type']}" for d in details)

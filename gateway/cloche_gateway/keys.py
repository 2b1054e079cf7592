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
from cloche_gateway.errors import BusyError, KeyInvalidError, KeyRequiredError
from cloche_gateway.watch import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the key's name and the tenant that it speaks for."""

    key: str
    tenant: str


def source(namespace: str) -> Source:
    """The one Secret, by its name, so that RBAC can allow just that one."""
    return Source(names.secrets(namespace), {"fieldSelector": f"metadata.name={SECRET_NAME}"})


class KeyRing:
    """All valid keys. A change in the Secret takes effect with the watch's event."""

    def __init__(self) -> None:
        self._records: tuple[tuple[str, str, str], ...] | None = None  # name, sha256, tenant

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
            BusyError: when the Secret could not be read yet.
        """
        if not presented:
            raise KeyRequiredError
        if self._records is None:
            raise BusyError
        digest = hash_key(presented)
        found: Caller | None = None
        for name, sha256, tenant in self._records:
            if hmac.compare_digest(sha256, digest):
                found = Caller(name, tenant)
        if found is None:
            raise KeyInvalidError
        return found

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
            records.append((name, record.sha256, record.tenant))
        self._records = tuple(records)
        _log.info("%d API keys are valid", len(records))


def _without_input(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "its value is no base64"
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, d['loc'])) or 'record'}: {d['type']}" for d in details)

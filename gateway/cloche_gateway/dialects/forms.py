"""Bodies that are JSON or an HTML form (application/x-www-form-urlencoded)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.http.route import JSON, BodyFormat

FORM_TYPE = "application/x-www-form-urlencoded"
_FIELDS = 64
"""The most fields of a form. No request of a dialect has as many."""


def fields_of(raw: bytes) -> dict[str, str]:
    """Return the fields of a form. Of a field that is given several times, the first one counts.

    Raises:
        InvalidRequestError: the form has too many fields, or text that is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS
        )
    except UnicodeError:
        raise InvalidRequestError("body", "must be a form in UTF-8") from None
    except ValueError:
        raise InvalidRequestError("body", f"must have at most {_FIELDS} fields") from None
    return dict(reversed(pairs))


def _parse(raw: bytes, content_type: str, requests: int) -> Any:
    if content_type.lower().startswith(FORM_TYPE):
        return fields_of(raw)
    return JSON.parse(raw, content_type, requests)


JSON_OR_FORM = BodyFormat((*JSON.media_types, FORM_TYPE), _parse)

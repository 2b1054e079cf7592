"""Bodies of Judge0's requests: JSON, an URL-encoded form, or a multipart form.

Forms are parsed here. The standard library's parser of multipart bodies handles each line in
Python, which takes seconds for 4 MiB of line breaks, and a package for it would be a dependency for
this dialect alone. A form of a submission is a list of names and texts.
"""

from __future__ import annotations

import re
from typing import Any

from cloche_gateway.dialects.forms import FORM_TYPE, fields_of
from cloche_gateway.dialects.judge0.refusals import RefusedError
from cloche_gateway.errors import InvalidRequestError, TooLargeError
from cloche_gateway.http.route import BodyFormat
from cloche_gateway.requests import body as bodies

BATCH_MAX = 20
"""The most submissions in a batch, as Judge0's default."""
_JSON, _MULTIPART = "application/json", "multipart/form-data"
_FIELDS_MAX = 64
"""The most parts of a multipart form. A submission has 20."""
_FORM_BYTES = 1024 * 1024
"""The largest URL-encoded form. Each escape takes some 40 bytes of memory while it is decoded."""
_HEAD_BYTES = 1024
"""The largest headers of a part."""
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70})(?![^\s;]))', re.IGNORECASE)
_NAME = re.compile(
    rb'^content-disposition:.*?[;\s]name="?([^";\r\n]*)', re.IGNORECASE | re.MULTILINE
)


def _of_one(raw: bytes, content_type: str, requests: int) -> dict[str, Any]:
    """Return the parameters of a body; without a body there are none.

    Raises:
        InvalidRequestError, TooLargeError: the body is not valid, or larger than its format allows.
    """
    if not raw.strip():
        return {}
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type == FORM_TYPE:
        return _form(raw)
    if media_type == _MULTIPART:
        return _multipart(raw, content_type)
    value = bodies.parse(raw, requests)
    if not isinstance(value, dict):
        raise InvalidRequestError("body", "must be a JSON object")
    return value


def _of_batch(raw: bytes, content_type: str, requests: int) -> list[dict[str, Any]]:
    """Return the parameters of each submission of a batch.

    Raises:
        RefusedError: there are none, or too many.
        InvalidRequestError, TooLargeError: as `_of_one`.
    """
    given = _of_one(raw, content_type, requests).get("submissions")
    items = given if isinstance(given, list) else []
    check_count(len(items))
    return [item if isinstance(item, dict) else {} for item in items]


def check_count(count: int) -> None:
    """Check the number of submissions in a batch.

    Raises:
        RefusedError: there are none, or too many.
    """
    if count == 0:
        raise RefusedError(400, "there should be at least one submission in a batch")
    if count > BATCH_MAX:
        rule = f"should be less than or equal to {BATCH_MAX}"
        raise RefusedError(400, f"number of submissions in a batch {rule}")


_TYPES = (_JSON, FORM_TYPE, _MULTIPART, "")
"""A client that sends all parameters in the query has no body, and so no Content-Type."""
ONE = BodyFormat(_TYPES, _of_one)
BATCH = BodyFormat(_TYPES, _of_batch)


def _form(raw: bytes) -> dict[str, Any]:
    if len(raw) > _FORM_BYTES:
        rule = f"must be at most {_FORM_BYTES // 1024**2} MiB as a form: send JSON instead"
        raise TooLargeError(f"body: {rule}")
    return {**fields_of(raw)}


def _multipart(raw: bytes, content_type: str) -> dict[str, Any]:
    """Return the fields of a multipart form (RFC 7578), without the names of files."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise InvalidRequestError("Content-Type", "must have a boundary of at most 70 characters")
    boundary = (found[1] or found[2]).encode("latin-1", "replace")
    # The text before the first boundary, the parts, and `--` with the text after the last one.
    _, *parts = (b"\r\n" + raw).split(b"\r\n--" + boundary, _FIELDS_MAX + 2)
    if len(parts) > _FIELDS_MAX + 1:
        raise _too_many()
    if not parts or not parts[-1].startswith(b"--"):
        raise InvalidRequestError("body", "must be a multipart form that ends with its boundary")
    fields: dict[str, Any] = {}
    for part in parts[:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head) if len(head) <= _HEAD_BYTES else None
        if name is None:
            rule = f"each part must have a name, in headers of at most {_HEAD_BYTES} bytes"
            raise InvalidRequestError("body", rule)
        try:
            fields[name[1].decode()] = content.decode()
        except UnicodeDecodeError:
            raise InvalidRequestError("body", "must be UTF-8") from None
    return fields


def _too_many() -> InvalidRequestError:
    return InvalidRequestError("body", f"must have at most {_FIELDS_MAX} fields")

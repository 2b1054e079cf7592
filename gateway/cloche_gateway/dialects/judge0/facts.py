"""What an answer for a submission needs besides its execution: an annotation of at most 1 KiB.

It is part of the create, so it costs no write. Each revision of the execution contains it, and
`write_limit.METADATA_BYTES` has room for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloche_api.accounting.size import json_bytes
from cloche_api.limits import KIB
from cloche_api.meta import ANNOTATION_JUDGE0
from cloche_gateway.dialects.judge0.values import FLAGS, RANGES

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTES = KIB
_SPACE = " \t\n\v\f\r\0"
"""What Ruby's `rstrip` removes, with which Judge0 compares outputs."""
_LANGUAGE, _GIVEN, _OUTPUT, _DIGEST = "language_id", "given", "expected_output", "expected_sha256"


@dataclass(frozen=True, slots=True)
class Facts:
    """The language's id, the numbers and flags that the submission has, and its expected output.

    Of an expected output for which the annotation has no room, only the SHA-256 of what is compared
    is kept.
    """

    language_id: int
    given: Mapping[str, float | bool] = field(default_factory=dict)
    expected: str | None = None
    expected_sha256: str | None = None

    def value(self, name: str) -> float | bool:
        """Return a number or flag of the submission, or its default."""
        if (found := self.given.get(name)) is not None:
            return found
        return FLAGS[name] if name in FLAGS else RANGES[name].default

    def accepts(self, stdout: str) -> bool:
        """Return whether the output is the expected one.

        Spaces and line breaks at the end of lines and of the whole do not count.
        """
        if self.expected is not None:
            return stdout == self.expected or _compared(stdout) == _compared(self.expected)
        return self.expected_sha256 is None or _sha256(stdout) == self.expected_sha256

    def text(self) -> str:
        """Return the annotation's value."""
        kept: dict[str, Any] = {_LANGUAGE: self.language_id}
        if self.given:
            kept[_GIVEN] = dict(self.given)
        if self.expected is not None:
            kept[_OUTPUT] = self.expected
        if self.expected_sha256 is not None:
            kept[_DIGEST] = self.expected_sha256
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def made(language_id: int, given: Mapping[str, float | bool], expected: str | None) -> Facts:
    """Return the facts of a submission. `expected` has no lone surrogates."""
    if expected is None or len(expected) <= BYTES:  # its JSON is not shorter
        whole = Facts(language_id, given, expected)
        if expected is None or json_bytes(whole.text()) <= BYTES:
            return whole
    return Facts(language_id, given, expected_sha256=_sha256(expected))


def of(annotations: Mapping[str, str]) -> Facts | None:
    """Return the facts in the annotations of an execution.

    None: it was not made through this dialect, or another client has written the annotation.
    """
    try:
        kept = json.loads(annotations[ANNOTATION_JUDGE0])
        number, given = kept[_LANGUAGE], kept.get(_GIVEN) or {}
        expected, digest = kept.get(_OUTPUT), kept.get(_DIGEST)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    valid = (
        type(number) is int
        and isinstance(given, dict)
        and all(name in RANGES or name in FLAGS for name in given)
        and all(isinstance(value, int | float) for value in given.values())
        and all(one is None or isinstance(one, str) for one in (expected, digest))
    )
    return Facts(number, given, expected, digest) if valid else None


def _compared(text: str) -> str:
    return "\n".join(line.rstrip(_SPACE) for line in text.split("\n")).rstrip(_SPACE)


def _sha256(text: str) -> str:
    return hashlib.sha256(_compared(text).encode("utf-8", "replace")).hexdigest()

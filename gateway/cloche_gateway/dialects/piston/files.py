"""The files of a request of Piston: the first text is the program, the others are next to it."""

from __future__ import annotations

import base64
import binascii
import posixpath
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.dialects.fields import base64_file, text_file
from cloche_gateway.dialects.piston.dialect import MistakeError
from cloche_gateway.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.cluster.languages import Language
    from cloche_gateway.models import InputFile

_ENCODINGS = ("base64", "hex")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
)
_HEX_DIGITS = "0123456789abcdefABCDEF"
_COPIED_CHARACTERS = 64 * limits.KIB
"""The longest program that is also written under its own name, because its size counts twice."""


def of_job(files: Sequence[dict[str, Any]], language: Language) -> tuple[str, list[InputFile]]:
    """Return the program, and the files for its working directory.

    At least one of the files is text. A later file replaces an earlier one of the same name.

    In the working directory the program has the file name of the language. In a language without a
    compiler it is also there under its own name if there are other texts, because they may import
    it. A compiler would take the two for two parts of one program.

    Raises:
        MistakeError: a name is not a string.
        TooLargeError: the files have more than Cloche's limit before they are decoded.
    """
    names = [_name(file.get("name"), index) for index, file in enumerate(files)]
    encodings = [_encoding(file) for file in files]
    first = encodings.index(None)
    main = names[first]
    contents = {
        name: (encoding, file["content"])
        for name, encoding, file in zip(names, encodings, files, strict=True)
    }
    encoding, code = contents.pop(main)
    if encoding is not None:  # a later file has replaced it
        raise MistakeError("files must include at least one utf8 encoded file")
    encoded = sum(len(content) for found, content in contents.values() if found is not None)
    if encoded > 2 * limits.FILES_BYTES:
        raise TooLargeError(f"files: must be at most {limits.FILES_BYTES // limits.KIB} KiB")
    others = [_file(name, *content) for name, content in contents.items()]
    is_known_by_name = files[first].get("name") and main != language.file_name
    beside_texts = any(found is None for found, _ in contents.values())
    if is_known_by_name and beside_texts and not language.compiled:
        others += [text_file(main, code)] if len(code) <= _COPIED_CHARACTERS else []
    return code, others


def _name(value: Any, index: int) -> str:
    """Return the path of a file relative to the working directory."""
    if not value:
        return f"file{index}.code"
    if not isinstance(value, str):
        raise MistakeError(f"files[{index}].name must be a string")
    return posixpath.normpath(value.lstrip("/"))


def _encoding(file: dict[str, Any]) -> str | None:
    """Return the encoding of a file's content, or None for text."""
    value: str | None = file.get("encoding")
    return value if value in _ENCODINGS else None


def _file(path: str, encoding: str | None, content: str) -> InputFile:
    if encoding is None:
        return text_file(path, content)
    return base64_file(path, _base64(content) if encoding == "base64" else _from_hex(content))


def _base64(text: str) -> str:
    """Return base64 as Node.js reads it: with any alphabet, and without what is not part of it."""
    kept = text.encode("ascii", "ignore").translate(_URL_SAFE, _NOT_BASE64).partition(b"=")[0]
    kept = kept[: -1 if len(kept) % 4 == 1 else None]
    return (kept + b"=" * (-len(kept) % 4)).decode()


def _from_hex(text: str) -> str:
    """Return the base64 of hexadecimal digits, up to the first character that is none."""
    digits = len(text) - len(text.lstrip(_HEX_DIGITS))
    return base64.b64encode(binascii.unhexlify(text[: digits - digits % 2])).decode()

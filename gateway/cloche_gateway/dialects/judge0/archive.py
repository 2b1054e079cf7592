"""The files of a zip archive, under the limits of an execution's files.

A small archive can list many entries, or expand to any size. So the size of its directory is
checked before it is read, and no more is decompressed than an execution may have.
"""

from __future__ import annotations

import base64
import io
import stat
import struct
import zipfile
import zlib

from cloche_api import limits
from cloche_gateway.dialects.fields import base64_file
from cloche_gateway.errors import shown
from cloche_gateway.models import InputFile

_END = b"PK\x05\x06"
_END_FORMAT = struct.Struct("<4s4H2LH")
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
"""The mark before the end of an archive in the format Zip64, which has other sizes."""
_DIRECTORY_BYTES = 64 * limits.KIB
"""The largest directory: that of 64 files with the longest paths has half of it."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, struct.error, LookupError, ValueError,
    OverflowError, RuntimeError,
)  # fmt: skip
"""What zipfile raises for archives that are damaged or of an unsupported kind."""


class ArchiveError(Exception):
    """The archive cannot be unpacked. The message is a sentence about it."""


def unpacked(raw: bytes) -> list[InputFile]:
    """Return the files of an archive. Their paths are checked with the request.

    Raises:
        ArchiveError: it is not a zip archive, or exceeds a limit.
    """
    _check_directory(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _files(archive)
    except _BROKEN:
        raise ArchiveError("must be a zip archive in base64, but it is damaged") from None


def _check_directory(raw: bytes) -> None:
    """Check the size of the directory, as zipfile will find it."""
    at = raw.rfind(_END)
    if at < 0 or at + _END_FORMAT.size > len(raw):
        raise ArchiveError("must be a zip archive in base64")
    *_, size, _, _ = _END_FORMAT.unpack_from(raw, at)
    zip64 = raw[max(0, at - _LOCATOR_BYTES) : at].startswith(_LOCATOR)
    if zip64 or size > _DIRECTORY_BYTES:
        raise _too_many()


def _files(archive: zipfile.ZipFile) -> list[InputFile]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > limits.FILES_ENTRIES:
        raise _too_many()
    files, left = list[InputFile](), limits.FILES_BYTES
    for entry in entries:
        content = _content(archive, entry, left)
        left -= len(content)
        files.append(base64_file(entry.filename, base64.b64encode(content).decode()))
    return files


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """Return the content of an entry, which may have `left` bytes."""
    name = shown(entry.filename)
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise ArchiveError(f"{name}: must be stored or deflated, and not encrypted")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):  # 0: made on a system without such kinds
        raise ArchiveError(f"{name}: must be a regular file, and not a link")
    with archive.open(entry) as file:
        content = file.read(left + 1)
    if len(content) > left:
        size = limits.FILES_BYTES // limits.KIB
        raise ArchiveError(f"must have at most {size} KiB of files")
    return content


def _too_many() -> ArchiveError:
    return ArchiveError(f"must have at most {limits.FILES_ENTRIES} files")

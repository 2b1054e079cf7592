"""Archives of additional files: what is taken from them, and archives that are attacks."""

from __future__ import annotations

import base64
import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest

from cloche_gateway.dialects.judge0.archive import ArchiveError, unpacked

DEFLATED = zipfile.ZIP_DEFLATED


def archive(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        for name, content in files:
            file.writestr(name, content)
    return made.getvalue()


def contents(raw: bytes) -> dict[str, bytes]:
    return {file.path: base64.b64decode(file.content_base64 or "") for file in unpacked(raw)}


def link(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system = 3
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


def test_files_are_unpacked_and_directories_are_left_out() -> None:
    raw = archive(("lib/", b""), ("lib/a.py", b"x = 1\n"), ("data.bin", bytes(range(256))))
    assert contents(raw) == {"lib/a.py": b"x = 1\n", "data.bin": bytes(range(256))}


def test_stored_files_and_an_empty_archive_are_unpacked() -> None:
    assert contents(archive(("a", b"1"), method=zipfile.ZIP_STORED)) == {"a": b"1"}
    assert contents(archive()) == {}


def test_files_of_exactly_the_limit_are_unpacked() -> None:
    raw = archive(("a", b"x" * 512 * 1024), *((f"f{number}", b"") for number in range(63)))
    assert sum(map(len, contents(raw).values())) == 512 * 1024


def lying(raw: bytes) -> bytes:
    """Return an archive whose entries are declared to have no content."""
    at = raw.index(b"PK\x01\x02")
    return raw[: at + 24] + struct.pack("<L", 0) + raw[at + 28 :]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"", "must be a zip archive"),
        (lambda: b"not an archive", "must be a zip archive"),
        (lambda: b"PK\x05\x06", "must be a zip archive"),
        (lambda: archive(("a", b"x"))[4:], "is damaged"),
        (lambda: archive(("a", b"x" * 99)).replace(b"PK\x03\x04", b"PK\x03\x05"), "is damaged"),
        (lambda: archive(("a", b"x" * 99)).replace(b"PK\x01\x02", b"PK\x01\x03"), "is damaged"),
        (lambda: archive(("a", b"0123456789"), method=0).replace(b"0123", b"0124"), "is damaged"),
        (lambda: archive(("a", b"\0" * (512 * 1024 + 1))), "at most 512 KiB"),
        (lambda: archive(("a", b"\0" * 600_000), ("b", b"\0" * 2_000_000)), "at most 512 KiB"),
        (lambda: archive(*((str(number), b"") for number in range(65))), "at most 64 files"),
        (lambda: archive(*((str(number), b"") for number in range(2000))), "at most 64 files"),
        (lambda: archive(("a", b"x"), method=zipfile.ZIP_BZIP2), "must be stored or deflated"),
        (lambda: archive(("a", b"x"), method=zipfile.ZIP_LZMA), "must be stored or deflated"),
        (lambda: archive((link("a"), b"/etc/passwd")), "must be a regular file"),
    ],
)
def test_an_archive_that_breaks_a_rule_is_an_error(make: Callable[[], bytes], words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        unpacked(make())


def test_an_encrypted_file_is_an_error() -> None:
    raw = bytearray(archive(("a", b"x")))
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError, match="not encrypted"):
        unpacked(bytes(raw))


def test_the_size_that_an_entry_declares_is_not_trusted() -> None:
    with pytest.raises(ArchiveError):
        unpacked(lying(archive(("a", b"\0" * 2_000_000))))


def test_every_prefix_and_every_changed_byte_is_files_or_an_error() -> None:
    whole = archive(("a.txt", b"hello hello hello"), ("b/c", b"x"))
    for at in range(len(whole)):
        for raw in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            try:
                assert len(unpacked(raw)) <= 2
            except ArchiveError:
                continue

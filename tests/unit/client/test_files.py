"""Files to send, and the files of a program, whose names it chose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloche_client.errors import UnsafePathError
from cloche_client.files import MOST_BYTES, MOST_FILES, read_files, save_file, save_files
from cloche_client.models import OutputFile

UNSAFE = [
    *("../up", "a/../../up", "/etc/passwd", "a//b", "./a", "", " ", "a/", "..", ".bashrc"),
    *(".ssh/authorized_keys", "C:\\x", "a\\..\\b", "a:b", "a\nb", "a\x1b[2J", "nul\0", "x "),
]


def file(path: str, content: bytes = b"new") -> OutputFile:
    return OutputFile(path, content)


def test_contents_paths_and_directories_can_be_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a.csv").write_bytes(b"1,2")
    (tmp_path / "data" / "deep" / "b.bin").write_bytes(b"\xff")
    (tmp_path / "data" / "link").symlink_to("/etc/passwd")
    monkeypatch.chdir(tmp_path)
    assert read_files({"x.txt": "é", "y": b"\0", "z": Path("data/a.csv")}) == {
        "x.txt": "é".encode(),
        "y": b"\0",
        "z": b"1,2",
    }
    assert read_files(["data/a.csv"]) == {"data/a.csv": b"1,2"}
    assert read_files(["data"]) == {"data/a.csv": b"1,2", "data/deep/b.bin": b"\xff"}
    assert read_files(["data", "./data/a.csv"]).keys() == {"data/a.csv", "data/deep/b.bin"}


def test_only_the_name_of_an_absolute_path_is_sent(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    assert read_files([tmp_path / "a.csv"]) == {"a.csv": b"1"}
    assert read_files([tmp_path]) == {f"{tmp_path.name}/a.csv": b"1"}


def test_more_than_a_request_may_have_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(UnsafePathError, match="exceed 64 files or 512 KiB"):
        read_files([large])
    with pytest.raises(UnsafePathError, match="exceed 64 files"):
        read_files({str(n): b"" for n in range(MOST_FILES + 1)})


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError, match="cannot be read: No such file"):
        read_files([tmp_path / "missing"])
    with pytest.raises(UnsafePathError, match="not a regular file"):
        read_files(["/dev/zero"])
    with pytest.raises(UnsafePathError, match="cannot be read"):
        read_files(["a\0b"])


def test_files_of_a_program_are_written_below_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    written = save_files([file("plot.png"), file("a/b/c.txt"), file("/tmp/t.txt")], folder)
    names = [str(path.relative_to(folder)) for path in written]
    assert names == ["plot.png", "a/b/c.txt", "tmp/t.txt"]
    assert (folder / "a/b/c.txt").read_bytes() == b"new"


@pytest.mark.parametrize("path", UNSAFE)
def test_an_unsafe_path_is_not_written(path: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(UnsafePathError):
        save_file(file(path), folder, overwrite=True)
    assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == [folder]


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old and longer")
    with pytest.raises(UnsafePathError, match="exists already and is kept"):
        save_file(file("a"), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"old and longer"
    save_file(file("a"), tmp_path, overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_link_is_followed(overwrite: bool, tmp_path: Path) -> None:  # noqa: FBT001
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"old")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "directory").symlink_to(outside)
    (folder / "file").symlink_to(outside / "victim")
    (folder / "dangling").symlink_to(outside / "new")
    for path in ("directory/victim", "directory/new", "file", "dangling"):
        with pytest.raises(UnsafePathError):
            save_file(file(path), folder, overwrite=overwrite)
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert (outside / "victim").read_bytes() == b"old"


def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafePathError):
        save_file(file("pipe"), tmp_path, overwrite=True)


def test_a_file_where_a_directory_is_expected_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(UnsafePathError, match="a/b"):
        save_file(file("a/b"), tmp_path)

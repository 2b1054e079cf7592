from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from support.fixtures.supervisor import Result, Supervisors, frame_of


def _files(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"path": path, "text": text} for path, text in pairs]


def _names(result: Result) -> list[str]:
    return [file["path"] for file in result.exit["files"]]


def test_input_files_are_written_with_their_directories_and_modes(supervisors: Supervisors) -> None:
    files = [
        {"path": "main.py", "text": "ü"},
        {"path": "a/b/c.bin", "base64": base64.b64encode(bytes(range(256))).decode()},
        {"path": "a/empty", "text": ""},
    ]
    result = supervisors.bash("stat -c '%a %n' a a/b a/b/c.bin main.py .tmp", files=files)
    assert result.stdout == "755 a\n755 a/b\n644 a/b/c.bin\n644 main.py\n755 .tmp\n"
    assert (supervisors.workspace / "a/b/c.bin").read_bytes() == bytes(range(256))
    assert (supervisors.workspace / "main.py").read_bytes() == "ü".encode()


@pytest.mark.parametrize(
    "path", ["/etc/x", "../x", "a/../../x", ".", "", "a//b", "a/", "./a", "a\0b"]
)
def test_a_path_outside_the_workspace_is_rejected(supervisors: Supervisors, path: str) -> None:
    result = supervisors.run(["true"], files=_files(("main.py", ""), (path, "")))
    assert result.code == 2
    assert result.error.startswith("frame: files[1].path: must ")


def test_links_in_the_workspace_are_not_followed(supervisors: Supervisors, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("untouched", encoding="utf-8")
    (supervisors.workspace / "out").symlink_to(outside)
    (supervisors.workspace / "main.py").symlink_to(victim)
    result = supervisors.run(["cat", "main.py"], files=_files(("main.py", "new")))
    assert (result.stdout, victim.read_text(encoding="utf-8")) == ("new", "untouched")
    result = supervisors.run(["cat", "out/victim"], files=_files(("m", ""), ("out/victim", "new")))
    assert result.stdout == "new"
    assert victim.read_text(encoding="utf-8") == "untouched"


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("a", "a/b", "Not a directory"),
        ("a", "a/b/c", "Not a directory"),
        ("c/d/e", "c/d", "Is a directory"),
        ("a", ".tmp", "Is a directory"),
    ],
)
def test_conflicting_input_paths_are_an_error(
    supervisors: Supervisors, first: str, second: str, why: str
) -> None:
    result = supervisors.run(["true"], files=_files((first, ""), (second, "")))
    assert (result.code, result.error) == (2, f"files: {second}: {why}")


def test_a_full_workspace_is_an_error_that_says_so(supervisors: Supervisors) -> None:
    mount = f'mount -t tmpfs -o size=64k none {supervisors.workspace} && exec "$@"'
    peer = supervisors.start("unshare", "--mount", "--", "sh", "-c", mount, "sh")
    result = peer.run(frame_of(["true"], files=_files(("main.py", "x" * 100_000))))
    assert (result.code, result.error) == (2, "files: main.py: the working directory is full")


def test_matching_output_files_are_returned(supervisors: Supervisors) -> None:
    code = "mkdir -p d/e .h; echo 1 > b.png; echo 2 > a.png; echo 3 > d/c.png; echo 4 > d/e/f.txt"
    result = supervisors.bash(f"{code}; echo 5 > .h/g.png", output_files=["*.png", "d/*", "a.*"])
    assert result.exit["files"] == [
        {"path": "a.png", "base64": base64.b64encode(b"2\n").decode()},
        {"path": "b.png", "base64": base64.b64encode(b"1\n").decode()},
        {"path": "d/c.png", "base64": base64.b64encode(b"3\n").decode()},
    ]
    assert result.exit["files_truncated"] is False


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**", ["d/e/f.txt", "d/g.txt", "main.py", "ü.txt"]),
        ("/".join(["**"] * 1000), ["d/e/f.txt", "d/g.txt", "main.py", "ü.txt"]),
        ("/".join(["**", "*"] * 500), []),
        ("**/*.txt", ["d/e/f.txt", "d/g.txt", "ü.txt"]),
        ("d/**/f.txt", ["d/e/f.txt"]),
        ("d/?.txt", ["d/g.txt"]),
        ("[!m]*", ["ü.txt"]),
        ("ü.txt", ["ü.txt"]),
        (".hidden", [".hidden"]),
        ("*/.hidden", []),
        ("d", []),
        ("none", []),
    ],
)
def test_an_output_pattern_selects_files(
    supervisors: Supervisors, pattern: str, names: list[str]
) -> None:
    code = "mkdir -p d/e; touch d/e/f.txt d/g.txt ü.txt .hidden"
    assert _names(supervisors.bash(code, output_files=[pattern])) == names


def test_only_regular_files_are_returned(supervisors: Supervisors, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="utf-8")
    code = f"mkfifo pipe; ln -s {secret} link; ln -s {tmp_path} dir; mkdir sub; touch sub/ok"
    patterns = ["*", "dir/*", "dir/secret", "link", "**/secret", "sub/*"]
    result = supervisors.bash(code, output_files=patterns)
    assert _names(result) == ["main.py", "sub/ok"]
    assert result.exit["files_truncated"] is False


def test_output_files_over_the_limit_are_flagged_as_truncated(supervisors: Supervisors) -> None:
    code = (
        "head -c 600 /dev/zero | tee a c > /dev/null; head -c 300 /dev/zero > b; truncate -s 90M z"
    )
    result = supervisors.bash(code, output_files=["?"], limits={"files_bytes": 1000})
    assert (_names(result), result.exit["files_truncated"]) == (["a", "b"], True)


def test_file_names_count_with_their_size_in_the_event(supervisors: Supervisors) -> None:
    """A control character takes six bytes in JSON, and a path may have 33 parts of 255."""
    code = r"""if True:
        import os
        name, where = "\x01" * 255, os.open(".", 0)
        for _ in range(8):
            os.mkdir(name, dir_fd=where)
            where = os.open(name, os.O_RDONLY, dir_fd=where)
        for number in range(200):
            os.mknod("\x01" * 250 + "%05d" % number, dir_fd=where)
        os.mknod("last")
    """
    result = supervisors.python(code, output_files=["**"], limits={"files_bytes": 50_000})
    assert len(result.lines[-1]) < 60_000
    assert len(result.exit["files"]) == 5  # three of 13.8 KB each, last and main.py
    assert result.exit["files_truncated"] is True


def test_a_path_too_long_for_the_resource_is_left_out_and_flagged(supervisors: Supervisors) -> None:
    deeper = "os.mkdir('d' * 250); os.chdir('d' * 250)"
    code = f"import os\nfor _ in range(17): {deeper}\nos.mknod('leaf')"
    result = supervisors.python(code, output_files=["**"])
    assert (_names(result), result.exit["files_truncated"]) == (["main.py"], True)


def test_a_file_of_the_largest_allowed_size_is_returned(supervisors: Supervisors) -> None:
    name = "all.bin"
    code = f"open({name!r}, 'wb').write(bytes(1000 - {len(name) + 2}))"
    result = supervisors.python(code, output_files=[name], limits={"files_bytes": 1000})
    assert (_names(result), result.exit["files_truncated"]) == ([name], False)


def test_the_number_of_returned_files_is_limited(supervisors: Supervisors) -> None:
    code = "import os\nos.mkdir('d')\nfor i in range(30000): os.mknod(f'd/{i}')"
    result = supervisors.python(code, output_files=["d/*"])
    assert len(result.exit["files"]) == 1024
    assert result.exit["files_truncated"] is True


def test_the_depth_of_the_search_for_output_files_is_limited(supervisors: Supervisors) -> None:
    code = "import os\nfor i in range(900): os.mkdir('d'); os.chdir('d')\nos.mknod('leaf')"
    result = supervisors.python(code, output_files=["**/leaf"])
    assert (_names(result), result.exit["files_truncated"]) == ([], True)
    os.system(f"rm -rf {supervisors.workspace}/d")  # noqa: S605 - too deep for shutil


def test_a_file_name_that_is_not_utf8_is_flagged(supervisors: Supervisors) -> None:
    result = supervisors.python("import os; os.mknod(b'\\xff')", output_files=["*"])
    assert (_names(result), result.exit["files_truncated"]) == (["main.py"], True)


def test_output_files_are_returned_after_a_timeout(supervisors: Supervisors) -> None:
    result = supervisors.bash("echo 1 > a; sleep 60", output_files=["a"], timeout_seconds=1.5)
    assert (_names(result), result.exit["timed_out"]) == (["a"], True)


def _omitted(result: Result) -> list[tuple[str, int, str]]:
    return [(one["path"], one["size"], one["reason"]) for one in result.exit["files_omitted"]]


def test_files_that_are_left_out_are_named_with_their_sizes(supervisors: Supervisors) -> None:
    code = (
        "head -c 600 /dev/zero | tee a c > /dev/null; head -c 300 /dev/zero > b; truncate -s 90M z"
    )
    result = supervisors.bash(code, output_files=["?"], limits={"files_bytes": 1000})
    assert _names(result) == ["a", "b"]
    assert _omitted(result) == [("c", 600, "NoSpaceLeft"), ("z", 90 * 1024 * 1024, "TooLarge")]


def test_no_file_is_named_as_left_out_if_all_are_returned(supervisors: Supervisors) -> None:
    assert _omitted(supervisors.bash("echo 1 > a", output_files=["*"])) == []
    assert _omitted(supervisors.bash("echo 1 > a")) == []


def test_the_number_of_files_that_are_named_as_left_out_is_limited(
    supervisors: Supervisors,
) -> None:
    code = "import os\nos.mkdir('d')\nfor i in range(3000): open(f'd/{i:04}', 'w').write('x' * 5)"
    result = supervisors.python(code, output_files=["d/*"])
    assert _omitted(result) == [(f"d/{n}", 5, "TooMany") for n in range(1024, 1124)]


def test_the_names_of_files_that_are_left_out_are_limited_in_bytes(
    supervisors: Supervisors,
) -> None:
    code = "for i in range(100): open(f'{i:02}' + '\\x01' * 200, 'w').write('x' * 5)"
    result = supervisors.python(code, output_files=["*"], limits={"files_bytes": 0})
    assert len(_omitted(result)) == 7  # with main.py
    assert sum(6 * len(path) for path, _, _ in _omitted(result)) < 8192
    assert result.exit["files_truncated"] is True


def test_a_file_whose_name_cannot_be_returned_is_named_as_far_as_possible(
    supervisors: Supervisors,
) -> None:
    code = "import os; open(b'\\xffa', 'w').write('xyz')"
    result = supervisors.python(code, output_files=["*a"])
    assert _omitted(result) == [("\ufffda", 3, "NameNotUTF8")]
    deeper = "os.mkdir('d' * 250); os.chdir('d' * 250)"
    code = f"import os\nfor _ in range(17): {deeper}\nos.mknod('leaf')"
    result = supervisors.python(code, output_files=["**/leaf"])
    (path, size, reason) = _omitted(result)[0]
    assert (path, size, reason) == (("d" * 250 + "/") * 16 + "d" * 80, 0, "PathTooLong")

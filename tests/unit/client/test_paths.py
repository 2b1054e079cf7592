"""Paths of frameworks in a session."""

from __future__ import annotations

import fnmatch

import pytest

from cloche_client.integrations.paths import pattern, relative


@pytest.mark.parametrize(
    ("path", "found"),
    [
        *(("a/b", "a/b"), ("./a//b", "a/b"), ("/workspace/a", "a"), ("/mnt/data/a", "a")),
        *(
            ("/home/user/a", "a"),
            ("/tmp/a", ".tmp/a"),
            ("a/../b", "b"),
            ("/workspace/../etc/x", None),
        ),
        *(("../a", None), ("/etc/passwd", None), ("/", None), ("", None), ("/workspace", None)),
        ("/workspacer/a", None),
    ],
)
def test_a_path_is_relative_to_the_working_directory_or_none(path: str, found: str | None) -> None:
    assert relative(path) == found


@pytest.mark.parametrize("path", ["a[1].txt", "a*b?", "[!x]", "plain/x.y"])
def test_a_pattern_matches_its_path_and_no_other(path: str) -> None:
    assert fnmatch.fnmatchcase(path, pattern(path))
    assert not fnmatch.fnmatchcase("a1.txt", pattern("a[1].txt"))
    assert not fnmatch.fnmatchcase("axb!", pattern("a*b?"))

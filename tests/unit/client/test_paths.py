"""Paths of frameworks in a session."""

from __future__ import annotations

import pytest

from cloche_client.integrations.paths import relative


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

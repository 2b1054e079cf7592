"""The recorder of the README's terminal session."""

from __future__ import annotations

import subprocess

import pytest
from recording import COLUMNS, picture, record


def test_a_session_has_each_command_and_what_it_printed() -> None:
    lines = record(("echo one; echo '<two>'", "true"), prelude="")
    assert [(line.text, line.typed) for line in lines] == [
        ("$ echo one; echo '<two>'", True),
        ("one", False),
        ("<two>", False),
        ("$ true", True),
    ]
    seconds = [line.seconds for line in lines]
    assert seconds == sorted(seconds)


def test_a_long_line_is_folded_like_in_a_terminal() -> None:
    lines = record((f"printf '%0{COLUMNS + 1}d\\n' 0",), prelude="")
    assert [len(line.text) for line in lines[1:]] == [COLUMNS, 1]


def test_the_picture_is_an_svg_with_escaped_text() -> None:
    drawn = picture(record(("echo '<two> & three'",), prelude=""))
    assert drawn.startswith("<svg ")
    assert ">&lt;two&gt; &amp; three</text>" in drawn


def test_a_failed_command_is_not_recorded() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        record(("false",), prelude="set -e\n")

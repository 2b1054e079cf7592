"""The state of a checkout in `.cloche`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloche_cluster.checkout import Checkout


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "cache" / "kubectl"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_tools_are_linked_and_linked_anew(tmp_path: Path, program: Path) -> None:
    checkout = Checkout(tmp_path)
    newer = program.parent / "newer" / "kubectl"
    newer.parent.mkdir()
    newer.write_bytes(program.read_bytes())
    newer.chmod(0o755)

    checkout.link_tools([program])
    checkout.link_tools([newer])

    assert (tmp_path / ".cloche" / "bin" / "kubectl").readlink() == newer


def test_a_tool_that_is_not_there_is_left_out(tmp_path: Path, program: Path) -> None:
    checkout = Checkout(tmp_path)

    checkout.link_tools([program, "there-is-no-such-helm"])

    assert [link.name for link in (tmp_path / ".cloche" / "bin").iterdir()] == ["kubectl"]


def test_forgetting_removes_the_links_not_the_programs(tmp_path: Path, program: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.link_tools([program])

    checkout.forget()

    assert not checkout.directory.exists()
    assert program.exists()

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


def test_linking_a_tool_again_replaces_its_link(tmp_path: Path, program: Path) -> None:
    checkout = Checkout(tmp_path)
    newer = program.parent / "newer" / "kubectl"
    newer.parent.mkdir()
    newer.write_bytes(program.read_bytes())
    newer.chmod(0o755)

    checkout.link_tools([program])
    checkout.link_tools([newer])

    assert (tmp_path / ".cloche" / "bin" / "kubectl").readlink() == newer


def test_a_missing_tool_is_not_linked(tmp_path: Path, program: Path) -> None:
    checkout = Checkout(tmp_path)

    checkout.link_tools([program, "there-is-no-such-helm"])

    assert [link.name for link in (tmp_path / ".cloche" / "bin").iterdir()] == ["kubectl"]


def test_forgetting_a_checkout_removes_links_but_no_programs(tmp_path: Path, program: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.link_tools([program])

    checkout.forget()

    assert not checkout.directory.exists()
    assert program.exists()

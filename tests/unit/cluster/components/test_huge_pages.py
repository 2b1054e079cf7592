"""The kernel's huge-page setting is changed temporarily, and only if it is `madvise`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloche_cluster.components.go import huge_pages

if TYPE_CHECKING:
    from pathlib import Path


def test_the_setting_madvise_is_changed_and_restored_after_an_error(tmp_path: Path) -> None:
    setting = tmp_path / "enabled"
    setting.write_text("always [madvise] never\n")

    def interrupted() -> None:
        with huge_pages(setting):
            assert setting.read_text() == "always"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert setting.read_text() == "madvise"


@pytest.mark.parametrize("present", ["[always] madvise never\n", "always madvise [never]\n"])
def test_a_setting_other_than_madvise_is_not_changed(tmp_path: Path, present: str) -> None:
    setting = tmp_path / "enabled"
    setting.write_text(present)
    with huge_pages(setting):
        assert setting.read_text() == present
    assert setting.read_text() == present


def test_a_kernel_without_huge_pages_is_not_changed(tmp_path: Path) -> None:
    with huge_pages(tmp_path / "absent"):
        pass

"""docs/user/languages.md names exactly the packages and locales that the Dockerfiles install."""

from __future__ import annotations

import re

import pytest
from support.data import packages
from support.data.documents import text_of


@pytest.mark.parametrize(
    ("language", "pattern", "documented"),
    [
        ("python", r"python3-[\w.-]+", [one.debian for one in packages.python()]),
        ("ruby", r"ruby-[\w.-]+", [one.debian for one in packages.ruby()]),
        ("php", r"php-(?!cli)[\w.-]+", list(packages.php())),
    ],
)
def test_the_page_names_each_package_that_the_image_installs(
    language: str, pattern: str, documented: list[str]
) -> None:
    (command,) = re.findall(
        r"install -y --no-install-recommends(.*?)&&", packages.installed(language), re.DOTALL
    )
    found = re.findall(rf"(?<!\S){pattern}(?!\S)", command)
    assert found == sorted(found)
    assert found == sorted(documented)


def test_the_page_names_each_package_of_javascript_and_typescript() -> None:
    listed = text_of("runtimes/javascript/packages.txt").split()
    assert listed == sorted(listed)
    assert listed == sorted(one.debian for one in packages.javascript())


def test_the_page_names_each_locale_of_the_base_image() -> None:
    (value,) = re.findall(r'ARG LOCALES="([^"]+)"', packages.installed("base"))
    assert set(value.replace("\\", " ").split()) == packages.locales()


def test_the_page_counts_the_packages_of_python_and_javascript() -> None:
    text = text_of(packages.PAGE)
    assert f"[{len(packages.python())} packages](#python-packages)" in text
    assert f"[{len(packages.javascript())} packages](#javascript-and-typescript-packages)" in text

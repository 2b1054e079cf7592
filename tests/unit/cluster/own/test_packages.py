"""The packages that a user names, and what the build does with their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloche_cluster.errors import ClusterError
from cloche_cluster.own.packages import Packages, check_name, named, stored


def test_packages_are_words_of_a_text_in_a_fixed_order() -> None:
    found = named("python", {"apt": "", "pip": "simpy==4.1.1  'rapidfuzz>=3,<4' simpy==4.1.1"})
    assert found == Packages("python", pip=("rapidfuzz>=3,<4", "simpy==4.1.1"))
    assert found.lists == {"pip": ["rapidfuzz>=3,<4", "simpy==4.1.1"]}


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("apt", "--allow-unauthenticated"),
        ("apt", "curl/sid"),
        ("pip", "--index-url=x"),
        ("pip", "x@file:///etc"),
        ("pip", "git+https://x"),
        ("npm", "../x"),
        ("npm", "--registry"),
        ("gem", "a;b"),
    ],
)
def test_a_word_that_is_an_option_or_an_address_is_rejected(kind: str, word: str) -> None:
    language = {"apt": "bash", "pip": "python", "npm": "typescript", "gem": "ruby"}[kind]
    with pytest.raises(ClusterError, match=rf"^{kind.upper()}: .* is not a package: write, for"):
        named(language, {kind: word})


def test_an_unclosed_quote_is_an_error_in_words() -> None:
    with pytest.raises(ClusterError, match=r"^PIP: No closing quotation: write the packages as"):
        named("python", {"pip": "'a"})


def test_a_kind_that_the_language_does_not_find_is_rejected() -> None:
    with pytest.raises(ClusterError, match=r"^NPM: programs in python do not find such packages"):
        named("python", {"npm": "dayjs"})
    assert named("go", {"apt": "graphviz"}).apt == ("graphviz",)


def test_no_package_at_all_is_rejected() -> None:
    with pytest.raises(ClusterError, match=r"^name at least one package: APT=…, PIP=…"):
        named("python", {"apt": " ", "pip": ""})


def test_the_packages_of_a_folder_are_read_again(tmp_path: Path) -> None:
    packages = Packages("python", apt=("graphviz",), pip=("simpy[x]~=4.1",))
    assert stored(tmp_path) is None
    packages.write(tmp_path)
    assert stored(tmp_path) == packages


@pytest.mark.parametrize("text", ["[", "1", "apt: [curl]", "from: python\npip: 3\n"])
def test_a_damaged_file_is_an_error_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "packages.yaml").write_text(text)
    with pytest.raises(ClusterError, match=r"packages\.yaml: cannot be read"):
        stored(tmp_path)


@pytest.mark.parametrize("name", ["Python", "a_b", "-a", "a--b", "1a", "a" * 41, "a/../b", ""])
def test_an_invalid_name_is_rejected_with_its_rule(name: str) -> None:
    with pytest.raises(ClusterError, match=r"^NAME: must be lowercase letters, digits and single"):
        check_name(name)


def test_a_valid_name_is_accepted() -> None:
    check_name("python-nlp2")

"""The languages to install, and the images that are built first."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloche_cluster.checkout import Checkout
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import discover
from cloche_cluster.install.example import README, example_for
from cloche_cluster.install.installer import image_values
from cloche_cluster.languages import aliases, chosen, first_images, images_for, languages

ROOT = Path(__file__).resolve().parents[3]
KNOWN = {"python": ["py"], "bash": ["sh"], "go": []}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("python,bash", ("python", "bash")),
        (" bash  PYTHON ", ("python", "bash")),
        ("py, sh", ("python", "bash")),
        ("all", None),
        ("python,all", None),
    ],
)
def test_languages_are_chosen_by_name_or_alias(text: str, names: tuple[str, ...] | None) -> None:
    assert chosen(text, KNOWN) == names


def test_an_unknown_language_is_rejected_with_the_existing_names() -> None:
    with pytest.raises(
        ClusterError, match="unknown language 'cobol'; choose from bash, go, python"
    ):
        chosen("python,cobol", KNOWN)


def test_languages_and_aliases_are_read_from_the_checkout() -> None:
    assert aliases(ROOT)["javascript"] == ["js", "node", "nodejs"]
    assert languages(ROOT)[:3] == ("python", "javascript", "bash")


def test_images_of_other_languages_are_not_built() -> None:
    names = [one.name for one in images_for(ROOT, ["go"])]
    assert [name for name in names if name.startswith("runtime-")] == ["runtime-base", "runtime-go"]
    assert images_for(ROOT, None) == discover(ROOT)


def test_the_first_images_are_those_of_three_languages_or_the_first_chosen() -> None:
    programs = {"gateway", "operator", "runtime-base"}
    first = {"runtime-python", "runtime-javascript", "runtime-bash"}
    assert set(first_images(discover(ROOT))) == programs | first
    assert set(first_images(images_for(ROOT, ["go", "rust"]))) == programs | {"runtime-go"}


def test_languages_without_an_image_are_disabled() -> None:
    values = image_values({"gateway": "1", "runtime-go": "2"}, ["go", "rust", "bash"])
    assert values["image"] == {"tags": {"gateway": "1", "runtime-go": "2"}}
    assert values["runtimes"] == {"disabled": ["bash", "rust"]}


def test_the_first_example_is_in_an_installed_language() -> None:
    assert example_for(ROOT, ["bash", "python"]) is README
    example = example_for(ROOT, ["sql"])
    assert (example.language, example.expected[:6]) == ("sql", " total")
    with pytest.raises(ClusterError, match="has no example `hello`"):
        example_for(ROOT, ["cobol"])


def test_chosen_languages_are_remembered_until_all_are_chosen(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    assert checkout.remembered_languages() is None
    checkout.remember_languages(["python", "bash"])
    assert checkout.remembered_languages() == ("bash", "python")
    checkout.remember_languages(None)
    assert checkout.remembered_languages() is None

"""The two revisions of a comparison: their names, CRDs, values and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from access.installation import ROOT
from progress import BenchError
from revisions import trees
from revisions.installed import crd_conflict, crds, values_of_turn


def crd(*versions: str, stored: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {
        "metadata": {"name": "things.example.com"},
        "spec": {
            "scope": scope,
            "versions": [{"name": name, "storage": name == stored} for name in versions],
        },
    }


def test_crds_of_the_same_stored_version_do_not_conflict() -> None:
    assert crd_conflict(crds(ROOT), crds(ROOT)) is None


def test_a_crd_of_one_revision_alone_is_no_conflict() -> None:
    assert crd_conflict([], [crd("v1", stored="v1")]) is None


@pytest.mark.parametrize(
    ("base", "here"),
    [
        (crd("v1", stored="v1"), crd("v1", "v2", stored="v2")),
        (crd("v1", "v2", stored="v2"), crd("v1", stored="v1")),
    ],
)
def test_a_stored_version_that_the_other_does_not_have_is_a_conflict(
    base: dict[str, Any], here: dict[str, Any]
) -> None:
    conflict = crd_conflict([base], [here])
    assert conflict == "one stores things.example.com as v2, which the other does not have."


def test_a_crd_with_another_scope_is_a_conflict() -> None:
    conflict = crd_conflict([crd("v1", stored="v1")], [crd("v1", stored="v1", scope="Cluster")])
    assert conflict is not None
    assert "Cluster" in conflict


def test_each_turn_replaces_the_pods_of_gateway_and_operator() -> None:
    first, second = values_of_turn(1), values_of_turn(2)
    for component in ("gateway", "operator"):
        assert first[component]["podAnnotations"] != second[component]["podAnnotations"]


def test_the_pods_of_a_base_can_have_their_own_runtime_class() -> None:
    assert values_of_turn(1, "other")["sandbox"] == {"runtimeClassName": "other"}
    assert "sandbox" not in values_of_turn(1)


def test_a_revision_that_git_does_not_know_is_named_in_the_error() -> None:
    with pytest.raises(BenchError, match="BASE=no-such-revision is not a revision"):
        trees.commit_of("no-such-revision")


def test_a_base_revision_that_looks_like_an_option_is_rejected() -> None:
    with pytest.raises(BenchError, match="BASE=--all is not a revision"):
        trees.commit_of("--all")


def test_a_snapshot_contains_the_files_the_chart_links_to_and_is_removed() -> None:
    with trees.snapshot() as here:
        for part in ("crds", "runtimes"):
            files = list((here / "charts" / "cloche" / part).iterdir())
            assert files
            assert all(file.resolve().is_relative_to(here) for file in files)
            assert all(file.is_file() for file in files)
    assert not Path(here).exists()

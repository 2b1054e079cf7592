"""The suites: which tests run together, their order, and unknown names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from suites import CORE, SUITES, named, place_of, runs_of, suite_of

TESTS = Path(__file__).parents[1]
MODULES_MAX = 15
"""More are grouped in subfolders. The programs that run in Pods are data and do not count."""


def test_each_test_belongs_to_one_suite() -> None:
    found = {path: suite_of(path) for path in TESTS.rglob("test_*.py")}
    assert set(found.values()) <= set(SUITES)
    assert found[Path(__file__)] == "unit"


def test_a_test_outside_of_the_suites_is_an_error() -> None:
    with pytest.raises(ValueError, match=re.escape("tests/support/test_x.py: a test must be in")):
        suite_of(TESTS / "support" / "test_x.py")


def test_files_are_ordered_by_suite_and_then_by_folder() -> None:
    files = [
        "unit/test_suites.py",
        "integration/operator/test_b.py",
        "integration/chart/test_a.py",
        "integration/api/test_a.py",
        "integration/gateway/http/test_a.py",
        "e2e/contract/test_b.py",
        "e2e/failures/test_b.py",
        "e2e/executions/test_a.py",
        "e2e/operations/test_a.py",
        "recovery/test_a.py",
    ]
    assert sorted(sorted(files), key=lambda file: place_of(TESTS / file)) == files


def test_words_select_suites_in_their_order() -> None:
    assert named(["core"]) == list(CORE)
    assert named(["all"]) == list(SUITES)
    assert named(["chaos", "unit", "chaos"]) == ["unit", "chaos"]


def test_an_unknown_suite_is_rejected_with_the_existing_ones() -> None:
    words = "there is no test suite 'smoke'; there are unit, integration, e2e, "
    with pytest.raises(ValueError, match=re.escape(words)):
        named(["unit", "smoke"])


def test_suites_without_a_cluster_share_one_run() -> None:
    assert runs_of(SUITES)[:3] == [("unit", "integration"), ("e2e",), ("languages",)]
    assert runs_of(["integration"]) == [("integration",)]
    assert runs_of(["chaos"]) == [("chaos",)]
    assert [suite for run in runs_of(SUITES) for suite in run] == list(SUITES)


def test_no_folder_of_tests_has_more_than_15_modules() -> None:
    folders = Counter(path.parent for path in TESTS.rglob("*.py") if "programs" not in path.parts)
    assert {str(one): n for one, n in folders.items() if n > MODULES_MAX} == {}

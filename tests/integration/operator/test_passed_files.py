"""A reader of the operator follows a warm execution through a bounded number of files."""

from __future__ import annotations

from support.fixtures.fake_cluster import FakeCluster
from support.passed_files.operator import operator_files

FILES_MAX = 25
"""Files of the operator. A change that needs another one has to merge two that are one subject."""


def test_a_warm_execution_passes_at_most_25_files_of_the_operator(cluster: FakeCluster) -> None:
    files = operator_files(cluster)["cloche_operator"]
    assert "executions/lifecycle.py" in files
    assert len(files) <= FILES_MAX, "\n".join(files)

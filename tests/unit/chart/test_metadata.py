"""What the chart says of itself: Chart.yaml, README.md and the notes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from support.clients.helm import has_value, helm
from support.data.names import CHART, ROOT, SYSTEM

import cloche_gateway
import cloche_operator

CHART_YAML: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
ANNOTATIONS: dict[str, str] = CHART_YAML["annotations"]


def notes(*sets: str) -> str:
    """The notes that `helm install` prints with these values."""
    values = [word for one in sets for word in ("--set", one)]
    done = helm("install", "cloche", str(CHART), "-n", SYSTEM, "--dry-run=client", *values)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:\n")[2]


def test_the_programs_have_the_chart_s_version() -> None:
    versions = {cloche_gateway.__version__, cloche_operator.__version__}
    assert versions == {CHART_YAML["appVersion"]}


def test_the_annotation_of_the_chart_names_each_crd() -> None:
    listed = {
        (one["kind"], one["version"], one["name"])
        for one in yaml.safe_load(ANNOTATIONS["artifacthub.io/crds"])
    }
    crds = [yaml.safe_load(path.read_text()) for path in ROOT.glob("crds/*.yaml")]
    assert listed == {
        (crd["spec"]["names"]["kind"], version["name"], crd["metadata"]["name"])
        for crd in crds
        for version in crd["spec"]["versions"]
    }


def test_the_changes_of_the_chart_have_known_kinds() -> None:
    kinds = {one["kind"] for one in yaml.safe_load(ANNOTATIONS["artifacthub.io/changes"])}
    assert kinds <= {"added", "changed", "deprecated", "removed", "fixed", "security"}


def test_helm_shows_the_readme() -> None:
    done = helm("show", "readme", str(CHART))
    assert done.stdout.strip() == (CHART / "README.md").read_text().strip()


def test_the_readme_names_values_that_exist() -> None:
    section = (CHART / "README.md").read_text().partition("## Values")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    paths = [path for row in rows for path in re.findall(r"`([\w.]+)`", row)]
    assert len(paths) > 15
    assert [path for path in paths if not has_value(path)] == []


def test_the_notes_warn_of_gateways_that_count_separately() -> None:
    assert "WARNING" not in notes()
    assert "up to 3 times its rate" in notes("gateway.replicas=3")
    assert "WARNING" not in notes("gateway.replicas=3", "valkey.enabled=true")
    shared = "gateway.rateLimit.redisUrl=redis://example.com:6379"
    assert "WARNING" not in notes("gateway.replicas=3", shared)


@pytest.mark.parametrize(
    ("program", "words"),
    [("gateway", "the HTTP API does not answer"), ("operator", "no new executions are started")],
)
def test_the_notes_warn_of_a_program_without_replicas(program: str, words: str) -> None:
    assert f"WARNING: {program}.replicas is 0, so {words}." in notes(f"{program}.replicas=0")

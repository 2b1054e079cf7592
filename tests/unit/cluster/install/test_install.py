from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cloche_cluster.install import env_file
from cloche_cluster.install.installer import merged, values_of_schema
from cloche_cluster.install.pod_status import is_ready, reason
from cloche_cluster.install.release import content_digest, is_whole, without_notes

if TYPE_CHECKING:
    from pathlib import Path


def test_the_env_file_is_private_and_can_be_sourced_by_a_shell(tmp_path: Path) -> None:
    path = tmp_path / ".cloche" / "env"
    written = env_file.Environment("http://localhost:8002", "clk_a-b_c", "/x y/z")
    env_file.write(path, written)
    assert path.stat().st_mode & 0o777 == 0o600
    shell = f"set -a; . {path}; sh -c 'echo \"$CLOCHE_URL|$CLOCHE_API_KEY|$KUBECONFIG\"'"
    said = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "http://localhost:8002|clk_a-b_c|/x y/z"
    assert env_file.read(path) == written


@pytest.mark.parametrize("text", ["", "CLOCHE_URL=x\n", "CLOCHE_URL='x\n", "nonsense\n"])
def test_an_env_file_without_all_values_is_ignored(tmp_path: Path, text: str) -> None:
    assert env_file.read(tmp_path / "env") is None
    (tmp_path / "env").write_text(text)
    assert env_file.read(tmp_path / "env") is None


def test_the_content_digest_changes_with_chart_links_and_values(tmp_path: Path) -> None:
    chart, linked = tmp_path / "chart", tmp_path / "runtime.yaml"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: x")
    linked.write_text("a")
    (chart / "link.yaml").symlink_to(linked)
    digests = [content_digest(chart, {"a": 1}), content_digest(chart, {"a": 1})]
    assert digests[0] == digests[1]
    digests.append(content_digest(chart, {"a": 2}))
    linked.write_text("b")
    digests.append(content_digest(chart, {"a": 1}))
    (chart / "Chart.yaml").rename(chart / "Other.yaml")
    digests.append(content_digest(chart, {"a": 1}))
    assert len(set(digests)) == 4


def test_helms_notes_on_links_are_removed_from_an_error() -> None:
    assert without_notes('failed:\n  level=INFO msg="found"\n  Error: x') == "failed:\n  Error: x"


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "status": status}


def test_the_reason_why_a_pod_is_not_ready_is_read_from_its_status() -> None:
    waiting = {"name": "c", "state": {"waiting": {"reason": "ErrImagePull", "message": "no x"}}}
    assert reason(pod(containerStatuses=[waiting])) == "container c ErrImagePull no x"
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}
    assert "0/1 nodes" in reason(pod(conditions=[unscheduled]))
    assert reason(pod(phase="Pending")) == "Pending"


def test_a_pod_is_ready_by_its_condition_or_once_it_succeeded() -> None:
    assert is_ready(pod(conditions=[{"type": "Ready", "status": "True"}]))
    assert is_ready(pod(phase="Succeeded"))
    assert not is_ready(pod(phase="Running", conditions=[{"type": "Ready", "status": "False"}]))
    assert not is_ready(pod())


def test_an_earlier_chart_gets_only_the_values_that_it_has() -> None:
    schema = {
        "additionalProperties": False,
        "properties": {
            "gateway": {"additionalProperties": False, "properties": {"replicas": {}}},
            "labels": {"additionalProperties": {"type": "string"}},
        },
    }
    values = {
        "gateway": {"replicas": 2, "dialects": {"mcp": {"enabled": True}}},
        "labels": {"any": "name"},
        "playground": True,
    }
    assert values_of_schema(values, schema) == {
        "gateway": {"replicas": 2},
        "labels": {"any": "name"},
    }


def test_values_are_merged_deeply_and_later_ones_take_precedence() -> None:
    one = {"image": {"registry": "r"}, "a": 1}
    two = {"image": {"tags": {"x": "1"}}, "a": 2}
    assert merged(one, two) == {"image": {"registry": "r", "tags": {"x": "1"}}, "a": 2}
    assert one == {"image": {"registry": "r"}, "a": 1}


def test_a_release_with_a_deployment_scaled_to_zero_is_not_complete() -> None:
    one, none = {"spec": {"replicas": 1}}, {"spec": {"replicas": 0}}
    assert is_whole([one, one])
    assert not is_whole([one, none])
    assert not is_whole([one])
    assert not is_whole([])

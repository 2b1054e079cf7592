"""docs/operate/monitor.md has the metrics of the programs and the alerts of the chart."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from support.clients.helm import kinds, the
from support.data.documents import section, tables
from support.data.names import ROOT, SYSTEM

from cloche_api.resources.phases import Phase, Reason, phase_of
from cloche_gateway import results
from cloche_gateway.metrics import Metrics as GatewayMetrics
from cloche_operator.metrics import Metrics as OperatorMetrics

MONITOR = (ROOT / "docs" / "operate" / "monitor.md").read_text()
HERE = f'namespace="{SYSTEM}"'
POOL = {"ready": 0, "claimed": 0, "hits": 0, "misses": 0, "healthFailures": 0}


def exposed(program: str) -> str:
    """A program's metrics, as Prometheus reads them."""
    if program == "operator":
        return generate_latest(OperatorMetrics().registry).decode()
    metrics = GatewayMetrics()
    metrics.observe(lambda: 0, {}, {"python": POOL})
    return metrics.text().decode()


def names(program: str) -> set[str]:
    """The names of a program's metrics, except those of its process."""
    found = re.findall(
        r"^# TYPE (\w+) (?:counter|gauge|histogram)$", exposed(program), re.MULTILINE
    )
    return {name for name in found if not name.startswith("process_")}


def documented(program: str) -> set[str]:
    """The names in the table of a program's metrics."""
    section = MONITOR.partition(f"## Metrics of the {program}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(\w+)(?:\{[\w,]*\})?` \|", section, re.MULTILINE)
    return set(found)


def rules(groups: list[dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    """Expression and duration of each alert."""
    (group,) = groups
    return {
        rule["alert"]: (" ".join(rule["expr"].split()), rule.get("for")) for rule in group["rules"]
    }


@pytest.mark.parametrize("program", ["gateway", "operator"])
def test_each_metric_is_documented(program: str) -> None:
    assert documented(program) == names(program)


@pytest.mark.parametrize("program", ["gateway", "operator"])
def test_no_series_has_a_creation_time_and_one_has_the_version(program: str) -> None:
    text = exposed(program)
    assert "_created" not in text
    assert f'cloche_build_info{{program="{program}",version="0.1.0"}} 1.0' in text


def test_the_documented_alerts_are_those_of_the_chart() -> None:
    (block,) = re.findall(r"```yaml\n(groups:.*?)```", MONITOR, re.DOTALL)
    rule = the("PrometheusRule", "cloche", 'prometheusRule={"enabled":true,"labels":{"r":"p"}}')
    assert rule["metadata"]["labels"]["r"] == "p"
    ours = rules(rule["spec"]["groups"])
    assert all(HERE in expression for expression, _ in ours.values())
    anywhere = {
        name: (re.sub(rf"\{{{HERE}\}}", "", expression).replace(f"{HERE},", ""), duration)
        for name, (expression, duration) in ours.items()
    }
    assert anywhere == rules(yaml.safe_load(block)["groups"])
    assert kinds("PrometheusRule") == {}


def test_each_alert_has_something_to_do() -> None:
    (table,) = tables(section("docs/operate/monitor.md", "## Alerts"))
    rule = the("PrometheusRule", "cloche", "prometheusRule.enabled=true")
    assert {name for row in table for name in row[0].split(", ")} == set(
        rules(rule["spec"]["groups"])
    )


def test_the_alert_on_failures_leaves_out_the_reasons_that_requests_cause() -> None:
    rule = the("PrometheusRule", "cloche", "prometheusRule.enabled=true")
    expression, _ = rules(rule["spec"]["groups"])["ClocheExecutionsFail"]
    (left_out,) = re.findall(r'reason!~"([\w|]+)"', expression)
    assert set(left_out.split("|")) == {
        reason
        for reason in Reason
        if phase_of(reason) is Phase.ERROR and results.TABLE[reason].status < 500
    }


def test_the_alerts_use_metrics_that_exist_and_the_limits_of_the_values() -> None:
    sets = ("prometheusRule.enabled=true", "gateway.connections=500")
    found = rules(the("PrometheusRule", "cloche", *sets)["spec"]["groups"])
    assert found["ClocheConnectionsNearlyUsedUp"][0].endswith("> 0.9 * 500")
    known = names("gateway") | names("operator") | {"up"}
    for expression, _ in found.values():
        assert set(re.findall(rf"(\w+)\{{{HERE}", expression)) <= known

"""Names that YAML reads as booleans, numbers or null when they are not quoted."""

from __future__ import annotations

import pytest
import yaml
from support.clients.helm import helm
from support.data.names import CHART

EVERYTHING = (
    "valkey.enabled=true",
    'priorityClasses.system={"create":true,"name":"off"}',
    'priorityClasses.sandbox={"create":true,"name":"no"}',
    'image={"registry":"r.example.com","pullSecrets":["yes"]}',
    'sandbox={"imagePullSecrets":["1e4"],"runtimeClassName":"2","nodeSelector":{"on":"3"}}',
    'gateway.ingress={"enabled":true,"className":"null","hosts":["4"]}',
    "serviceMonitor.enabled=true",
    "prometheusRule.enabled=true",
)
NAMES = {"off", "no", "yes", "1e4", "2", "on", "3", "null", "4"}
"""The names in EVERYTHING."""
PLAIN = {"2", "3", "4", "null"}
"""Of these, the ones that the chart has as numbers or null too."""


def plain_scalars(text: str) -> set[str]:
    """All scalars without quotes, keys included."""
    return {
        event.value
        for event in yaml.parse(text, yaml.SafeLoader)
        if isinstance(event, yaml.ScalarEvent) and event.style is None
    }


@pytest.mark.parametrize(
    ("release", "namespace", "sandboxes"),
    [("y", "n", "on"), ("yes", "123", "0x1f"), ("1e3", "1-1", "0b1"), ("0o7", "15e3", "12e03")],
)
def test_a_name_that_yaml_reads_as_another_type_is_quoted(
    release: str, namespace: str, sandboxes: str
) -> None:
    values = [word for one in EVERYTHING for word in ("--set-json", one)]
    done = helm(
        "template", release, str(CHART), "-n", namespace, "--kube-version", "1.36.0", *values,
        "--set-string", f"sandbox.namespace={sandboxes}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = plain_scalars(done.stdout)
    assert not found & {release, namespace, sandboxes}
    assert not found & (NAMES - PLAIN)

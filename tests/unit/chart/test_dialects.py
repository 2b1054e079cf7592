"""The dialects that the values enable, their settings, and their paths of the Ingress."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients.helm import the

from cloche_cluster.targets.base import ALL_DIALECTS
from cloche_gateway.settings import DialectName, Settings, load

PUBLIC = {"/", "/api", "/health", "/docs", "/openapi.json", "/play"}
INGRESS = 'gateway.ingress={"enabled":true,"hosts":["run.example.com"]}'


def settings(monkeypatch: pytest.MonkeyPatch, *sets: str) -> Settings:
    """Return the settings that the gateway reads from what the chart sets."""
    spec = the("Deployment", "cloche-gateway", *sets)["spec"]["template"]["spec"]
    for one in spec["containers"][0]["env"]:
        if "value" in one:
            monkeypatch.setenv(one["name"], one["value"])
    return load()


def paths(*sets: str) -> set[str]:
    """Return the paths of the Ingress."""
    (rule,) = the("Ingress", "cloche-gateway", INGRESS, *sets)["spec"]["rules"]
    found: list[dict[str, Any]] = rule["http"]["paths"]
    assert all(one["backend"]["service"]["name"] == "cloche-gateway" for one in found)
    assert all(one["pathType"] == "Prefix" for one in found if one["path"] != "/")
    return {one["path"] for one in found}


def test_only_mcp_is_enabled_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch)
    assert (found.dialects, found.keyless) == ((DialectName.MCP,), {})
    assert found.piston_any_version is True
    assert found.dify_timeout_seconds == 30
    assert paths() == PUBLIC | {"/mcp"}


def test_mcp_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    none = "gateway.dialects.mcp.enabled=false"
    assert settings(monkeypatch, none).dialects == ()
    assert paths(none) == PUBLIC


def test_local_clusters_enable_every_dialect_and_no_access_without_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set(ALL_DIALECTS) == set(DialectName)
    every = [f"gateway.dialects.{name}.enabled=true" for name in ALL_DIALECTS]
    found = settings(monkeypatch, *every)
    assert set(found.dialects) == set(DialectName)
    assert found.keyless == {}
    assert paths(*every) > PUBLIC | {"/mcp", "/v1/sandbox", "/run_code", "/submissions", "/jobe"}


def test_an_enabled_dialect_has_its_key_and_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        monkeypatch,
        'gateway.dialects.piston={"enabled":true,"keyless":"bots","anyVersion":false}',
        'gateway.dialects.dify={"enabled":true,"timeoutSeconds":2.5}',
        'gateway.dialects.jobe={"enabled":true,"keyless":"moodle"}',
    )
    assert set(found.dialects) == {"mcp", "piston", "dify", "jobe"}
    assert found.keyless == {"piston": "bots", "jobe": "moodle"}
    assert found.piston_any_version is False
    assert found.dify_timeout_seconds == 2.5


def test_a_disabled_dialect_has_no_key_and_no_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    off = 'gateway.dialects.jobe={"enabled":false,"keyless":"moodle"}'
    assert settings(monkeypatch, off).keyless == {}
    assert "/jobe" not in paths(off)

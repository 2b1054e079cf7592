"""The environment variables that the operator accepts."""

from __future__ import annotations

import pytest

from cloche_api.settings import SettingsError
from cloche_operator.settings import load


def test_each_unknown_variable_is_named_with_the_nearest_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOCHE_OPERATOR_QUEUE_LENGHT", "5")
    monkeypatch.setenv("cloche_operator_grace", "5")
    with pytest.raises(SettingsError) as refused:
        load()
    end = "unknown setting; the nearest one is CLOCHE_OPERATOR"
    assert str(refused.value).splitlines() == [
        f"CLOCHE_OPERATOR_QUEUE_LENGHT: {end}_QUEUE_LENGTH",
        f"cloche_operator_grace: {end}_GRACE_SECONDS",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_8080_TCP",
        "PORT_8080_TCP_ADDR",
    ],
)
def test_variables_of_a_service_named_like_the_operator_are_ignored(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"CLOCHE_OPERATOR_{name}", "tcp://10.0.0.1:8080")
    assert load() == load()


def test_each_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOCHE_OPERATOR_HTTP_PORT", "70000")
    monkeypatch.setenv("CLOCHE_OPERATOR_QUEUE_LENGTH", "many")
    with pytest.raises(SettingsError) as refused:
        load()
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "CLOCHE_OPERATOR_QUEUE_LENGTH",
        "CLOCHE_OPERATOR_HTTP_PORT",
    ]

"""The environment variables that the operator accepts."""

from __future__ import annotations

import pytest

from cloche_operator.settings import SettingsError, load


def test_an_unknown_variable_is_rejected_with_the_nearest_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOCHE_OPERATOR_QUEUE_LENGHT", "5")
    with pytest.raises(
        SettingsError, match="CLOCHE_OPERATOR_QUEUE_LENGHT: there is no such setting"
    ):
        load()
    with pytest.raises(SettingsError, match=r"nearest one is CLOCHE_OPERATOR_QUEUE_LENGTH$"):
        load()


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

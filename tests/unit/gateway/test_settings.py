"""The gateway's settings that a wrong value must not pass."""

from __future__ import annotations

import pytest

from cloche_api.settings import SettingsError
from cloche_gateway.settings import load


def test_the_origins_that_may_embed_the_playground_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load().playground_origins == ()
    text = "https://a.example.com, http://localhost:3000"
    monkeypatch.setenv("CLOCHE_GATEWAY_PLAYGROUND_ORIGINS", text)
    assert load().playground_origins == ("https://a.example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "a.example.com",
        "https://a.example.com/x",
        "https://a.example.com; script-src *",
        "'self'",
    ],
)
def test_a_value_that_is_no_origin_may_not_embed_the_playground(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setenv("CLOCHE_GATEWAY_PLAYGROUND_ORIGINS", origin)
    with pytest.raises(SettingsError, match="CLOCHE_GATEWAY_PLAYGROUND_ORIGINS"):
        load()


def test_any_origin_may_call_the_gateway_if_it_is_named_as_a_star(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOCHE_GATEWAY_CORS_ORIGINS", "*")
    assert load().cors_origins == ("*",)

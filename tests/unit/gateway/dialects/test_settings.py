"""The settings of the dialects, as environment variables."""

from __future__ import annotations

import pytest

from cloche_api.settings import SettingsError
from cloche_gateway.dialects import ROUTERS
from cloche_gateway.settings import DialectName, Settings, load

PREFIX = "CLOCHE_GATEWAY_"


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    return load()


def test_every_dialect_has_routers() -> None:
    assert set(ROUTERS) == set(DialectName)


def test_only_mcp_is_served_and_nothing_without_a_key_by_default() -> None:
    settings = Settings()
    assert settings.dialects == (DialectName.MCP,)
    assert settings.keyless == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ()),
        ("jobe", ("jobe",)),
        (" piston , sandboxFusion,", ("piston", "sandboxFusion")),
        ("mcp,piston,dify,sandboxFusion,judge0,jobe", tuple(DialectName)),
    ],
)
def test_dialects_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: tuple[str, ...]
) -> None:
    assert loaded(monkeypatch, dialects=value).dialects == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {}),
        ("piston=bots", {"piston": "bots"}),
        ("piston=bots, jobe=moodle.example", {"piston": "bots", "jobe": "moodle.example"}),
    ],
)
def test_keyless_is_pairs_of_a_dialect_and_a_key(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: dict[str, str]
) -> None:
    assert loaded(monkeypatch, keyless=value).keyless == expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dialects", "pistn", "DIALECTS='pistn': Input should be 'mcp', 'piston'"),
        ("dialects", "Piston", "DIALECTS='Piston': Input should be"),
        ("keyless", "piston", "piston=: must be DIALECT=NAME"),
        ("keyless", "piston=", "piston=: must be DIALECT=NAME"),
        ("keyless", "piston=Upper", "piston=Upper: must be DIALECT=NAME"),
        ("keyless", "piston=a/b", "piston=a/b: must be DIALECT=NAME"),
        ("keyless", "=bots", "KEYLESS="),
        ("keyless", "pistn=bots", "KEYLESS='pistn': Input should be 'mcp', 'piston'"),
        ("keyless", "piston=a,piston=b", "piston: is given twice"),
        ("piston_any_version", "perhaps", "PISTON_ANY_VERSION='perhaps'"),
        ("dify_timeout_seconds", "0", "DIFY_TIMEOUT_SECONDS='0'"),
        ("dify_timeout_seconds", "301", "DIFY_TIMEOUT_SECONDS='301'"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(monkeypatch, **{name: value})
    assert str(caught.value).startswith(f"{PREFIX}{name.upper()}=")
    assert words in str(caught.value)

"""Where the client's settings come from, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloche_client.errors import SettingsError
from cloche_client.settings import config_file, load

KEY = "clk_secret"
FILE = """
url = "https://file.example.org/"
api_key = "clk_of_file"

[profiles.course]
url = "https://course.example.org/cloche"
api_key = "clk_of_course"
language = "java"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "config.toml"
    file.write_text(FILE)
    return {"CLOCHE_CONFIG": str(file)}


def test_the_file_is_below_the_users_configuration(tmp_path: Path) -> None:
    found = config_file({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found == tmp_path / "cloche" / "config.toml"
    assert config_file({}) == Path.home() / ".config" / "cloche" / "config.toml"


def test_arguments_have_priority_over_the_environment_and_it_over_the_file(
    environ: dict[str, str],
) -> None:
    assert load(environ=environ).url == "https://file.example.org"
    environ |= {"CLOCHE_URL": "http://localhost:8002", "CLOCHE_API_KEY": KEY}
    found = load(environ=environ)
    assert (found.url, found.api_key) == ("http://localhost:8002", KEY)
    found = load(url="https://argument.example.org", environ=environ)
    assert (found.url, found.api_key) == ("https://argument.example.org", KEY)
    assert found.sources == {"url": "the arguments", "api_key": "the environment"}


def test_a_named_profile_has_priority_over_the_environment(environ: dict[str, str]) -> None:
    environ |= {"CLOCHE_URL": "http://localhost:8002", "CLOCHE_API_KEY": KEY}
    found = load(profile="course", environ=environ)
    assert (found.url, found.api_key) == ("https://course.example.org/cloche", "clk_of_course")
    assert found.language == "java"


def test_the_environment_can_name_the_profile(environ: dict[str, str]) -> None:
    assert load(environ=environ | {"CLOCHE_PROFILE": "course"}).api_key == "clk_of_course"


def test_space_around_a_key_is_removed(environ: dict[str, str]) -> None:
    assert load(api_key=f" {KEY}\n", environ=environ).api_key == KEY


@pytest.mark.parametrize(
    "url",
    [
        *(
            "localhost:8002",
            "ftp://example.org",
            "https://",
            "https://example.org?x=1",
            "http://a b",
        ),
        *("http://[::1", "http://example.org:99999", "http://example.org/\r\nX: y", "http://é.org"),
    ],
)
def test_a_wrong_url_is_refused(url: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="must be like https://"):
        load(url=url, environ=environ)


def test_a_password_in_the_url_is_refused_and_not_shown(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="must not contain a user") as caught:
        load(url="https://me:hunter2@example.org", environ=environ)
    assert "hunter2" not in str(caught.value)


def test_a_wrong_key_is_refused_and_not_shown(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="characters that no key has") as caught:
        load(api_key="clk_secret\r\nHost: elsewhere", environ=environ)
    assert "secret" not in str(caught.value)


def test_the_representation_of_settings_does_not_contain_the_key(environ: dict[str, str]) -> None:
    assert "clk_of_file" not in repr(load(environ=environ))


def test_without_a_url_the_error_names_the_variable_and_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Set CLOCHE_URL.*config\.toml"):
        load(environ={"CLOCHE_CONFIG": str(tmp_path / "config.toml")})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url = ", "is not valid TOML"),
        ("url = 5", "url must be a string"),
        ('adress = "x"', "has 'adress'. Known names: url"),
        ('profile = "x"', "There is no profile 'x' in .*Profiles: none"),
        ("profiles = 3\nprofile = 'x'", "There is no profile 'x'"),
        ("[profiles]\nx = 3", "must be a table"),
    ],
)
def test_a_wrong_file_is_refused(
    text: str, message: str, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        load(profile="x" if text.startswith("[") else None, environ=environ)


def test_a_profile_that_does_not_exist_is_refused_with_those_that_do(
    environ: dict[str, str],
) -> None:
    with pytest.raises(SettingsError, match=r"There is no profile 'x' in .*Profiles: course\."):
        load(profile="x", environ=environ)
    with pytest.raises(SettingsError, match="does not exist"):
        load(profile="x", environ={"CLOCHE_CONFIG": "/nowhere/config.toml"})

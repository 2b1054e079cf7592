"""Settings: from arguments, else from the environment, else from a profile of the file.

A profile that an argument names has priority over the environment. No message contains a key.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cloche_client.errors import SettingsError, UrlMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = ("url", "api_key", "ca_file", "language")
_HEADER = re.compile(r"[\x21-\x7e]+")
_HOW = "Set CLOCHE_URL, for example to https://cloche.example.org, or url in {file}."


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the gateway is, and the key for it."""

    url: str
    """`http://` or `https://`, a host, and optionally a port and a path; no slash at the end."""
    api_key: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """Certificates of the authorities to trust instead of the system's, in PEM."""
    language: str | None = None
    """The language of code without a suffix."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Where each field comes from, in words."""


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the configuration file: CLOCHE_CONFIG, else below XDG_CONFIG_HOME."""
    environ = os.environ if environ is None else environ
    if given := environ.get("CLOCHE_CONFIG"):
        return Path(given)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "cloche" / "config.toml"


def load(
    *,
    url: str | None = None,
    api_key: str | None = None,
    ca_file: str | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings. `api_key` may be None in them.

    Raises:
        SettingsError: there is no URL, or a value or the file is not valid.
    """
    environ = os.environ if environ is None else environ
    file = config_file(environ)
    named = profile or environ.get("CLOCHE_PROFILE") or None
    from_file = _profile(file, named)
    variables = {name: environ.get(f"CLOCHE_{name.upper()}") for name in _FIELDS}
    from_environment = ({k: v for k, v in variables.items() if v}, "the environment")
    from_profile = (from_file, f"{file}" + (f", profile {named}" if named else ""))
    layers = (
        [from_environment, from_profile] if profile is None else [from_profile, from_environment]
    )
    given = {"url": url, "api_key": api_key, "ca_file": ca_file}
    layers.insert(0, ({k: v for k, v in given.items() if v is not None}, "the arguments"))
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for layer, source in reversed(layers):
        values |= layer
        sources |= dict.fromkeys(layer, source)
    if not values.get("url"):
        raise UrlMissingError(f"The URL of Cloche is not known. {_HOW.format(file=file)}")
    return Settings(
        url=_url(values["url"], sources["url"]),
        api_key=_key(values.get("api_key"), sources.get("api_key", "")),
        ca_file=values.get("ca_file"),
        language=values.get("language"),
        sources=sources,
    )


def with_key(settings: Settings) -> Settings:
    """Return the settings. Raises SettingsError if they have no key."""
    if settings.api_key is None:
        file = config_file()
        raise SettingsError(f"There is no API key. Set CLOCHE_API_KEY, or api_key in {file}.")
    return settings


def _url(text: str, source: str) -> str:
    """Return a URL without a slash at its end. Raises SettingsError."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    usable = (
        parts.scheme in {"http", "https"}
        and parts.hostname
        and port != 0
        and not (parts.query or parts.fragment)
        and _HEADER.fullmatch(text)
    )
    # A password in the URL is not shown.
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"The URL from {source} must not contain a user or a password.")
    if not usable:
        raise SettingsError(
            f"The URL from {source} is {text!r}, but must be like https://cloche.example.org or "
            "http://localhost:8002."
        )
    return text.rstrip("/")


def _key(text: str | None, source: str) -> str | None:
    """Return a key without surrounding space. Raises SettingsError."""
    text = (text or "").strip()
    if text and not _HEADER.fullmatch(text):
        raise SettingsError(
            f"The key from {source} has characters that no key has, such as a space. "
            "Copy it once more."
        )
    return text or None


def _profile(file: Path, name: str | None) -> dict[str, str]:
    """Return the fields of a profile. Without a name: those at the top, or of `profile`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if name:
            raise SettingsError(f"There is no profile {name!r}: {file} does not exist.") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {_cause(error)}.") from None
    content = _parsed(file, text)
    profiles = content.get("profiles", {})
    name = name or content.get("profile")
    if name is None:
        chosen: Any = {k: v for k, v in content.items() if k != "profiles"}
    elif isinstance(profiles, dict) and name in profiles:
        chosen = profiles[name]
    else:
        there = ", ".join(profiles) if isinstance(profiles, dict) and profiles else "none"
        raise SettingsError(f"There is no profile {name!r} in {file}. Profiles: {there}.")
    where = f"{file}" + (f", profile {name}" if name else "")
    if not isinstance(chosen, dict):
        raise SettingsError(f"{where} must be a table, such as [profiles.{name}].")
    if unknown := sorted(set(chosen) - set(_FIELDS)):
        raise SettingsError(f"{where} has {unknown[0]!r}. Known names: {', '.join(_FIELDS)}.")
    if wrong := [key for key, value in chosen.items() if not isinstance(value, str)]:
        raise SettingsError(f"{where}: {wrong[0]} must be a string in quotes.")
    return chosen


def _parsed(file: Path, text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  only where there is a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message gives the place, and no text of the file.
        raise SettingsError(f"{file} is not valid TOML: {error}.") from None


def _cause(error: Exception) -> str:
    return error.strerror or "unknown error" if isinstance(error, OSError) else "it is not UTF-8"

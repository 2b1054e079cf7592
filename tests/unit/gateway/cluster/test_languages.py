from __future__ import annotations

from typing import Any

import pytest

from cloche_gateway.cluster.languages import Languages
from cloche_gateway.errors import BusyError, UnsupportedLanguageError


def runtime(name: str, *aliases: str, generation: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": generation},
        "spec": {
            "image": "i",
            "fileName": "main.x",
            "aliases": list(aliases),
            "run": {"command": ["x"]},
            **spec,
        },
    }


def test_finding_a_language_before_the_first_list_is_a_busy_error() -> None:
    with pytest.raises(BusyError):
        Languages().find("python")


def test_languages_are_ordered_as_in_the_original_contract_and_then_by_name() -> None:
    languages = Languages()
    names = ["zig", "bash", "python", "ada", "sql", "javascript", "cpp"]
    languages.replace([runtime(name) for name in names])
    expected = ["python", "javascript", "cpp", "sql", "bash", "ada", "zig"]
    assert languages.supported() == expected
    with pytest.raises(UnsupportedLanguageError) as caught:
        languages.find("cobol")
    assert str(caught.value) == (
        f"Unsupported language: cobol. Supported languages: {', '.join(expected)}"
    )


def test_names_and_aliases_are_matched_in_any_case() -> None:
    languages = Languages()
    languages.replace([runtime("csharp", "c#", "cs"), runtime("cpp", "c++", "csharp")])
    for word, name in (("C#", "csharp"), ("c++", "cpp"), ("CSharp", "csharp"), ("cs", "csharp")):
        assert languages.find(word).name == name


def test_the_languages_follow_added_modified_and_deleted_runtimes() -> None:
    languages = Languages()
    languages.replace([])
    languages.changed("ADDED", runtime("lua"))
    assert languages.find("lua").file_name == "main.x"
    languages.changed("MODIFIED", runtime("lua", "moon", generation=2))
    assert languages.find("moon").name == "lua"
    languages.changed("DELETED", runtime("lua"))
    assert languages.supported() == []
    # An object with the same name and generation, but another uid, is a new object.
    again = runtime("lua")
    again["metadata"]["uid"] = "other"
    languages.changed("ADDED", again)
    assert languages.supported() == ["lua"]


def test_an_invalid_runtime_is_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    languages = Languages()
    bad = runtime("bad", resources={"maximum": {"cpu": "x", "memory": "1Gi", "disk": "1Gi"}})
    languages.replace([bad, {**runtime("worse"), "spec": {}}, runtime("good")])
    assert languages.supported() == ["good"]
    assert "runtime bad is skipped" in caplog.text
    assert "runtime worse is skipped" in caplog.text


def test_defaults_and_maximum_are_those_of_the_runtime() -> None:
    languages = Languages()
    amounts = {"cpu": "500m", "memory": "256Mi", "disk": "50M"}
    languages.replace([runtime("r", resources={"defaults": amounts, "maximum": amounts})])
    found = languages.find("r")
    assert (str(found.maximum.cpu), found.maximum.memory) == ("0.500", 256 * 2**20)
    assert found.defaults.disk == 50_000_000

"""MCP: what models read of the tools and of results."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from support.data.names import ROOT

from cloche_gateway.cluster.languages import Amounts, Language
from cloche_gateway.dialects.mcp import arguments, descriptions, results, tools
from cloche_gateway.errors import FailedError, RateLimitedError, SessionNotFoundError
from cloche_gateway.results import Answer

AMOUNTS = Amounts(Decimal(1), 1, 1)
RAN = {
    "execution_id": "e-1",
    "stdout": "",
    "stderr": "",
    "exit_code": 0,
    "execution_time": 0.1,
    "stdout_truncated": False,
    "stderr_truncated": False,
    "reason": "Exited",
    "usage": None,
}


def language(name: str, version: str | None = None) -> Language:
    return Language(
        *(name, (), (), "main", "image", version),
        compiled=False,
        minimum=AMOUNTS,
        defaults=AMOUNTS,
        maximum=AMOUNTS,
    )


def text(**body: Any) -> str:
    found = results.executed(Answer(200, {**RAN, **body}), ())
    first: str = found["content"][0]["text"]
    return first


def test_the_description_names_the_installed_languages_and_their_packages() -> None:
    described = descriptions.execute_code([language("python", "3.13"), language("own")])
    assert "Languages: python 3.13, own." in described
    assert "Packages of python" in described
    assert "Packages of javascript" not in described
    assert "none is installed" in descriptions.execute_code([])


def test_the_described_packages_are_in_the_documentation() -> None:
    documented = (ROOT / "docs" / "user" / "languages.md").read_text(encoding="utf-8")
    packages = set(re.findall(r"^\| (?:[^|`]+ \| )?`([^`]+)` \| ", documented, re.MULTILINE))
    for line in descriptions._PACKAGES.values():
        assert set(line.split(", ")) <= packages


def test_each_argument_of_a_schema_is_read() -> None:
    for one in tools.definitions([language("python")]):
        schema = one["inputSchema"]
        assert tuple(schema.get("properties", {})) == tools.ARGUMENTS[one["name"]]
        assert set(schema.get("required", ())) <= set(tools.ARGUMENTS[one["name"]])


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["bash", "python"], "python"), (["bash", "go"], "bash"), ([], "python")],
)
def test_the_default_language_is_an_installed_one(names: list[str], expected: str) -> None:
    assert tools.default_language(names) == expected


def test_without_languages_the_schema_has_no_empty_list() -> None:
    schema = tools.definitions([])[0]["inputSchema"]["properties"]["language"]
    assert "enum" not in schema
    assert "default" not in schema


def test_unknown_arguments_are_named_up_to_five_and_cut() -> None:
    given = {"code": "x", "a" * 200: 1, "\ud800": 2} | {str(n): n for n in range(9)}
    found = arguments.unknown("execute_code", given)
    assert found == ["a" * 100 + "…", "?", "0", "1", "2"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "[the program printed nothing]"),
        ({"stdout": "a\n"}, "a"),
        ({"stdout": "a", "stderr": "b"}, "a\n[stderr]\nb"),
        ({"exit_code": None}, "[the program printed nothing]"),
        ({"reason": "OutOfMemory", "exit_code": 137}, "[out of memory]\n[exit code 137]"),
        ({"files": []}, "[no file matches output_files]"),
        (
            {"files": [], "files_omitted": [{"path": "a", "size": 9, "reason": "TooLarge"}]},
            "[a is not returned: TooLarge, 9 bytes]",
        ),
        (
            {"compile_seconds": 1.0, "execution_time": 0, "reason": "InvalidSyntax",
             "exit_code": 1, "stderr": "no ;\n", "files": []},
            "[stderr]\nno ;\n[the code is not valid, so the program was not run]\n[exit code 1]",
        ),
        (
            {"compile_seconds": 1.0, "execution_time": 0, "reason": "DiskFull", "exit_code": 0},
            "[this happened in the compiler, so the program was not run]\n[the disk was full]",
        ),
    ],
)  # fmt: skip
def test_the_text_of_a_result_has_the_output_and_notes(body: dict[str, Any], expected: str) -> None:
    assert text(**body) == expected


def test_a_failed_execution_has_no_result() -> None:
    body = {**RAN, "reason": "NodeLost", "detail": "Execution failed: the node was lost"}
    with pytest.raises(FailedError):
        results.executed(Answer(500, body), ())


def test_a_mistake_names_what_to_do() -> None:
    assert "create a new one" in results.mistake(SessionNotFoundError("x"))["content"][0]["text"]
    assert "in 30 seconds" in results.mistake(RateLimitedError(30))["content"][0]["text"]

"""The machine that the languages find: stacks, threads and processors.

`machine/LANGUAGE.yaml` has the programs of a language. `expect` has fields of the answer.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import yaml
from support.data.names import ROOT

_TIMEOUT_SECONDS = 60
"""Compilers share two processors with the other tests."""


def _cases() -> list[Any]:
    found = []
    for path in sorted((ROOT / "tests" / "languages" / "machine").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            request = {"language": path.stem, "timeout": _TIMEOUT_SECONDS, **case["request"]}
            name = f"{path.stem}-{case['name']}"
            found.append(pytest.param(request, case["expect"], id=name))
    return found


@pytest.mark.parametrize(("program", "expect"), _cases())
def test_a_program_finds_the_machine_that_its_resources_give(
    program: dict[str, Any], expect: dict[str, Any], http: httpx.Client
) -> None:
    answer = http.post("/api/v1/execute", json=program)

    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    assert {name: body[name] for name in expect} == expect, body


def test_javas_compiler_descends_into_an_expression_of_generated_code(http: httpx.Client) -> None:
    """The default stack of 1 MiB ends the compiler."""
    expression = " + ".join(["x"] * 6000)
    code = "public class Main { public static void main(String[] words) { int x = 1; "
    code += f"long sum = {expression}; System.out.println(sum); }} }}"

    answer = http.post("/api/v1/execute", json={"language": "java", "code": code, "timeout": 60})

    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["stdout"] == "6000\n"

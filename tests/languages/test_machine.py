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

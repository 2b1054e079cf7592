"""Programs as people save and write them: text forms, several files, module forms, entries.

`sources/LANGUAGE.yaml` has the programs of a language, each with the request and the answer that
was written before its first run. `expect` has fields of the answer; a name that ends with `_has`
has a part of the field, and `detail` is a part too. The status is 200 if it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml
from support.data.names import ROOT

SOURCES = ROOT / "tests" / "languages" / "sources"
_TIMEOUT_SECONDS = 60
"""Compilers share two processors with the other tests."""


@dataclass(frozen=True)
class Program:
    """One request and what is expected of its answer."""

    name: str
    request: dict[str, Any]
    expect: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.request['language']}-{self.name}"


def programs() -> list[Program]:
    """Return all programs. Requests have the language of their file, unless they name another."""
    found = []
    for path in sorted(SOURCES.glob("*.yaml")):
        for item in yaml.safe_load(path.read_text(encoding="utf-8")):
            request = {"language": path.stem, "timeout": _TIMEOUT_SECONDS, **item["request"]}
            found.append(Program(item["name"], request, item["expect"]))
    return found


@pytest.mark.parametrize("program", programs(), ids=str)
def test_a_program_runs_as_it_was_saved_and_written(program: Program, http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute", json=program.request)

    expect = dict(program.expect)
    assert answer.status_code == expect.pop("status", 200), answer.text
    body: dict[str, Any] = answer.json()
    assert expect.pop("detail", "") in body.get("detail", "")
    for field, value in expect.items():
        if field.endswith("_has"):
            assert value in body[field.removesuffix("_has")], body
        else:
            assert body[field] == value, body

"""The reasons of failed programs and compilers, and the messages of invalid code.

`verdicts/LANGUAGE.yaml` has the programs of a language. `expect` has fields of the answer,
`detail` a part of it. The status is 200 if there is none.
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
    for path in sorted((ROOT / "tests" / "languages" / "verdicts").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            request = {"language": path.stem, "timeout": _TIMEOUT_SECONDS, **case["request"]}
            name = f"{path.stem}-{case['name']}"
            found.append(pytest.param(request, case["expect"], id=name))
    return found


@pytest.mark.parametrize(("request_", "expect"), _cases())
def test_a_failure_has_its_true_reason(
    request_: dict[str, Any], expect: dict[str, Any], http: httpx.Client
) -> None:
    answer = http.post("/api/v1/execute", json=request_)
    body: dict[str, Any] = answer.json()
    assert answer.status_code == expect.get("status", httpx.codes.OK), body
    assert expect.get("detail", "") in body.get("detail", ""), body
    fields = {name: value for name, value in expect.items() if name not in ("status", "detail")}
    assert {name: body.get(name) for name in fields} == fields, body

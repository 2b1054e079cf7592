"""Programs with the request and the answer that was written before their first run.

`FOLDER/LANGUAGE.yaml` has the programs of a language. `expect` has fields of the answer; a name
that ends with `_has` has a part of the field, and `detail` is a part too. The status is 200 if it
has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

_TIMEOUT_SECONDS = 60
"""Compilers share two processors with the other tests."""


@dataclass(frozen=True)
class Case:
    """One request and what is expected of its answer."""

    name: str
    request: dict[str, Any]
    expect: dict[str, Any]

    def __str__(self) -> str:
        return self.name

    def check(self, http: httpx.Client) -> None:
        """Run the program, and compare its answer with what is expected."""
        answer = http.post("/api/v1/execute", json=self.request)
        expect = dict(self.expect)
        assert answer.status_code == expect.pop("status", httpx.codes.OK), answer.text
        body: dict[str, Any] = answer.json()
        assert expect.pop("detail", "") in body.get("detail", "")
        for field, value in expect.items():
            if field.endswith("_has"):
                assert value in body[field.removesuffix("_has")], body
            else:
                assert body.get(field) == value, body


def cases(folder: str) -> list[Case]:
    """Return the cases of a folder next to this file.

    Requests have the language of their file, unless they name another.
    """
    found = []
    for path in sorted((Path(__file__).parent / folder).glob("*.yaml")):
        for item in yaml.safe_load(path.read_text(encoding="utf-8")):
            request = {"language": path.stem, "timeout": _TIMEOUT_SECONDS, **item["request"]}
            found.append(Case(f"{request['language']}-{item['name']}", request, item["expect"]))
    return found

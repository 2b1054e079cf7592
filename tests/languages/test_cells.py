"""Sessions that keep their interpreter, in the real images."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
TABLE = "import pandas\npandas.DataFrame({'a': [1]})"
CELLS = {
    "python": (
        ("x = 20", []),
        ("def f(n): return n + 1", []),
        ("f(x)", ["21"]),
        ("import asyncio\nawait asyncio.sleep(0, x)", ["20"]),
        ("display('a'); 'b'", ["'a'", "'b'"]),
    ),
    "javascript": (
        ("let x = 20; const y = 1; class A {}", []),
        ("function f(n) { return n + y }", []),
        ("f(x)", ["21"]),
        ("const { a, b: [c] } = await Promise.resolve({ a: 1, b: [2] });\n[a, c]", ["[ 1, 2 ]"]),
        ("const y = 5; let x = 2; x + y + a", ["8"]),
        ('import { sep } from "node:path"; for (var i = 0; i < 3; i++) await 0;\nsep', ["'/'"]),
        ("i", ["3"]),
        ("display('a'); 'b'", ["'a'", "'b'"]),
    ),
}
FAILURES = {
    "python": ("1 / 0", "ZeroDivisionError", "while True: pass"),
    "javascript": ("null.x", "TypeError", "while (true) {}"),
}


class Session:
    def __init__(self, http: httpx.Client, language: str) -> None:
        self._http = http
        self._language = language
        body = {"language": language, "stateful": "interpreter"}
        answer = http.post("/api/v1/sessions", json=body)
        assert answer.status_code == 201, answer.text
        assert answer.json()["stateful"] == "interpreter"
        self.id = answer.json()["session_id"]

    def run(self, code: str, **fields: Any) -> dict[str, Any]:
        body = {"code": code, "language": self._language, "session_id": self.id}
        found: dict[str, Any] = self._http.post("/api/v1/execute", json=body | fields).json()
        return found


@pytest.fixture(params=["python", "javascript"])
def session(http: httpx.Client, request: pytest.FixtureRequest) -> Iterator[Session]:
    made = Session(http, request.param)
    yield made
    http.delete(f"/api/v1/sessions/{made.id}")


@pytest.fixture
def language(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["session"])


def plain(answer: dict[str, Any]) -> list[str]:
    return [one["data"]["text/plain"] for one in answer["results"]]


def test_a_cell_finds_what_earlier_ones_have_defined(session: Session, language: str) -> None:
    for code, expected in CELLS[language]:
        answer = session.run(code)
        assert (answer["error"], plain(answer)) == (None, expected), code


def test_errors_and_timeouts_keep_the_variables_until_a_restart(
    session: Session, language: str, http: httpx.Client
) -> None:
    wrong, name, endless = FAILURES[language]
    session.run("x = 7")
    failed = session.run(wrong)
    assert (failed["error"]["name"], failed["exit_code"], failed["reason"]) == (name, 1, "Exited")
    assert "<cell 2>" in failed["error"]["traceback"]
    late = session.run(endless, timeout=1)
    assert (late["reason"], late["state_lost"]) == ("DeadlineExceeded", False)
    assert plain(session.run("x")) == ["7"]
    assert http.post(f"/api/v1/sessions/{session.id}/restart").status_code == 200
    assert session.run("x")["error"]["name"] in {"NameError", "ReferenceError"}


def test_figures_and_tables_are_results(http: httpx.Client) -> None:
    made = Session(http, "python")
    (figure,) = made.run(PLOT)["results"]
    assert base64.b64decode(figure["data"]["image/png"]).startswith(b"\x89PNG")
    (table,) = made.run(TABLE)["results"]
    assert "<table" in table["data"]["text/html"]
    http.delete(f"/api/v1/sessions/{made.id}")

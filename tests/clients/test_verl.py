"""verl's reward function, which judges programs with SandboxFusion and sends no key."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients.environments import python_environment
from support.clients.programs import run_client

SECONDS = 30
"""verl gives a request its two timeouts and 10 s, so the requests that wait have enough time."""
DOUBLE = "print(2 * int(input()))"
COMPILED = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }"


def completion(code: str) -> str:
    """Return the answer of a language model."""
    return f"The program:\n```python\n{code}\n```\nIt doubles."


def judgement(code: str, inputs: int = 2, language: str = "python") -> dict[str, Any]:
    """Return the arguments of a judgement by so many inputs, which are to be doubled."""
    numbers = range(inputs)
    return {
        "in_outs": {
            "inputs": [f"{n}\n" for n in numbers],
            "outputs": [f"{2 * n}\n" for n in numbers],
        },
        "generation": code,
        "timeout": SECONDS,
        "language": language,
    }


def scored(code: str) -> dict[str, Any]:
    """Return the arguments of a score for the answer of a language model."""
    of = judgement(code)
    return {
        "completion": completion(code),
        "test_cases": of["in_outs"],
        "timeout": SECONDS,
    }


CASES: dict[str, dict[str, Any]] = {
    "right": scored(DOUBLE),
    "wrong": scored("print(3 + int(input()))"),
    "half": scored("print(0)\nassert int(input()) == 0"),
    "runtime error": judgement("raise ValueError(input())"),
    "timeout": judgement("while True: pass", inputs=1) | {"timeout": 3},
    "compiled": judgement(COMPILED, language="cpp"),
    "compile error": judgement("int main() { return x; }", language="cpp"),
    "function": judgement("def double(n):\n    return 2 * n\n")
    | {"in_outs": {"inputs": ["4"], "outputs": ["8"], "fn_name": "double"}},
}
MANY = {"many 1": judgement(DOUBLE, inputs=32), "many 2": judgement(DOUBLE, inputs=32)}
"""Together 64 requests at a time."""


@pytest.fixture(scope="module")
def judged(keyless_gateway: str) -> dict[str, Any]:
    found = run_client(
        python_environment("verl"), "verl_score.py", f"{keyless_gateway}/run_code",
        given=[list(CASES.values()), list(MANY.values())],
    )  # fmt: skip
    return dict(zip(CASES | MANY, found, strict=True))


@pytest.mark.parametrize(("name", "score"), [("right", 1.0), ("wrong", 0.0), ("half", 0.5)])
def test_an_answer_has_the_score_of_its_program(
    judged: dict[str, Any], name: str, score: float
) -> None:
    found, metadata = judged[name]
    assert found == score
    assert [one["api_request_error"] for one in metadata] == [None, None]


@pytest.mark.parametrize(
    ("name", "results", "status"),
    [
        ("runtime error", [-2, -2], "runtime_error"),
        ("timeout", [-3], "timeout"),
        ("compiled", [True, True], "success"),
        ("compile error", [-4, -4], "compile_error"),
        ("function", [True], "success"),
    ],
)
def test_the_end_of_a_program_is_its_result(
    judged: dict[str, Any], name: str, results: list[Any], status: str
) -> None:
    found, metadata = judged[name]
    assert found == results, metadata
    assert metadata[0]["status"] == status


@pytest.mark.parametrize("name", MANY)
def test_64_requests_at_a_time_wait_and_all_succeed(judged: dict[str, Any], name: str) -> None:
    results, metadata = judged[name]
    assert results == [True] * 32, [one["api_request_error"] for one in metadata]

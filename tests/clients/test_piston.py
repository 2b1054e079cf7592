"""Clients of Piston: PyPI's ultra-piston, npm's piston-client, a bot, and a websocket."""

from __future__ import annotations

import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from support.clients.environments import node_environment, python_environment
from support.clients.programs import run_client
from support.fixtures.installation import Installation

JAVA = """
public class Hello {
    public static void main(String[] args) {
        System.out.println("sum " + (Integer.parseInt(args[0]) + 1));
    }
}
"""
CPP = "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n * 2 << '\\n'; }"
SLOW = "import time\nprint('first', flush=True)\ntime.sleep(2)\nprint('second')"
CASES: dict[str, dict[str, Any]] = {
    "python": {"language": "python", "version": "3.10.0", "content": "print(input())",
               "stdin": "hello"},
    "javascript": {"language": "js", "version": "18.15.0", "content": "console.log([1, 2].length)"},
    "cpp": {"language": "c++", "version": "10.2.0", "content": CPP, "stdin": "21",
            "name": "solution.cpp"},
    "java": {"language": "java", "version": "15.0.2", "content": JAVA, "args": ["41"],
             "name": "Hello.java"},
    "bash": {"language": "bash", "version": "5.x", "content": "echo $1; exit 3", "args": ["a b"]},
    "sqlite": {"language": "sqlite3", "version": "*", "content": "select 6 * 7;"},
    "error": {"language": "python", "version": "*", "content": "1 / 0"},
    "syntax": {"language": "python", "version": "*", "content": "print("},
    "rejected": {"language": "c++", "version": "*", "content": "int main() { return x; }"},
    "endless": {"language": "python", "version": "*", "content": "while True: pass",
                "run_timeout": 1000},
    "killed": {"language": "python", "version": "*",
               "content": "import os\nos.kill(os.getpid(), 11)"},
    "unknown": {"language": "cobol", "version": "*", "content": ""},
    "too long": {"language": "python", "version": "*", "content": "", "run_timeout": 300_001},
}  # fmt: skip


@pytest.fixture(scope="module")
def ultra(keyless_gateway: str, installation: Installation) -> dict[str, Any]:
    """What ultra-piston returns. It sends the key alone in the header Authorization."""
    url = f"{keyless_gateway}/api/v2/"
    environment = python_environment("ultra-piston")
    found: dict[str, Any] = run_client(
        environment, "piston_ultra.py", url, installation.key, given=list(CASES.values())
    )
    return {**found, "answers": dict(zip(CASES, found["answers"], strict=True))}


@pytest.mark.parametrize(
    ("name", "stdout", "code"),
    [
        ("python", "hello\n", 0),
        ("javascript", "2\n", 0),
        ("cpp", "42\n", 0),
        ("java", "sum 42\n", 0),
        ("bash", "a b\n", 3),
        ("sqlite", "42\n", 0),
        ("error", "", 1),
        ("syntax", "", 1),
        ("rejected", "", 1),
        ("endless", "", None),
        ("killed", "", None),
    ],
)
def test_ultra_piston_gets_the_result_of_a_program(
    ultra: dict[str, Any], name: str, stdout: str, code: int | None
) -> None:
    answer = ultra["answers"][name]
    assert "error" not in answer, answer
    assert (answer["run"]["stdout"], answer["run"]["code"]) == (stdout, code)


def test_ultra_piston_sees_compilers_signals_and_mistakes(ultra: dict[str, Any]) -> None:
    answers = ultra["answers"]
    assert answers["cpp"]["compile"]["code"] == 0
    assert "not declared" in answers["rejected"]["compile"]["output"]
    assert answers["python"]["compile"] is None
    assert "ZeroDivisionError" in answers["error"]["run"]["output"]
    assert "SyntaxError" in answers["syntax"]["run"]["stderr"]
    assert answers["endless"]["run"]["signal"] == "SIGKILL"
    assert answers["killed"]["run"]["signal"] == "SIGSEGV"
    for name in ("unknown", "too long"):
        assert answers[name] == {"error": "BadRequestError", "status": 400}


def test_ultra_piston_lists_runtimes_and_cannot_install_packages(ultra: dict[str, Any]) -> None:
    names = [one["language"] for one in ultra["runtimes"]]
    assert {"python", "javascript", "c++", "java", "bash", "sqlite3"} <= set(names)
    assert [one["language"] for one in ultra["packages"]] == names
    assert ultra["install"] == "NotFoundError"


@pytest.fixture(scope="module")
def node(keyless_gateway: str) -> dict[str, Any]:
    """What piston-client returns. It sends no key, and JSON as text/plain."""
    node = shutil.which("node")
    assert node is not None
    cases: list[list[Any]] = [
        ["python", "import sys\nprint(sys.argv[1:])", {"runTimeout": 60_000}],
        ["c++", CPP, {"stdin": "4", "compileTimeout": 60_000}],
        [{"language": "javascript", "version": "16.3.0", "args": [], "runTimeout": 60_000,
          "files": [{"content": "console.log(require('./b').n)"},
                    {"name": "b.js", "content": "exports.n = 7"}]}],
        ["python", "while True: pass", {"runTimeout": 1000}],
        ["cobol", ""],
    ]  # fmt: skip
    found: dict[str, Any] = run_client(
        Path(node), "piston_client.mjs", str(node_environment("piston-client")), keyless_gateway,
        given=cases,
    )  # fmt: skip
    return found


def test_piston_client_runs_programs_without_a_key(node: dict[str, Any]) -> None:
    arguments, compiled, files, endless, unknown = node["answers"]
    assert arguments["run"]["output"] == "['1', '2', '3']\n"
    assert (compiled["compile"]["code"], compiled["run"]["output"]) == (0, "8\n")
    assert files["run"]["output"] == "7\n"
    assert endless["run"]["signal"] == "SIGKILL"
    assert unknown == {"message": "version is required as a string"}
    assert {"python", "c++"} <= {one["language"] for one in node["runtimes"]}


def test_a_bot_with_a_version_in_its_code_gets_the_output(keyless_gateway: str) -> None:
    body = {
        "language": "rust",
        "version": "1.68.2",
        "files": [{"content": 'fn main() { println!("hello"); }'}],
        "compile_timeout": 60_000,
        "run_timeout": 3000,
    }
    answer = httpx.post(f"{keyless_gateway}/api/v2/piston/execute", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.json()["run"]["output"] == "hello\n"


async def converse(url: str) -> list[tuple[dict[str, Any], float]]:
    """Run SLOW, and return each message with the time at which it came."""
    init = {"type": "init", "language": "py", "version": "3", "files": [{"content": SLOW}]}
    async with aiohttp.ClientSession(url) as session, session.ws_connect("/api/v2/connect") as own:
        await own.send_json(init)
        heard = [(message.json(), time.monotonic()) async for message in own]
        assert own.close_code == 4999
        return heard


def test_a_websocket_gets_the_output_while_the_program_runs(keyless_gateway: str) -> None:
    with ThreadPoolExecutor(1) as thread:  # The browser's tests keep the event loop of this one.
        heard = thread.submit(asyncio.run, converse(keyless_gateway)).result()
    assert [one["type"] for one, _ in heard] == ["runtime", "stage", "data", "data", "exit"]
    assert [one["data"] for one, _ in heard[2:4]] == ["first\n", "second\n"]
    assert heard[3][1] - heard[2][1] > 1  # the program sleeps 2 s
    assert heard[4][0] == {"type": "exit", "stage": "run", "code": 0, "signal": None}

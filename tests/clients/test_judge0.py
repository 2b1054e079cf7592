"""Judge0's own package, judge0-client, and what Judge0's IDE sends, in real Pods."""

from __future__ import annotations

import base64
import io
import sqlite3
import zipfile
from typing import Any

import httpx
import pytest
import yaml
from support.clients.environments import python_environment
from support.clients.programs import run_client
from support.data.names import ROOT
from support.deadline import until
from support.fixtures.installation import Installation

LANGUAGES = {
    "BASH": "bash", "C": "c", "CPP": "cpp", "CSHARP": "csharp", "GO": "go", "JAVA": "java",
    "JAVASCRIPT": "javascript", "PHP": "php", "PYTHON": "python", "RUBY": "ruby", "RUST": "rust",
    "SQLITE": "sqlite", "TYPESCRIPT": "typescript",
}  # fmt: skip
"""The languages of Cloche that Judge0 has too, by their names in the package."""
ACCEPTED, WRONG, TIME, COMPILATION, SIGSEGV, NZEC, OTHER = 3, 4, 5, 6, 7, 11, 12
SPIN = "while True: pass"
ENDINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "accepted": (ACCEPTED, {"source_code": "print('a ')\nprint()", "expected_output": "a"}),
    "long": (
        ACCEPTED,
        {"source_code": "for n in range(9999): print(n)",
         "expected_output": "\n".join(map(str, range(9999)))},
    ),
    "wrong": (WRONG, {"source_code": "print(input())", "stdin": "1", "expected_output": "2"}),
    "wall": (TIME, {"source_code": "import time; time.sleep(60)", "wall_time_limit": 1}),
    "cpu": (
        TIME,
        {"source_code": "import time\nwhile time.process_time() < 1: pass", "cpu_time_limit": 0.5},
    ),
    "compiler": (COMPILATION, {"language": "C", "source_code": "int main() { return x; }"}),
    "merged": (
        COMPILATION,
        {"language": "CPP", "source_code": "int main( {", "redirect_stderr_to_stdout": True},
    ),
    "signal": (
        SIGSEGV,
        {"language": "C", "source_code": "#include <signal.h>\nint main() { raise(SIGSEGV); }"},
    ),
    "exit": (NZEC, {"source_code": "import sys\nprint('so far')\nsys.exit(3)"}),
    "syntax": (NZEC, {"source_code": "print("}),
    "memory": (
        OTHER,
        {"language": "C", "memory_limit": 64000,
         "source_code": "#include <stdlib.h>\n#include <string.h>\n"
                        "int main() { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }"},
    ),
    "order": (
        ACCEPTED,
        {"source_code": "import os\nfor n in range(4): os.write(1 + n % 2, b'%d ' % n)",
         "redirect_stderr_to_stdout": True, "expected_output": "0 1 2 3"},
    ),
    "files": (
        ACCEPTED,
        {"source_code": "import lib.a\nprint(lib.a.x, open('data.txt').read())",
         "files": {"lib/a.py": "x = 1", "data.txt": "ä"}, "expected_output": "1 ä"},
    ),
    "options": (
        ACCEPTED,
        {"language": 105, "source_code": '#include <bits/stdc++.h>\nint main() { puts("1"); }',
         "compiler_options": "-O3 --std=c++17 -Wall -Werror", "memory_limit": 128000,
         "expected_output": "1"},
    ),
}  # fmt: skip


def example(name: str, language: str) -> dict[str, Any]:
    """A submission of an example of the language's runtime."""
    folder = ROOT / "runtimes" / language / "examples"
    kind = "hello" if language == "sqlite" else "stdin"
    (code,) = (path for path in folder.glob(f"{kind}.*") if path.suffix != ".yaml")
    given = yaml.safe_load((folder / f"{kind}.yaml").read_text())
    return {
        "language": name,
        "source_code": code.read_text(),
        "stdin": given.get("stdin") or "",
        "expected_output": given["stdout"],
        "wall_time_limit": 30,
        "cpu_time_limit": 30,
    }


@pytest.fixture(scope="module")
def sdk(installation: Installation) -> dict[str, Any]:
    submissions = [example(*one) for one in LANGUAGES.items()]
    submissions += [{"language": "PYTHON", **case} for _, case in ENDINGS.values()]
    found: dict[str, Any] = run_client(
        python_environment("judge0"), "judge0_sdk.py", installation.url,
        given={"key": installation.key, "submissions": submissions},
    )  # fmt: skip
    names = (*LANGUAGES, *ENDINGS)
    return {**found, "answers": dict(zip(names, found["answers"], strict=True))}


@pytest.mark.parametrize("name", LANGUAGES)
def test_an_example_of_each_language_is_accepted(sdk: dict[str, Any], name: str) -> None:
    found = sdk["answers"][name]
    assert found["status"] == ACCEPTED, found
    assert float(found["time"]) <= 30
    assert int(found["memory"]) > 0


@pytest.mark.parametrize("name", ENDINGS)
def test_each_ending_of_a_program_is_a_status(sdk: dict[str, Any], name: str) -> None:
    found = sdk["answers"][name]
    assert found["status"] == ENDINGS[name][0], found
    assert found["finished_at"] >= found["created_at"]


def test_what_belongs_to_an_ending_is_in_the_attributes(sdk: dict[str, Any]) -> None:
    found = sdk["answers"]
    assert (found["exit"]["exit_code"], found["exit"]["stdout"]) == (3, "so far\n")
    assert (found["signal"]["exit_signal"], found["memory"]["exit_signal"]) == (11, 9)
    for name in ("compiler", "merged"):
        assert "error" in found[name]["compile_output"]
        assert found[name]["stdout"] is found[name]["stderr"] is found[name]["time"] is None
    assert "SyntaxError" in found["syntax"]["stderr"]
    assert (found["accepted"]["expected_output"], found["long"]["expected_output"]) == ("a", None)
    assert found["wall"]["wall_time"] > 0.5


def test_the_package_finds_the_languages_by_the_version(sdk: dict[str, Any]) -> None:
    assert (sdk["about"]["version"], sdk["about"]["statuses"]) == ("1.13.1", 14)
    assert {46, 50, 52, 54, 71, 105, 113} <= set(sdk["about"]["languages"])


def test_judge0_client_reads_results_refusals_and_the_service(installation: Installation) -> None:
    found = run_client(
        python_environment("judge0"), "judge0_async.py", f"{installation.url}/judge0",
        given=installation.key,
    )  # fmt: skip
    detail = found["detail"]
    assert detail["status"] == {"id": NZEC, "description": "Runtime Error (NZEC)"}
    assert (detail["stdout"], detail["message"]) == (
        "42 ['a', 'b c']\n", "Exited with error code 3",
    )  # fmt: skip
    assert "HTTP 422" in found["refused"]
    assert "language with id 89 doesn't exist" in found["refused"]
    assert (found["workers"], found["about"]) == (["1.13.1"], "1.13.1")
    assert found["isolate"]
    assert found["license"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def decoded(text: str | None) -> str:
    return base64.b64decode(text or "").decode()


def polled(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Submit as Judge0's IDE does: without waiting, and then ask until the status is above 2."""
    created = client.post("/submissions?base64_encoded=true&wait=false", json=body)
    assert created.status_code == 201, created.text
    token = created.json()["token"]

    def ended() -> dict[str, Any] | None:
        asked = client.get(f"/submissions/{token}?base64_encoded=true")
        assert asked.status_code == 200, asked.text
        found: dict[str, Any] = asked.json()
        return found if found["status"]["id"] > 2 else None

    return until(ended, "the result", 60)


def test_the_ide_runs_its_default_program(keyless_gateway: str) -> None:
    """It reads without a key, and sends its default options of GCC and redirected errors."""
    with httpx.Client(base_url=keyless_gateway) as client:
        listed = {one["id"]: one["name"] for one in client.get("/languages").json()}
        assert listed[105].startswith("C++ (GCC")
        assert client.get("/languages/105").json()["source_file"] == "main.cpp"
        code = (
            "#include <iostream>\n#include <vector>\nint main() {\n  std::vector<int> v{1, 2};\n"
            "  std::string s;\n  std::cin >> s;\n  std::cout << s << v.size() << std::endl;\n"
            "  std::cerr << 'e';\n}\n"
        )
        body = {
            "source_code": encoded(code),
            "language_id": 105,
            "stdin": encoded("in"),
            "compiler_options": "-O3 --std=c++17 -Wall -Wextra -Wold-style-cast -Wuseless-cast "
            "-Wnull-dereference -Werror -Wfatal-errors -pedantic -pedantic-errors",
            "command_line_arguments": "",
            "redirect_stderr_to_stdout": True,
        }
        found = polled(client, body)
        assert found["status"] == {"id": 3, "description": "Accepted"}
        assert (decoded(found["stdout"]), found["compile_output"]) == ("in2\ne", None)
        broken = polled(client, {**body, "source_code": encoded("int main() { nothing }")})
        assert broken["status"]["id"] == COMPILATION
        assert "nothing" in decoded(broken["compile_output"])


def test_a_program_in_sql_uses_the_database_that_it_is_sent_with(http: httpx.Client) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("create table artists as select 'Bach' as name")
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("db.sqlite", database.serialize())
    answer = http.post(
        "/submissions?wait=true",
        json={
            "language_id": 82,
            "source_code": "select name from artists;",
            "additional_files": base64.encodebytes(raw.getvalue()).decode(),
        },
    )
    assert (answer.status_code, answer.json()["stdout"]) == (201, "Bach\n")


def test_a_batch_is_created_and_read_at_once(http: httpx.Client) -> None:
    items = [{"language_id": 71, "source_code": f"print({number})"} for number in range(5)]
    created = http.post("/judge0/submissions/batch", json={"submissions": [*items, {}]})
    *tokens, mistakes = created.json()
    assert mistakes == {"language_id": ["can't be blank"], "source_code": ["can't be blank"]}
    query = {"tokens": ",".join(one["token"] for one in tokens), "fields": "stdout,status_id"}

    def ended() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = http.get("/submissions/batch", params=query).json()[
            "submissions"
        ]
        return found if all(one["status_id"] > 2 for one in found) else None

    assert until(ended, "the results", 60) == [
        {"stdout": f"{number}\n", "status_id": ACCEPTED} for number in range(5)
    ]

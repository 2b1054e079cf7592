"""Every language does the same: one table of programs, run in Pods over the HTTP API.

The first five rows are the examples of `runtimes/LANGUAGE/examples`; the programs of the others lie
in `languages/LANGUAGE`. Where a language has no such thing, its program shows what it has instead,
and docs/languages.md says so.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

HERE = Path(__file__).parent
RUNTIMES = HERE.parents[1] / "runtimes"
EXTENSIONS = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "java": "java",
    "go": "go",
    "rust": "rs",
    "cpp": "cpp",
    "csharp": "cs",
    "ruby": "rb",
    "php": "php",
    "sql": "sql",
    "bash": "sh",
    "sqlite": "sql",
}
EXAMPLES = ("hello", "stdin", "arguments", "environment", "exit_code")
LINE = "héllo ∑ 漢字 🎈"
KIB = 1024
FAILURES = {
    "python": "IndexError: list index out of range",
    "javascript": "TypeError: Cannot read properties of null",
    "typescript": "TypeError: Cannot read properties of null",
    "java": "java.lang.ArrayIndexOutOfBoundsException: Index 7 out of bounds for length 3",
    "go": "panic: runtime error: index out of range",
    "rust": "index out of bounds: the len is 1 but the index is 7",
    "cpp": "std::out_of_range",
    "csharp": "System.IndexOutOfRangeException",
    "ruby": "undefined method `length' for nil",
    "php": "RuntimeException: something is wrong",
    "sql": "ERROR:  division by zero",
    "bash": "no-such-command: command not found",
    "sqlite": "no such table: missing",
}
"""What the runtime error says on standard error."""
CAUGHT = {"java": "java.lang.OutOfMemoryError", "sql": "server closed the connection unexpectedly"}
"""Who notices by themselves that memory is at its end, and what they say."""

language = pytest.mark.parametrize("language", EXTENSIONS)


def program(language: str, name: str) -> str:
    """The code of one row."""
    file = HERE / "languages" / language / f"{name}.{EXTENSIONS[language]}"
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("language", "name"),
    [
        (language, name)
        for language in EXTENSIONS
        for name in EXAMPLES
        if (RUNTIMES / language / "examples" / f"{name}.yaml").exists()
    ],
)
def test_example(execute: Any, language: str, name: str) -> None:
    file = RUNTIMES / language / "examples" / f"{name}.yaml"
    example = yaml.safe_load(file.read_text(encoding="utf-8"))
    code = file.with_suffix(f".{EXTENSIONS[language]}").read_text(encoding="utf-8")
    given = {key: example[key] for key in ("args", "stdin", "environment") if key in example}

    answer = execute(code, language, **given)

    assert (answer["stdout"], answer["stderr"], answer["exit_code"]) == (
        example.get("stdout", ""),
        example.get("stderr", ""),
        example.get("exitCode", 0),
    )


@language
def test_runtime_error(execute: Any, language: str) -> None:
    answer = execute(program(language, "runtime_error"), language)

    assert answer["exit_code"] != 0
    assert "before" in answer["stdout"]
    assert FAILURES[language] in answer["stderr"]


@language
def test_syntax_error(http: httpx.Client, language: str) -> None:
    request = {"code": program(language, "syntax_error"), "language": language}

    answer = http.post("/api/v1/execute", json=request)

    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    body = answer.json()
    assert body["detail"].startswith("Invalid code syntax: ")
    assert len(body["detail"]) > len("Invalid code syntax: ")
    assert "never" not in body["stdout"]
    assert body["exit_code"] != 0


@language
def test_unicode(execute: Any, language: str) -> None:
    answer = execute(program(language, "unicode"), language, stdin=f"{LINE}\n")

    assert "Grüße 🎈" in answer["stdout"]
    if language not in {"sql", "sqlite"}:
        assert answer["stdout"] == f"Grüße 🎈\n{LINE}\n"


@language
def test_much_output(execute: Any, language: str) -> None:
    """1 MiB of it: the first 256 KiB are kept, and the program is not killed for it."""
    answer = execute(program(language, "much_output"), language)

    assert (answer["exit_code"], answer["stdout_truncated"]) == (0, True)
    assert len(answer["stdout"]) == 256 * KIB
    assert answer["stdout"].count("x") > 100 * KIB


@language
def test_reads_a_file(execute: Any, language: str) -> None:
    files = [{"path": "data/numbers.txt", "content": "one\nzwölf\n"}]

    answer = execute(program(language, "read_file"), language, files=files)

    assert (answer["stdout"], answer["exit_code"]) == ("one\nzwölf\n", 0)


@language
def test_writes_a_file(execute: Any, language: str) -> None:
    answer = execute(program(language, "write_file"), language, output_files=["*.txt"])

    assert answer["exit_code"] == 0, answer["stderr"]
    (file,) = answer["files"]
    assert file["path"] == "out.txt"
    assert base64.b64decode(file["content_base64"]) == b"written\n"


@language
def test_timeout(http: httpx.Client, language: str) -> None:
    code = program(language, "timeout")

    answer = http.post("/api/v1/execute", json={"code": code, "language": language, "timeout": 6})

    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    body = answer.json()
    assert body["detail"] == "Execution failed: container timeout"
    assert "before" in body["stdout"]


@language
def test_out_of_memory(execute: Any, language: str) -> None:
    answer = execute(program(language, "out_of_memory"), language, timeout=60)

    if said := CAUGHT.get(language):
        assert said in answer["stderr"]
        assert answer["exit_code"] != 0
    else:
        assert (answer["exit_code"], answer["reason"]) == (137, "OutOfMemory")

"""The same table of programs for every language, run in Pods over the HTTP API."""

from __future__ import annotations

import base64
from typing import Any

import httpx

from languages.answers import Answers
from languages.rows import EXAMPLES, LINE, Row, of_every_language, of_languages_with

KIB = 1024
FAILURES = {
    "python": "IndexError: list index out of range",
    "javascript": "TypeError: Cannot read properties of null",
    "typescript": "TypeError: Cannot read properties of null",
    "java": "java.lang.ArrayIndexOutOfBoundsException: Index 7 out of bounds for length 3",
    "go": "panic: runtime error: index out of range",
    "rust": "index out of bounds: the len is 1 but the index is 7",
    "c": "Assertion `count == 7' failed.",
    "cpp": "std::out_of_range",
    "csharp": "System.IndexOutOfRangeException",
    "ruby": "undefined method `length' for nil",
    "php": "RuntimeException: something is wrong",
    "sql": "ERROR:  division by zero",
    "bash": "no-such-command: command not found",
    "sqlite": "no such table: missing",
}
"""What the runtime error prints to standard error."""
CAUGHT = {"java": "java.lang.OutOfMemoryError", "sql": "server closed the connection unexpectedly"}
"""Languages that handle the lack of memory themselves, and what they print to standard error."""


def ended(answer: httpx.Response) -> dict[str, Any]:
    """Return the body of an answer about a program that ended by itself."""
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


@of_every_language(*EXAMPLES)
def test_an_example_prints_its_expected_output(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert (answer["stdout"], answer["stderr"], answer["exit_code"]) == (
        row.example.get("stdout", ""),
        row.example.get("stderr", ""),
        row.example.get("exitCode", 0),
    )


@of_every_language("hello")
def test_the_usage_of_a_compiler_is_beside_that_of_the_program(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert answer["usage"]["cpu_seconds"] > 0
    assert answer["usage"]["max_memory_bytes"] > 1_000_000
    assert ("compile_seconds" in answer) is ("compile_usage" in answer) is row.is_compiled
    if row.is_compiled:
        assert answer["compile_seconds"] > 0
        assert answer["compile_usage"]["cpu_seconds"] > 0


@of_every_language("runtime_error")
def test_a_runtime_error_is_printed_to_standard_error(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert answer["exit_code"] != 0
    assert "before" in answer["stdout"]
    assert FAILURES[row.language] in answer["stderr"]


@of_every_language("syntax_error")
def test_a_syntax_error_is_400_with_the_compilers_first_line(row: Row, answers: Answers) -> None:
    answer = answers(row)

    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    body = answer.json()
    assert body["detail"].startswith("Invalid code syntax: ")
    assert len(body["detail"]) > len("Invalid code syntax: ")
    assert "never" not in body["stdout"]
    assert body["exit_code"] != 0


@of_every_language("unicode")
def test_a_program_reads_and_writes_unicode(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert "Grüße 🎈" in answer["stdout"]
    if row.language not in {"sql", "sqlite"}:
        assert answer["stdout"] == f"Grüße 🎈\n{LINE}\n"


@of_every_language("much_output")
def test_the_first_256_kib_of_1_mib_of_output_are_kept(row: Row, answers: Answers) -> None:
    """The program is not killed for it."""
    answer = ended(answers(row))

    assert (answer["exit_code"], answer["stdout_truncated"]) == (0, True)
    assert len(answer["stdout"]) == 256 * KIB
    assert answer["stdout"].count("x") > 100 * KIB


@of_every_language("read_file")
def test_a_program_reads_a_file_of_the_request(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert (answer["stdout"], answer["exit_code"]) == ("one\nzwölf\n", 0)


@of_every_language("write_file")
def test_a_file_written_by_a_program_is_returned(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert answer["exit_code"] == 0, answer["stderr"]
    (file,) = answer["files"]
    assert file["path"] == "out.txt"
    assert base64.b64decode(file["content_base64"]) == b"written\n"


@of_languages_with("localhost")
def test_a_server_and_a_client_in_one_program_reach_each_other(row: Row, answers: Answers) -> None:
    answer = ended(answers(row))

    assert (answer["stdout"], answer["stderr"], answer["exit_code"]) == ("pong\n", "", 0)


@of_every_language("timeout")
def test_a_timeout_response_has_the_output_printed_before(row: Row, answers: Answers) -> None:
    answer = answers(row)

    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    body = answer.json()
    assert body["detail"] == "Execution failed: container timeout"
    assert "before" in body["stdout"]


@of_every_language("out_of_memory")
def test_a_program_that_exceeds_its_memory_ends_as_out_of_memory(
    row: Row, answers: Answers
) -> None:
    answer = ended(answers(row))

    assert answer["reason"] == "OutOfMemory"
    if said := CAUGHT.get(row.language):
        assert said in answer["stderr"]
        assert answer["exit_code"] != 0
    else:
        assert answer["exit_code"] == 137

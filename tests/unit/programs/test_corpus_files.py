"""The corpus of programs: its size, how it is read, and how an answer is judged."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import pytest
from languages.rows import EXTENSIONS
from programs.corpus_files import AUTHORS, Expected, Numbers, Program, programs
from programs.verdict import faults

FEWEST = {"sql": 8, "sqlite": 8}
"""The databases have no threads, no modules and few ways to read input."""
FEWEST_OF_OTHERS = 12
BODY: dict[str, Any] = {"stdout": "1\n", "stderr": "", "exit_code": 0, "reason": "Exited"}


def program(*answers: dict[str, Any], **fields: Any) -> Program:
    expect = tuple(Expected(**answer) for answer in answers)
    known = {"language": "python", "author": "agents", "name": "x", "about": "x", "kind": "text"}
    return Program(**{**known, "code": "print(1)\n", "expect": expect, **fields})


def test_each_language_has_enough_programs() -> None:
    found = Counter(one.language for one in programs())
    few = {
        language: found[language]
        for language in EXTENSIONS
        if found[language] < FEWEST.get(language, FEWEST_OF_OTHERS)
    }
    assert few == {}


def test_each_program_has_a_known_author_and_a_name_of_its_own() -> None:
    every = programs()
    assert {one.author for one in every} <= set(AUTHORS)
    assert [name for name, count in Counter(map(str, every)).items() if count > 1] == []


def test_a_code_is_sent_as_an_editor_saved_it() -> None:
    saved = program({}, saved=("bom", "crlf", "no last newline"), code="a\nb\n")
    assert saved.body["code"] == "\ufeffa\r\nb"


def test_the_texts_of_files_are_saved_in_the_same_way() -> None:
    files = [{"path": "a", "content": "x\n"}, {"path": "b", "content_base64": "eAo="}]
    saved = program({}, saved=("crlf",), request={"files": files})
    assert [file.get("content") for file in saved.body["files"]] == ["x\r\n", None]


def test_numbers_are_two_lines_of_standard_input() -> None:
    numbers = Numbers(count=4, modulus=5)
    assert program({}, stdin_numbers=numbers).body["stdin"] == "4\n0 1 4 4\n"


def test_a_right_answer_has_no_faults() -> None:
    file = {"path": "a.txt", "content_base64": base64.b64encode(b"x").decode()}
    body = {**BODY, "files": [file], "files_omitted": [{"path": "b", "size": 9}]}
    right = {"stdout": "1\n", "files": {"a.txt": "x"}, "files_omitted": {"b": 9}}
    assert faults(program(right), 200, body) == []


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ({"stdout": "2\n"}, "stdout '1\\n' instead of '2\\n'"),
        ({"stdout_matches": "2."}, "stdout '1\\n' does not match '2.'"),
        ({"exit_code": 3}, "exit code 0 instead of 3"),
        ({"reason": ("OutOfMemory",)}, "reason Exited instead of OutOfMemory"),
        ({"stderr_contains": ("x",)}, "stderr '' lacks one of ('x',)"),
        ({"files": {"a": None}}, "files [] instead of ['a']"),
        ({"files_omitted": {"a": 1}}, "files_omitted {} instead of {'a': 1}"),
        ({"at_most": {"usage.x": 1}}, "usage.x is None, but must be at most 1"),
        ({"status": 400, "detail": ("no",)}, "status 200 instead of 400: ''"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_answer_has_a_fault(expected: dict[str, Any], fault: str) -> None:
    assert fault in faults(program(expected), 200, BODY)


def test_one_of_several_answers_is_enough() -> None:
    assert faults(program({"stdout": "2\n"}, {"stdout": "1\n"}), 200, BODY) == []


def test_an_error_without_an_execution_is_a_fault_and_no_exception() -> None:
    found = faults(program({"stdout": "1\n"}), 503, {"detail": "Service busy."})
    assert found == ["status 503 instead of 200: 'Service busy.'"]

"""Jobe: runs and languages, as CodeRunner and other clients request them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.clients.dialects import TIMED_OUT, answered
from support.fixtures.gateway import Start

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

REST = "/jobe/index.php/restapi"
RUNS = f"{REST}/runs"
SPEC = {"language_id": "python3", "sourcecode": "print(1)", "input": "", "file_list": [],
        "sourcefilename": "__tester__.python3"}  # fmt: skip
"""What CodeRunner sends for a question in Python."""
FORM = {"Content-Type": "application/json; charset=utf-8"}
NOT_RUN = {"compileSeconds": 1.5, "executionSeconds": 0.0, "stdout": ""}


async def ran(
    gateway: Gateway, changes: dict[str, Any] | None = None, /, **status: Any
) -> dict[str, Any]:
    body = {"run_spec": SPEC | (changes or {})}
    answer, _ = await answered(
        gateway, gateway.http.post(RUNS, content=json.dumps(body), headers=FORM), **status
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def spec_of(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    _, spec = await answered(gateway, gateway.http.post(RUNS, json={"run_spec": SPEC | changes}))
    return spec


async def refused(gateway: Gateway, body: Any) -> tuple[int, str]:
    content = json.dumps(body).replace("Infinity", "1e999").encode()
    answer = await gateway.http.post(RUNS, content=content, headers=FORM)
    text = answer.json()
    assert isinstance(text, str)
    return answer.status_code, text


async def test_a_run_that_succeeds_is_outcome_15(dialects: Gateway) -> None:
    assert await ran(dialects, stdout="1\n") == {
        "run_id": None,
        "outcome": 15,
        "cmpinfo": "",
        "stdout": "1\n",
        "stderr": "",
    }


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({}, {"exitCode": 3}, (15, "", "")),
        ({}, {"stderr": "a warning\n"}, (12, "", "a warning\n")),
        ({}, {"exitCode": 1, "stderr": "Traceback\n"}, (12, "", "Traceback\n")),
        (
            {},
            {"reason": "Signaled", "exitCode": 139},
            (12, "", "command terminated with signal 11 (SIGSEGV)\n"),
        ),
        ({}, {"reason": "OutOfMemory", "exitCode": 137}, (17, "", "")),
        ({}, TIMED_OUT | {"stderr": "so far\n"}, (13, "", "")),
        ({}, {"usage": {"cpuSeconds": 5.1, "maxMemoryBytes": 1}}, (13, "", "")),
        ({}, {"stdoutTruncated": True}, (12, "", "output exceeds 256 KiB\n")),
        ({}, {"reason": "InvalidSyntax", "exitCode": 1, "stderr": "bad\n"}, (11, "bad\n", "")),
        (
            {"language_id": "nodejs"},
            {"reason": "InvalidSyntax", "exitCode": 1, "stderr": "bad\n"},
            (12, "", "bad\n"),
        ),
        (
            {"language_id": "c"},
            NOT_RUN | {"reason": "InvalidSyntax", "exitCode": 1, "stderr": "error\n"},
            (11, "error\n", ""),
        ),
        (
            {"language_id": "c"},
            NOT_RUN | {"reason": "OutOfMemory", "exitCode": 137},
            (11, "The compiler failed.", ""),
        ),
        (
            {"language_id": "c"},
            NOT_RUN | TIMED_OUT,
            (11, "\nThe compiler ran longer than its timeout.", ""),
        ),
    ],
)
async def test_the_end_of_a_run_is_its_outcome(
    dialects: Gateway,
    changes: dict[str, Any],
    status: dict[str, Any],
    expected: tuple[int, str, str],
) -> None:
    found = await ran(dialects, changes, **status)
    assert (found["outcome"], found["cmpinfo"], found["stderr"]) == expected


async def test_a_failure_of_the_system_is_no_outcome(dialects: Gateway) -> None:
    """CodeRunner would count it against the student."""
    answer, _ = await answered(
        dialects,
        dialects.http.post(RUNS, json={"run_spec": SPEC}),
        phase="Error",
        reason="PodFailed",
    )
    assert answer.status_code == 500
    assert answer.json() == "Server exception (Execution failed: its Pod failed)"


@pytest.mark.parametrize("reason", ["QueueFull", "QueueTimeout"])
async def test_a_run_that_the_queue_rejects_is_outcome_21(dialects: Gateway, reason: str) -> None:
    assert (await ran(dialects, phase="Error", reason=reason))["outcome"] == 21


@pytest.mark.parametrize(
    ("given", "seconds", "compiler"),
    [
        ({}, 10, 30),
        ({"cputime": 3}, 6, 30),
        ({"cputime": "2.5"}, 5, 30),
        ({"cputime": 0}, 10, 30),
        ({"cputime": -1}, 10, 30),
        ({"cputime": "nan"}, 10, 30),
        ({"cputime": "; ls"}, 10, 30),
        ({"cputime": None}, 10, 30),
        ({"cputime": True}, 10, 30),
        ({"cputime": [1]}, 10, 30),
        ({"cputime": 140}, 280, 20),
        ({"cputime": 150}, 300, None),
        ({"cputime": 150.9}, 300, None),
        ({"cputime": 0.001}, 0.1, 30),
    ],
)
async def test_a_program_may_run_twice_its_processor_time(
    dialects: Gateway, given: dict[str, Any], seconds: float, compiler: int | None
) -> None:
    spec = await spec_of(dialects, language_id="c", parameters=given)
    assert spec["timeoutSeconds"] == seconds
    assert spec.get("compileTimeoutSeconds") == compiler


@pytest.mark.parametrize("most", [151, "151", 1e300, 10**40, "inf"])
async def test_more_processor_time_than_the_limit_is_400(dialects: Gateway, most: Any) -> None:
    found = await refused(dialects, {"run_spec": SPEC | {"parameters": {"cputime": most}}})
    assert found == (400, "cputime exceeds maximum allowed on this Jobe server (150 secs)")


async def test_input_and_arguments_reach_the_program(dialects: Gateway) -> None:
    spec = await spec_of(dialects, input="a\n", parameters={"runargs": ["x", "y z"]})
    assert (spec["stdin"], spec["args"]) == ("a\n", ["x", "y z"])
    assert (await spec_of(dialects, input=5))["stdin"] == "5"


async def test_limits_without_a_counterpart_are_ignored(dialects: Gateway) -> None:
    spec = await spec_of(
        dialects, parameters={"memorylimit": 1_000_000, "numprocs": 1, "disklimit": "x"}, debug=1
    )
    assert "resources" not in spec


@pytest.mark.parametrize(
    ("name", "language"),
    [("python3", "python"), ("PYTHON3", "python"), ("nodejs", "javascript"), ("c", "c")],
)
async def test_a_language_has_its_name_of_jobe(dialects: Gateway, name: str, language: str) -> None:
    assert (await spec_of(dialects, language_id=name))["language"] == language


async def test_the_languages_are_pairs_of_name_and_version(dialects: Gateway) -> None:
    answer = await dialects.http.get(f"{REST}/languages", headers=FORM)
    found = dict(answer.json())
    assert set(found) == {"python3", "nodejs", "bash", "c", "cpp", "java"}
    assert (found["c"], found["python3"]) == ("14.2", "Unknown")
    assert (await dialects.http.get(f"{REST}/languages/")).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "No run_spec attribute found in post data"),
        (None, "No run_spec attribute found in post data"),
        ({"run_spec": "x"}, "No run_spec attribute found in post data"),
        ({"run_spec": {"sourcecode": "1"}}, "the required attribute 'language_id'"),
        ({"run_spec": {"language_id": "c"}}, "the required attribute 'sourcecode'"),
        ({"run_spec": SPEC | {"language_id": "nosuch"}}, "Language 'nosuch' is not known"),
        ({"run_spec": SPEC | {"language_id": []}}, "language_id must be a string"),
        ({"run_spec": SPEC | {"sourcecode": 1}}, "sourcecode must be a string"),
        ({"run_spec": SPEC | {"sourcecode": "\ud800"}}, "code: must not contain lone surrogates"),
        ({"run_spec": SPEC | {"sourcecode": "x" * 300_000}}, "code: must be at most 256 KiB"),
        ({"run_spec": SPEC | {"sourcefilename": "../x"}}, "sourcefilename for the run_spec is"),
        ({"run_spec": SPEC | {"sourcefilename": 3}}, "sourcefilename for the run_spec is"),
        ({"run_spec": SPEC | {"input": {}}}, "input must be a string"),
        ({"run_spec": SPEC | {"parameters": {"runargs": [1]}}}, "args[0]: must be a string"),
        ({"run_spec": SPEC | {"file_list": {}}}, "file_list must be a list"),
        ({"run_spec": SPEC | {"file_list": [["short", "f"]]}}, "Invalid file specifier"),
        ({"run_spec": SPEC | {"file_list": [["12345678", "../f"]]}}, "Invalid file specifier"),
        ({"run_spec": SPEC | {"file_list": [["12345678", ".."]]}}, "Invalid file specifier"),
        ({"run_spec": SPEC | {"file_list": [["12345678"]]}}, "Invalid file specifier"),
        ({"run_spec": SPEC | {"file_list": [["12345678", "f"]] * 65}}, "at most 64 entries"),
    ],
)
async def test_an_invalid_run_is_400_with_a_sentence(
    dialects: Gateway, body: Any, words: str
) -> None:
    status, text = await refused(dialects, body)
    assert status == 400
    assert words in text


@pytest.mark.parametrize(("key", "words"), [("", "Missing API key"), ("wrong", "Unknown API key")])
@pytest.mark.parametrize(("method", "path"), [("POST", RUNS), ("GET", f"{REST}/languages")])
async def test_a_request_without_a_valid_key_is_403(
    dialects: Gateway, method: str, path: str, key: str, words: str
) -> None:
    answer = await dialects.http.request(method, path, headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()) == (403, words)


async def test_a_rate_is_429(start: Start) -> None:
    async with start(dialects="jobe", rate_limit_per_minute=1) as gateway:
        await answered(gateway, gateway.http.post(RUNS, json={"run_spec": SPEC}))
        answer = await gateway.http.post(RUNS, json={"run_spec": SPEC})
        assert answer.status_code == 429
        assert answer.json() == "Max RUN rate for this server exceeded"

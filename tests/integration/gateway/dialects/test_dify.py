"""Dify's sandbox, with the requests that Dify sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.clients.dialects import TIMED_OUT, answered
from support.fixtures.gateway import EXITED, Start

if TYPE_CHECKING:
    import httpx
    from support.fixtures.gateway import Gateway

RUN = "/v1/sandbox/run"
DEPENDENCIES = "/v1/sandbox/dependencies"
CODE = "print('<<RESULT>>{}<<RESULT>>')"
NODE = {"language": "python3", "code": CODE, "preload": "import os", "enable_network": True}
"""The request of a code node."""


async def ran(gateway: Gateway, body: Any = None, **status: Any) -> dict[str, Any]:
    """Return the `data` of the answer to a node whose program ended so."""
    answer, _ = await answered(gateway, gateway.http.post(RUN, json=body or NODE), **status)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["code"], found["message"]) == (0, "success")
    data: dict[str, Any] = found["data"]
    return data


def refused(answer: httpx.Response, status: int, code: int, words: str) -> None:
    assert answer.status_code == status
    found = answer.json()
    assert (found["code"], found["data"]) == (code, None)
    assert words in found["message"]


async def test_a_node_runs_its_code_without_preload(dialects: Gateway) -> None:
    answer, spec = await answered(dialects, dialects.http.post(RUN, json=NODE))
    assert answer.json() == {
        "code": 0,
        "message": "success",
        "data": {"stdout": EXITED["stdout"], "stderr": "", "error": "", "exit_code": 0},
    }
    assert (spec["language"], spec["code"], spec["timeoutSeconds"]) == ("python", CODE, 30)


async def test_a_javascript_node_runs_in_node(dialects: Gateway) -> None:
    body = {"language": "nodejs", "code": "console.log(1)"}
    _, spec = await answered(dialects, dialects.http.post(RUN, json=body))
    assert spec["language"] == "javascript"


async def test_a_form_is_accepted_like_json(dialects: Gateway) -> None:
    form = {**NODE, "code": "print('é & =')", "enable_network": "true"}
    answer, spec = await answered(dialects, dialects.http.post(RUN, data=form))
    assert answer.json()["code"] == 0
    assert spec["code"] == "print('é & =')"


async def test_standard_error_of_a_program_that_exits_with_0_is_no_error(
    dialects: Gateway,
) -> None:
    data = await ran(dialects, stderr="a warning\n")
    assert (data["error"], data["stderr"], data["exit_code"]) == ("", "a warning\n", 0)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"reason": "Exited", "exitCode": 3}, 3),
        ({"reason": "Signaled", "exitCode": 139}, 139),
        ({"reason": "OutOfMemory", "exitCode": 137}, 137),
        ({"reason": "InvalidSyntax", "exitCode": 1}, 1),
    ],
)
async def test_a_failed_program_is_an_error_with_its_exit_code(
    dialects: Gateway, status: dict[str, Any], code: int
) -> None:
    data = await ran(dialects, stderr="Traceback\n", **status)
    assert data["error"] == f"process exited with code {code}\nTraceback\n"
    assert data["exit_code"] == code


async def test_a_timeout_is_an_error_with_the_code_minus_1(dialects: Gateway) -> None:
    data = await ran(dialects, stderr="so far\n", **TIMED_OUT)
    assert data["error"] == "process exited with code -1\nerror: timeout\nso far\n"
    assert data["exit_code"] == -1


async def test_truncated_output_is_an_error(dialects: Gateway) -> None:
    data = await ran(dialects, stdout="<<RESULT>>{", stdoutTruncated=True)
    assert data["error"] == "output exceeds 256 KiB"


async def test_a_failure_of_the_system_is_code_minus_500(dialects: Gateway) -> None:
    answer, _ = await answered(
        dialects, dialects.http.post(RUN, json=NODE), phase="Error", reason="PodFailed"
    )
    refused(answer, 200, -500, "Execution failed: its Pod failed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"language": "python3"},
        {"language": "python3", "code": ""},
        {"language": "python3", "code": 1},
        {"language": None, "code": "1"},
        {"language": "python3", "code": "x" * 300_000},
        {"language": "python3", "code": "\ud800"},
        [],
        None,
    ],
)
async def test_an_invalid_request_is_code_minus_400(dialects: Gateway, body: Any) -> None:
    content = json.dumps(body).encode()
    answer = await dialects.http.post(
        RUN, content=content, headers={"Content-Type": "application/json"}
    )
    refused(answer, 200, -400, ": ")


@pytest.mark.parametrize("content", [b"{", b"language=python3&code=%ff", b"a&" * 65, b"\xff=1"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_a_body_in_neither_format_is_code_minus_400(
    dialects: Gateway, content: bytes, kind: str
) -> None:
    answer = await dialects.http.post(RUN, content=content, headers={"Content-Type": kind})
    refused(answer, 200, -400, "")


async def test_another_content_type_is_code_minus_400(dialects: Gateway) -> None:
    answer = await dialects.http.post(RUN, content=b"x", headers={"Content-Type": "text/plain"})
    refused(answer, 200, -400, "Content-Type: must be application/json or")


async def test_another_language_is_400(dialects: Gateway) -> None:
    answer = await dialects.http.post(RUN, json={**NODE, "language": "ruby"})
    refused(answer, 400, -400, "unsupported language")


@pytest.mark.parametrize("key", ["", "wrong"])
@pytest.mark.parametrize("path", [RUN, DEPENDENCIES])
async def test_a_request_without_a_valid_key_is_401_with_an_empty_body(
    dialects: Gateway, key: str, path: str
) -> None:
    method = "POST" if path == RUN else "GET"
    answer = await dialects.http.request(method, path, headers={"X-API-Key": key})
    assert (answer.status_code, answer.content) == (401, b"")


async def test_too_many_requests_are_503(start: Start) -> None:
    async with start(dialects="dify", rate_limit_per_minute=1) as gateway:
        first, _ = await answered(gateway, gateway.http.post(RUN, json=NODE))
        assert first.status_code == 200
        refused(await gateway.http.post(RUN, json=NODE), 503, -503, "Rate limit exceeded")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{DEPENDENCIES}?language=python3", None),
        ("GET", f"{DEPENDENCIES}/refresh?language=python3", None),
        ("POST", f"{DEPENDENCIES}/update", {"language": "python3"}),
    ],
)
async def test_the_packages_are_those_that_the_image_lists(
    dialects: Gateway, method: str, path: str, body: Any
) -> None:
    packages = [{"name": "jinja2", "version": "3.1.6"}]
    answer, spec = await answered(
        dialects, dialects.http.request(method, path, json=body), stdout=json.dumps(packages)
    )
    assert answer.json()["data"] == {"dependencies": packages}
    assert "importlib.metadata" in spec["code"]


async def test_packages_that_cannot_be_listed_are_code_minus_500(dialects: Gateway) -> None:
    answer, _ = await answered(
        dialects,
        dialects.http.get(DEPENDENCIES, params={"language": "python3"}),
        stdout="",
        exitCode=1,
    )
    refused(answer, 200, -500, "the packages could not be listed")


async def test_packages_of_another_language_are_400(dialects: Gateway) -> None:
    refused(await dialects.http.get(DEPENDENCIES), 200, -400, "language: is required")
    answer = await dialects.http.get(DEPENDENCIES, params={"language": "nodejs"})
    refused(answer, 400, -400, "unsupported language")


async def test_the_timeout_of_nodes_is_that_of_the_settings(start: Start) -> None:
    async with start(dialects="dify", dify_timeout_seconds=2.5) as gateway:
        _, spec = await answered(gateway, gateway.http.post(RUN, json=NODE))
        assert spec["timeoutSeconds"] == 2.5

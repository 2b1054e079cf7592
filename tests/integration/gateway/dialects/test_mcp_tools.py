"""MCP: the tools, their schemas and their results. The tests act as the operator."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from support.clients import mcp_messages as mcp
from support.fixtures.control_planes import ControlPlane
from support.fixtures.gateway import Gateway, Start, namespaces, started

from cloche_gateway.dialects.mcp import tools
from cloche_gateway.limits.pace import Pace
from cloche_kube.client import MERGE_PATCH

EXPIRES = "2026-01-01T00:10:00.000000Z"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
HELLO = {"code": "print(1)"}


@pytest_asyncio.fixture(scope="module")
async def running(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """A gateway for the tests that end all executions that they start."""
    limits = {"rate_limit_per_minute": 10_000}
    async with (
        namespaces(control_plane) as made,
        started(control_plane, made, **limits) as gateway,
    ):
        yield gateway


async def ran(
    gateway: Gateway,
    arguments: dict[str, Any],
    status: dict[str, Any] | None = None,
    *,
    legacy: bool = False,
) -> dict[str, Any]:
    """Call execute_code, end its execution with this status, and return the checked result."""
    params = {"name": "execute_code", "arguments": arguments}
    ask = mcp.ask_legacy if legacy else mcp.ask
    asked = asyncio.create_task(ask(gateway.http, "tools/call", params))
    execution = await gateway.cluster.pending()
    await gateway.cluster.end(execution["metadata"]["name"], **(status or {}))
    return await fitting(gateway, "execute_code", await asked)


async def fitting(gateway: Gateway, tool: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the result after a check against the tool's schema."""
    listed = (await mcp.ask(gateway.http, "tools/list"))["tools"]
    (schema,) = (one["outputSchema"] for one in listed if one["name"] == tool)
    if not found["isError"]:
        jsonschema_rs.validator_for(schema).validate(found["structuredContent"])
    else:
        assert "structuredContent" not in found
    return found


async def stored(gateway: Gateway) -> list[dict[str, Any]]:
    cluster = gateway.cluster
    listed = await cluster.rest.call("GET", cluster.paths.sessions)
    items: list[dict[str, Any]] = listed["items"]
    return items


async def created(gateway: Gateway, **arguments: Any) -> dict[str, Any]:
    """Call create_session, mark the session as ready, and return the checked result."""
    asked = asyncio.create_task(mcp.call(gateway.http, "create_session", **arguments))
    (session,) = await gateway.until(lambda: stored(gateway), "a session")
    path = f"{gateway.cluster.paths.session(session['metadata']['name'])}/status"
    body = {"status": {"phase": "Ready", "expiresAt": EXPIRES}}
    await gateway.cluster.rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)
    return await fitting(gateway, "create_session", await asked)


async def test_the_tools_have_valid_schemas_and_always_the_same_order(running: Gateway) -> None:
    listed = (await mcp.ask(running.http, "tools/list"))["tools"]
    assert [one["name"] for one in listed] == [
        *("execute_code", "list_languages", "create_session", "end_session"),
    ]
    for one in listed:
        assert {"name", "title", "description", "inputSchema", "outputSchema", "annotations"} == (
            one.keys()
        )
        jsonschema_rs.Draft202012Validator(one["inputSchema"])
        jsonschema_rs.Draft202012Validator(one["outputSchema"])
        jsonschema_rs.meta.validate(one["inputSchema"])
        jsonschema_rs.meta.validate(one["outputSchema"])
        properties = one["inputSchema"].get("properties", {})
        assert tuple(properties) == tools.ARGUMENTS[one["name"]]
    language = listed[0]["inputSchema"]["properties"]["language"]
    assert (language["enum"], language["default"]) == (["python", "javascript", "bash"], "python")
    for word in ("no internet", "localhost", "output_files", "session", "300 s", "numpy"):
        assert word in listed[0]["description"]


async def test_a_program_that_ends_returns_its_output_as_text_and_as_a_structure(
    running: Gateway,
) -> None:
    arguments = {"code": "print(1)", "stdin": "in", "args": ["a"], "timeout": 5}
    found = await ran(running, arguments, {"stdout": "out\n", "stderr": "warned\n"})
    assert mcp.text(found) == "out\n[stderr]\nwarned"
    execution = await running.cluster.read(found["structuredContent"]["execution_id"])
    assert found["structuredContent"] == {
        "stdout": "out\n",
        "stderr": "warned\n",
        "exit_code": 0,
        "reason": "Exited",
        "execution_time": 0.08,
        "stdout_truncated": False,
        "stderr_truncated": False,
        "execution_id": execution["metadata"]["name"],
    }
    assert (found["isError"], found["resultType"]) == (False, "complete")
    spec = execution["spec"]
    assert (spec["language"], spec["code"], spec["timeoutSeconds"]) == ("python", "print(1)", 5)


async def test_a_legacy_result_has_no_type(running: Gateway) -> None:
    found = await ran(running, HELLO, {"stdout": ""}, legacy=True)
    assert "resultType" not in found
    assert mcp.text(found) == "[the program printed nothing]"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"exitCode": 3, "stderr": "no\n"}, "4\n[stderr]\nno\n[exit code 3]"),
        ({"exitCode": 139, "reason": "Signaled"}, "4\n[killed by signal 11]\n[exit code 139]"),
        ({"exitCode": 137, "reason": "OutOfMemory"}, "4\n[out of memory]\n[exit code 137]"),
        ({"exitCode": 1, "reason": "DiskFull"}, "4\n[the disk was full]\n[exit code 1]"),
        ({"stdoutTruncated": True}, "4\n[stdout was cut here]"),
        (
            {
                "exitCode": 1,
                "reason": "InvalidSyntax",
                "message": "line 1",
                "stdout": "",
                "stderr": "line 1\n",
            },
            "[stderr]\nline 1\n[the code is not valid, so the program was not run]\n[exit code 1]",
        ),
    ],
)
async def test_a_program_that_fails_is_a_success_of_the_tool(
    running: Gateway, status: dict[str, Any], expected: str
) -> None:
    found = await ran(running, HELLO, {"stdout": "4\n", **status})
    assert (found["isError"], mcp.text(found)) == (False, expected)
    assert found["structuredContent"]["reason"] == status.get("reason", "Exited")


async def test_a_timeout_is_an_error_with_what_was_printed(running: Gateway) -> None:
    status = {"phase": "TimedOut", "reason": "DeadlineExceeded", "exitCode": None}
    found = await ran(running, HELLO, {**status, "stdout": "half\n"})
    assert found["isError"]
    assert "container timeout" in mcp.text(found)
    assert mcp.text(found).endswith("half")


@pytest.mark.parametrize(
    ("reason", "phase", "part"),
    [
        ("QueueFull", "Error", "Service busy"),
        ("Cancelled", "Cancelled", "Execution cancelled"),
    ],
)
async def test_an_execution_that_did_not_run_is_an_error_of_the_tool(
    running: Gateway, reason: str, phase: str, part: str
) -> None:
    status = {"exitCode": None, "stdout": "", "startTime": None, "executionSeconds": None}
    found = await ran(running, HELLO, {"phase": phase, "reason": reason, **status})
    assert found["isError"]
    assert part in mcp.text(found)


async def test_a_failure_of_the_system_is_a_protocol_error(running: Gateway) -> None:
    body = mcp.modern("tools/call", {"name": "execute_code", "arguments": HELLO})
    asked = asyncio.create_task(mcp.send(running.http, body))
    execution = await running.cluster.pending()
    status = {"phase": "Error", "reason": "NodeLost", "exitCode": None}
    await running.cluster.end(execution["metadata"]["name"], **status)
    answer = await asked
    assert mcp.error(answer) == (200, -32603)
    assert "the node of its Pod was lost" in answer.json()["error"]["message"]


async def test_returned_files_are_images_texts_or_bytes(running: Gateway) -> None:
    raw = base64.b64encode(b"a\0b").decode()
    files = [
        {"path": "plot.PNG", "contentBase64": PNG},
        {"path": "out/a b.csv", "contentBase64": base64.b64encode(b"1,2\n").decode()},
        {"path": "data", "contentBase64": raw},
    ]
    omitted = [{"path": "big.bin", "size": 999_999, "reason": "TooLarge"}]
    status = {"files": files, "filesTruncated": True, "filesOmitted": omitted, "stdout": ""}
    found = await ran(running, {**HELLO, "output_files": ["**"]}, status)
    execution = await running.cluster.read(found["structuredContent"]["execution_id"])
    place = f"cloche://executions/{execution['metadata']['name']}/files"
    csv = {"uri": f"{place}/out/a%20b.csv", "mimeType": "text/csv", "text": "1,2\n"}
    data = {"uri": f"{place}/data", "mimeType": "application/octet-stream", "blob": raw}
    assert found["content"] == [
        {"type": "text", "text": "[big.bin is not returned: TooLarge, 999999 bytes]"},
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        {"type": "resource", "resource": csv},
        {"type": "resource", "resource": data},
    ]
    structured = found["structuredContent"]
    assert structured["files_truncated"] is True
    assert structured["files"][1] == {
        "path": "out/a b.csv", "uri": csv["uri"], "mime_type": "text/csv", "size": 4,
    }  # fmt: skip


async def test_patterns_without_a_file_are_named(running: Gateway) -> None:
    found = await ran(running, {**HELLO, "output_files": ["*.png"]}, {"stdout": ""})
    assert mcp.text(found) == "[no file matches output_files]"
    assert found["structuredContent"]["files"] == []


async def test_input_files_and_empty_optional_arguments_are_accepted(running: Gateway) -> None:
    arguments = {
        **HELLO,
        "language": "py",
        "session_id": "",
        "stdin": "",
        "timeout": None,
        "files": [
            {"path": "a.txt", "content": "a", "content_base64": ""},
            {"path": "b.txt", "content": "", "content_base64": "Yg=="},
            {"path": "c.txt", "content": "", "content_base64": ""},
        ],
    }
    found = await ran(running, arguments)
    execution = await running.cluster.read(found["structuredContent"]["execution_id"])
    assert execution["spec"]["files"] == [
        {"path": "a.txt", "content": "a"},
        {"path": "b.txt", "contentBase64": "Yg=="},
        {"path": "c.txt", "content": ""},
    ]


async def test_unknown_arguments_are_ignored_and_named(running: Gateway) -> None:
    found = await ran(running, {**HELLO, "output_file": "x", "sessionId": "1"}, {"stdout": "4\n"})
    assert mcp.text(found) == (
        "4\n[output_file: unknown argument, ignored]\n[sessionId: unknown argument, ignored]"
    )


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({}, "code: is required"),
        ({"code": 5}, "code: must be a string"),
        ({"code": "x", "language": "cobol"}, "Supported languages: python, javascript, bash"),
        ({"code": "x", "language": ["python"]}, "language: must be a string"),
        ({"code": "x", "timeout": 301}, "timeout: must be between 0.1 and 300"),
        ({"code": "x", "timeout": "5"}, "timeout: must be a number"),
        ({"code": "x" * 262_145}, "code: must be at most 256 KiB"),
        ({"code": "x", "files": "a"}, "files: must be a list"),
        ({"code": "x", "files": [{"path": "../a", "content": ""}]}, "files[0].path"),
        ({"code": "x", "files": [{"content": ""}]}, "files[0].path: is required"),
        ({"code": "x", "files": [7]}, "files[0]: must be an object"),
        ({"code": "x", "session_id": "mine"}, "create a new one with create_session"),
        ({"code": "x", "session_id": "sbs-1"}, "Session sbs-1 not found"),
        ({"code": "x", "language": "python", "session_id": "sbs-1"}, "Session sbs-1 not found"),
    ],
)
async def test_an_argument_that_breaks_a_rule_is_an_error_with_the_rule(
    shared_gateway: Gateway, arguments: dict[str, Any], part: str
) -> None:
    found = await mcp.call(shared_gateway.http, "execute_code", **arguments)
    assert found["isError"]
    assert part in mcp.text(found)
    assert await shared_gateway.cluster.executions() == []


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"name": "run_code"}, "Unknown tool: run_code"),
        ({"arguments": {}}, "Unknown tool"),
        ({"name": "execute_code", "arguments": []}, "arguments must be an object"),
    ],
)
async def test_a_call_of_no_tool_is_a_protocol_error(
    shared_gateway: Gateway, params: dict[str, Any], part: str
) -> None:
    body = mcp.request("tools/call", params)
    answer = await shared_gateway.http.post(mcp.PATH, json=body)
    assert mcp.error(answer) == (200, -32602)
    assert part in answer.json()["error"]["message"]


async def test_the_languages_are_listed_with_their_aliases(running: Gateway) -> None:
    found = await fitting(running, "list_languages", await mcp.call(running.http, "list_languages"))
    python = {"name": "python", "version": None, "aliases": ["py", "python3"]}
    assert found["structuredContent"]["languages"][0] == python
    assert '"name":"python"' in mcp.text(found)


async def test_a_session_keeps_its_language_and_ends_once(gateway: Gateway) -> None:
    made = await created(gateway, language="js", idle_timeout=60, lifetime=120)
    session = made["structuredContent"]
    assert (session["language"], session["expires_at"]) == ("javascript", EXPIRES)
    (kept,) = await stored(gateway)
    assert (kept["spec"]["idleTimeoutSeconds"], kept["spec"]["lifetimeSeconds"]) == (60, 120)
    name = session["session_id"]
    await ran(gateway, {"code": "1", "session_id": name})
    (execution,) = await gateway.cluster.executions()
    assert (execution["spec"]["session"], execution["spec"]["language"]) == (name, "javascript")
    ended = await mcp.call(gateway.http, "end_session", session_id=name)
    assert (await fitting(gateway, "end_session", ended))["structuredContent"] == {
        "session_id": name, "ended": True,
    }  # fmt: skip
    again = await mcp.call(gateway.http, "end_session", session_id=name)
    assert again["isError"]
    assert f"Session {name} not found" in mcp.text(again)


async def test_a_session_of_another_tenant_does_not_exist(gateway: Gateway) -> None:
    name = (await created(gateway))["structuredContent"]["session_id"]
    gateway.http.headers["X-API-Key"] = gateway.cluster.keys["other"]
    for tool, more in (("execute_code", HELLO), ("end_session", {})):
        found = await mcp.call(gateway.http, tool, session_id=name, **more)
        assert found["isError"]
        assert "not found" in mcp.text(found)
    assert len(await stored(gateway)) == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "part"),
    [
        ("create_session", {"lifetime": 0}, "lifetime: must be between 1 and 86400"),
        ("create_session", {"language": 5}, "language: must be a string"),
        ("end_session", {}, "session_id: is required"),
        ("end_session", {"session_id": 5}, "session_id: is required"),
    ],
)
async def test_a_wrong_argument_of_a_session_is_an_error_with_the_rule(
    shared_gateway: Gateway, tool: str, arguments: dict[str, Any], part: str
) -> None:
    found = await mcp.call(shared_gateway.http, tool, **arguments)
    assert found["isError"]
    assert part in mcp.text(found)


async def test_only_programs_and_sessions_are_charged_as_executions(start: Start) -> None:
    async with start(rate_limit_per_minute=1) as gateway:
        first = await mcp.call(gateway.http, "execute_code", code="x", timeout=0)
        assert "timeout: must be" in mcp.text(first)
        for tool, arguments in (("execute_code", HELLO), ("create_session", {})):
            refused = await mcp.call(gateway.http, tool, **arguments)
            assert refused["isError"]
            assert "Rate limit exceeded" in mcp.text(refused)
        assert not (await mcp.call(gateway.http, "list_languages"))["isError"]
        assert await gateway.cluster.executions() == []


async def test_calls_beyond_the_rate_are_delayed_as_a_429(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed = list[str]()

    async def refusal(_: Pace, __: object, tenant: str) -> None:
        delayed.append(tenant)

    monkeypatch.setattr(Pace, "refusal", refusal)
    async with start(rate_limit_per_minute=1) as gateway:
        for _ in range(3):
            await mcp.call(gateway.http, "execute_code", code="x", timeout=0)
        assert delayed == ["acme"] * 2

"""Write, list, read and remove files of a session. The tests act as the operator."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from integration.gateway.sessions.made import PATH, as_other, made, stored, write_status

if TYPE_CHECKING:
    import httpx
    from support.fixtures.gateway import Gateway

UNKNOWN = "sbs-03bfaf7c-6949-418b-9c72-69a1e8211d78"
DONE = {"phase": "Completed", "reason": "ActionCompleted", "exitCode": None, "stdout": None}
FOUND = {"path": "a/b.csv", "size": 3, "modifiedTime": "2026-01-01T00:00:00.123000Z"}
LISTED = {"path": "a/b.csv", "size": 3, "modified_at": "2026-01-01T00:00:00.123000Z"}
FILE = {"path": "a/b.csv", "content": "1,2"}


async def answered(
    gateway: Gateway, method: str, path: str, *, body: Any = None, **status: Any
) -> tuple[httpx.Response, dict[str, Any]]:
    """Make a request, end its execution with this status, and return the answer and the spec."""
    asked = asyncio.create_task(gateway.http.request(method, path, json=body))
    execution = await gateway.cluster.pending()
    await gateway.cluster.end(execution["metadata"]["name"], **DONE | status)
    return await asked, execution["spec"]


async def no_records(gateway: Gateway) -> None:
    async def none() -> bool:
        return not await gateway.cluster.executions()

    await gateway.until(none, "the record to be removed")


async def test_files_are_written_by_an_execution_without_a_program(gateway: Gateway) -> None:
    name = await made(gateway)
    files = [FILE, {"path": ".tmp/x", "content_base64": "AAE="}]
    answer, spec = await answered(
        gateway, "POST", f"{PATH}/{name}/files/", body={"files": files}, listedFiles=[FOUND]
    )
    assert (answer.status_code, answer.json()) == (200, {"files": [LISTED], "truncated": False})
    assert spec == {
        "action": "WriteFiles",
        "language": "python",
        "session": name,
        "tenant": "acme",
        "concurrency": {"group": "first", "limit": 50},
        "files": [FILE, {"path": ".tmp/x", "contentBase64": "AAE="}],
        "timeoutSeconds": 10,
        "ttlSecondsAfterFinished": 60,
        "cancel": False,
    }
    await no_records(gateway)


async def test_large_files_are_written_from_a_source_that_is_removed(gateway: Gateway) -> None:
    name = await made(gateway)
    body = {"files": [{"path": "a", "content": "x" * 500_000}]}
    asked = asyncio.create_task(gateway.http.post(f"{PATH}/{name}/files", json=body))
    execution = await gateway.cluster.pending()
    (source,) = await gateway.cluster.sources()
    assert "files" not in execution["spec"]
    assert execution["spec"]["source"]["name"] == source["metadata"]["name"]
    assert {"execution", "tenant", "files"} == source["spec"].keys()
    await gateway.cluster.end(execution["metadata"]["name"], **DONE, listedFiles=[FOUND])
    assert (await asked).status_code == 200
    await no_records(gateway)
    assert await gateway.cluster.sources() == []


async def test_a_list_has_the_files_that_match_the_pattern(gateway: Gateway) -> None:
    name = await made(gateway)
    for query, pattern in (
        ("", "**"),
        ("?pattern=a/*.csv", "a/*.csv"),
        ("?pattern=/tmp/*", "/tmp/*"),
    ):
        answer, spec = await answered(
            gateway,
            "GET",
            f"{PATH}/{name}/files{query}",
            listedFiles=[FOUND],
            filesTruncated=bool(query),
        )
        assert answer.json() == {"files": [LISTED], "truncated": bool(query)}
        assert (spec["action"], spec["outputFiles"]) == ("ListFiles", [pattern])
    answer, _ = await answered(gateway, "GET", f"{PATH}/{name}/files")
    assert answer.json() == {"files": [], "truncated": False}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("a/b.csv", "a/b.csv"),
        (".tmp/*[x]?", ".tmp/[*][[]x][?]"),
        ("**", "[*][*]"),
        ("a b/ü\n%2F", "a b/ü\n%2F"),
    ],
)
async def test_a_file_is_downloaded_as_the_bytes_that_no_browser_shows(
    gateway: Gateway, path: str, pattern: str
) -> None:
    name = await made(gateway)
    content = bytes(range(256))
    files = [{"path": path, "contentBase64": base64.b64encode(content).decode()}]
    answer, spec = await answered(gateway, "GET", f"{PATH}/{name}/files/{quote(path)}", files=files)
    assert (answer.status_code, answer.content) == (200, content)
    assert (spec["action"], spec["outputFiles"]) == ("ReadFiles", [pattern])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    file = quote(path.rpartition("/")[2], safe="")
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{file}"
    await no_records(gateway)


async def test_a_file_that_is_too_large_to_download_is_413(gateway: Gateway) -> None:
    name = await made(gateway)
    omitted = [{"path": "big", "size": 3_000_000, "reason": "TooLarge"}]
    answer, _ = await answered(
        gateway, "GET", f"{PATH}/{name}/files/big", filesOmitted=omitted, filesTruncated=True
    )
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "path: the file must be at most 256 KiB with its path, but has 3000000 bytes",
    )


async def test_a_file_is_removed_once(gateway: Gateway) -> None:
    name = await made(gateway)
    path = f"{PATH}/{name}/files/a/b.csv"
    answer, spec = await answered(gateway, "DELETE", path, listedFiles=[FOUND])
    assert (answer.status_code, answer.json()) == (200, {"message": "File a/b.csv removed"})
    assert (spec["action"], spec["outputFiles"]) == ("RemoveFiles", ["a/b.csv"])
    for method in ("DELETE", "GET"):
        again, _ = await answered(gateway, method, path)
        assert (again.status_code, again.json()) == (404, {"detail": "File a/b.csv not found"})


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        (
            {
                "phase": "Error",
                "reason": "InvalidFiles",
                "message": "spec.files: a: Is a directory",
            },
            400,
            "files: a: Is a directory",
        ),
        (
            {"phase": "Error", "reason": "InvalidSpec", "message": "spec.action: too old"},
            400,
            "action: too old",
        ),
        ({"phase": "Error", "reason": "SessionEnded"}, 404, "Session {} not found"),
        ({"phase": "Error", "reason": "QueueTimeout"}, 503, "Service busy"),
        ({"phase": "Error", "reason": "WriteLimit", "message": "too much"}, 429, "too much"),
        ({"phase": "Error", "reason": "PodEvicted"}, 500, "Execution failed: its Pod was evicted"),
        ({"phase": "Cancelled", "reason": "Cancelled"}, 409, "Execution cancelled"),
        (
            {"phase": "Completed", "reason": "Exited"},
            500,
            "Execution failed: the operator is of an earlier version",
        ),
    ],
)
async def test_an_action_that_fails_is_answered_with_its_reason(
    gateway: Gateway, status: dict[str, Any], code: int, detail: str
) -> None:
    name = await made(gateway)
    answer, _ = await answered(
        gateway, "POST", f"{PATH}/{name}/files", body={"files": [FILE]}, **status
    )
    assert answer.status_code == code, answer.text
    assert answer.json()["detail"].startswith(detail.format(name))
    assert ("Retry-After" in answer.headers) == (code in {429, 503})


async def test_a_disconnect_does_not_cancel_an_action(gateway: Gateway) -> None:
    """A cancelled execution would end its session."""
    name = await made(gateway)
    asked = asyncio.create_task(gateway.http.get(f"{PATH}/{name}/files"))
    execution = (await gateway.cluster.pending())["metadata"]["name"]
    connections = gateway.connections
    asked.cancel()
    await gateway.until(lambda: gateway.connections < connections, "the disconnect")
    assert not (await gateway.cluster.read(execution))["spec"]["cancel"]
    await gateway.cluster.end(execution, **DONE)
    await no_records(gateway)


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ({}, 400, "files: is required"),
        ({"files": []}, 400, "files: must not be empty"),
        ({"files": None}, 400, "files: must be a list"),
        ({"files": [{"path": "a"}]}, 400, "files[0]: must have either"),
        ({"files": [{"path": "../a", "content": ""}]}, 400, "files[0].path: must be a relative"),
        ({"files": [{"path": "/a", "content": ""}]}, 400, "files[0].path: must be a relative"),
        (
            {"files": [{"path": "main.py", "content": ""}]},
            400,
            "files[0].path: must not be main.py",
        ),
        ({"files": [{"path": ".tmp", "content": ""}]}, 400, "files[0].path: must not be .tmp"),
        ({"files": [FILE, FILE]}, 400, "files[1].path: is given twice"),
        ({"files": [{"path": "a", "content_base64": "?"}]}, 400, "files[0].content_base64"),
        ({"files": [FILE] * 65}, 413, "files: must have at most 64 entries"),
        ({"files": [{"path": "a", "content": "x" * 600_000}]}, 413, "files: must be at most 512"),
        ({"files": [{"path": "a", "content": "\0" * 200_000}]}, 413, "files: the request must be"),
    ],
)
async def test_invalid_files_are_refused_before_anything_is_created(
    gateway: Gateway, body: Any, code: int, detail: str
) -> None:
    name = await made(gateway)
    answer = await gateway.http.post(f"{PATH}/{name}/files", json=body)
    assert answer.json()["detail"].startswith(detail)
    assert answer.status_code == code
    assert await gateway.cluster.executions() == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("files/%2e%2e/a", 400),
        ("files/a%2F%2E%2E%2Fb", 400),
        ("files/%2Fetc/passwd", 400),
        ("files/a%2F%2Fb", 400),
        ("files/a%2F", 400),
        ("files/a%00", 400),
        ("files/" + "a" * 256, 413),
        ("files/" + "%2A" * 100, 413),
        ("files?pattern=../*", 400),
        ("files?pattern=/etc/*", 400),
        ("files?pattern=", 400),
        ("files?pattern=" + "a" * 256, 413),
        ("files?depth=1", 400),
    ],
)
async def test_a_path_out_of_the_working_directory_is_refused(
    gateway: Gateway, path: str, code: int
) -> None:
    name = await made(gateway)
    answer = await gateway.http.get(f"{PATH}/{name}/{path}")
    assert answer.status_code == code, answer.text
    assert await gateway.cluster.executions() == []


async def test_the_files_of_another_tenants_session_are_404(gateway: Gateway) -> None:
    name = await made(gateway)
    await write_status(gateway, name, lastUsedTime="2026-01-01T00:00:00.000000Z")
    for session, headers in ((name, as_other(gateway)), (UNKNOWN, {}), ("course-1", {})):
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/a"), ("DELETE", "/a")):
            answer = await gateway.http.request(
                method, f"{PATH}/{session}/files{path}", json={"files": [FILE]}, headers=headers
            )
            assert (answer.status_code, answer.json()) == (
                404,
                {"detail": f"Session {session} not found"},
            )
    assert await gateway.cluster.executions() == []
    assert len(await stored(gateway)) == 1


async def test_strict_files_with_unknown_fields_are_400(gateway: Gateway) -> None:
    name = await made(gateway)
    body = {"files": [FILE | {"mode": 1}]}
    answer = await gateway.http.post(f"{PATH}/{name}/files?strict=true", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "files[0].mode: unknown field")
    answer, _ = await answered(gateway, "POST", f"{PATH}/{name}/files", body=body)
    assert answer.json()["warnings"] == ["files[0].mode: unknown field, ignored"]


async def test_a_session_whose_language_is_gone_is_400(gateway: Gateway) -> None:
    name = await made(gateway)
    path = f"{gateway.cluster.paths.runtimes}/python"
    await gateway.cluster.rest.call("DELETE", path)
    await gateway.until(lambda: "python" not in gateway.context.languages.supported(), "the watch")
    answer = await gateway.http.get(f"{PATH}/{name}/files")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Unsupported language: python")


async def test_a_file_that_an_image_returns_in_another_form_is_500(gateway: Gateway) -> None:
    name = await made(gateway)
    answer, _ = await answered(
        gateway, "GET", f"{PATH}/{name}/files/a", files=[{"path": "a", "contentBase64": "a"}]
    )
    assert (answer.status_code, answer.json()["detail"]) == (
        500,
        "Execution failed: its Pod returned an invalid response",
    )

"""Each invalid request gets a documented status code and a message with the field and the rule."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

from cloche_gateway.http import incoming, server_protocol
from cloche_gateway.limits.bytes import Discards

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from support.fixtures.gateway import Gateway

OK = {"code": "print(1)", "language": "python"}
JSON = {"Content-Type": "application/json"}


def body(**fields: Any) -> bytes:
    return json.dumps({**OK, **fields}).encode()


RAW = [
    (b"", "body: must be a JSON object, but is empty"),
    (b"   ", "body: must be a JSON object, but is empty"),
    (b"{", "body: is not valid JSON: "),
    (b"[]", "body: must be a JSON object"),
    (b"null", "body: must be a JSON object"),
    (b'"code"', "body: must be a JSON object"),
    (b"\xff\xfe{\x00}\x00", "body: must be UTF-8"),
    (b'{"code": "\xff", "language": "python"}', "body: must be UTF-8"),
    (b"[" * 10_000 + b"]" * 10_000, "body: "),
    (
        b'{"code": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "body: must be nested at most 32 levels deep",
    ),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "body: must be nested at most 32 levels deep"),
    (b'{"code": "a", "code": "b", "language": "python"}', "code: is given twice"),
    (b'{"code": "a", "language": "python", "timeout": NaN}', "body: is not valid JSON: NaN"),
    (b'{"code": "a", "language": "python", "timeout": -Infinity}', "body: is not valid JSON: -Inf"),
    (
        b'{"code": "a", "language": "python", "timeout": 1' + b"0" * 5000 + b"}",
        "body: is not valid",
    ),
    (b'{"code": "\\ud800", "language": "python"}', "code: must not contain lone surrogates"),
    (
        b'{"code": "a", "language": "python", "\\udc00": 1}',
        "body: must not contain lone surrogates",
    ),
    (b'{"code": "a", "language": "\\udc00"}', "Unsupported language: ?. Supported"),
    (b'{"code": "a\x00b", "language": "python"}', "body: is not valid JSON: Invalid control"),
    (b'{"language": "python"}', "code: is required"),
    (b'{"code": "a"}', "language: is required"),
    (b"{}", "code: is required; language: is required"),
    (b'{"code": 1, "language": "python"}', "code: must be a string"),
    (b'{"code": null, "language": "python"}', "code: must be a string"),
    (b'{"code": "a", "language": ["python"]}', "language: must be a string"),
    (
        b'{"code": "a", "language": "python", "environment": {"A": "", "A": ""}}',
        "A: is given twice",
    ),
    (
        b'{"code": "a", "language": "python", "resources": {"cpu": 1e999}}',
        "resources.cpu: must be a finite number",
    ),
    (b'{"code": "a", "language": "python", "timeout": 1e999}', "timeout: must be an integer"),
    (b'{"code": "a", "language": "python", "timeout": 1e400000000}', "timeout: must be an integer"),
]
FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"language": ""}, "Unsupported language: . Supported languages: python, javascript, bash"),
    ({"language": "x" * 1000}, "Unsupported language: " + "x" * 63 + "…. Supported"),
    ({"timeout": 0}, "timeout: must be between 1 and 300"),
    ({"timeout": 301}, "timeout: must be between 1 and 300"),
    ({"timeout": 10**30}, "timeout: must be between 1 and 300"),
    ({"timeout": 1.5}, "timeout: must be an integer"),
    ({"timeout": "30"}, "timeout: must be an integer"),
    ({"timeout": True}, "timeout: must be an integer"),
    ({"stdin": 5}, "stdin: must be a string"),
    ({"environment": []}, "environment: must be an object"),
    ({"environment": {"A": 1}}, "environment.A: must be a string"),
    ({"environment": {"1A": "x"}}, "environment.1A: a name must be letters"),
    ({"environment": {"": "x"}}, "environment.: a name must be letters"),
    ({"environment": {"A\n": "x"}}, "environment.A\n: a name must be letters"),
    ({"environment": {"A": "\0"}}, "environment.A: must not contain a NUL character"),
    ({"session_id": ""}, "session_id: must be 1 to 63"),
    ({"session_id": "-a"}, "session_id: must be 1 to 63"),
    ({"session_id": "a\n"}, "session_id: must be 1 to 63"),
    ({"session_id": "a" * 64}, "session_id: must be 1 to 63"),
    ({"args": "x"}, "args: must be a list"),
    ({"args": [1]}, "args[0]: must be a string"),
    ({"args": ["\0"]}, "args[0]: must not contain a NUL character"),
    ({"files": [{}]}, "files[0].path: is required"),
    ({"files": [{"path": "a"}]}, "files[0]: must have either content or content_base64"),
    (
        {"files": [{"path": "a", "content": "", "content_base64": ""}]},
        "files[0]: must have either",
    ),
    ({"files": [{"path": "a", "content_base64": "?"}]}, "files[0].content_base64: must be base64"),
    ({"files": [{"path": "../a", "content": ""}]}, "files[0].path: must be a relative path"),
    ({"files": [{"path": "/etc/passwd", "content": ""}]}, "files[0].path: must be a relative path"),
    ({"files": [{"path": "a//b", "content": ""}]}, "files[0].path: must be a relative path"),
    ({"files": [{"path": "", "content": ""}]}, "files[0].path: must be a relative path"),
    ({"files": [{"path": "a\0", "content": ""}]}, "files[0].path: must not contain a NUL"),
    ({"files": [{"path": "main.py", "content": ""}]}, "files[0].path: must not be main.py"),
    ({"files": [{"path": "a", "content": ""}] * 2}, "files[1].path: is given twice"),
    (
        {"files": [{"path": "a", "content": ""}, {"path": "a/b", "content": ""}]},
        "files[1].path: must not be below another file",
    ),
    ({"output_files": ["../*"]}, "output_files[0]: must be a relative path"),
    ({"resources": {"cpu": 3}}, "resources.cpu: must be between 0.01 and 2"),
    ({"resources": {"cpu": 0}}, "resources.cpu: must be between 0.01 and 2"),
    ({"resources": {"cpu": "1"}}, "resources.cpu: must be a number"),
    ({"resources": {"memory_mb": 4096}}, "resources.memory_mb: must be between 32 and 2048"),
    ({"resources": {"memory_mb": -1}}, "resources.memory_mb: must be between 32 and 2048"),
    ({"resources": {"disk_mb": 2000}}, "resources.disk_mb: must be between 1 and 1024"),
    ({"resources": {"disk_mb": 600}}, "resources.disk_mb: must be at most memory_mb (512)"),
    ({"resources": 1}, "resources: must be an object"),
]
LARGE: list[tuple[dict[str, Any], str]] = [
    ({"code": "x" * (256 * 1024 + 1)}, "code: must be at most 256 KiB, but has 262145 bytes"),
    ({"code": "é" * (128 * 1024 + 1)}, "code: must be at most 256 KiB"),
    ({"stdin": "x" * (256 * 1024 + 1)}, "stdin: must be at most 256 KiB"),
    ({"environment": {"A": "x" * 65536}}, "environment: must be at most 64 KiB together"),
    ({"environment": {f"A{n}": "" for n in range(129)}}, "environment: must have at most 128"),
    ({"args": ["x" * 65537]}, "args: must be at most 64 KiB together"),
    ({"args": [""] * 129}, "args: must have at most 128 entries"),
    (
        {"files": [{"path": f"f{n}", "content": "x" * 300_000} for n in range(2)]},
        "files: must be at most 512 KiB together",
    ),
    (
        {"files": [{"path": f"f{n}", "content": ""} for n in range(65)]},
        "files: must have at most 64 entries",
    ),
    ({"files": [{"path": "x" * 300, "content": ""}]}, "files[0].path: must be at most 255"),
    ({"stdin": "\0" * 200_000}, "stdin: the request must be at most 700 KiB of JSON"),
    (
        {"code": "<" * 100_000, "stdin": "&" * 90_000},
        "code: the request must be at most 700 KiB of JSON",
    ),
]


@pytest.mark.parametrize(("sent", "detail"), RAW)
async def test_an_invalid_json_body_is_400(
    shared_gateway: Gateway, sent: bytes, detail: str
) -> None:
    answer = await shared_gateway.http.post("/api/v1/execute", content=sent, headers=JSON)
    assert answer.json()["detail"].startswith(detail)
    assert answer.status_code == 400


@pytest.mark.parametrize(("fields", "detail"), FIELDS)
async def test_an_invalid_field_is_400_and_named(
    shared_gateway: Gateway, fields: dict[str, Any], detail: str
) -> None:
    answer = await shared_gateway.http.post("/api/v1/execute", content=body(**fields), headers=JSON)
    assert answer.json()["detail"].startswith(detail)
    assert answer.status_code == 400
    assert await shared_gateway.cluster.executions() == []


@pytest.mark.parametrize(("fields", "detail"), LARGE)
async def test_a_field_that_is_too_large_is_413_and_named(
    shared_gateway: Gateway, fields: dict[str, Any], detail: str
) -> None:
    answer = await shared_gateway.http.post("/api/v1/execute", content=body(**fields), headers=JSON)
    assert answer.json()["detail"].startswith(detail)
    assert answer.status_code == 413


async def test_an_optional_field_that_is_null_counts_as_absent(gateway: Gateway) -> None:
    optional = ["stdin", "environment", "timeout", "session_id", "args", "files", "resources"]
    answer = await gateway.run({**OK, **dict.fromkeys([*optional, "output_files"])})
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_400(shared_gateway: Gateway, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = await shared_gateway.http.post("/api/v1/execute", content=body(), headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Content-Type: must be application/json"}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x", "identity, gzip"])
async def test_a_compressed_body_is_400(shared_gateway: Gateway, coding: str) -> None:
    packed = gzip.compress(b" " * 100_000_000, compresslevel=1)
    headers = JSON | {"Content-Encoding": coding}
    answer = await shared_gateway.http.post("/api/v1/execute", content=packed, headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "Content-Encoding: must be identity: compressed bodies are not supported"
    }


@pytest.mark.parametrize("path", ["execute", "execute/async", "execute/batch", "sessions"])
@pytest.mark.parametrize(
    "sent",
    [
        b"[" * 1_000_000,
        b'[{"a":' * 100_000,
        b"[" + b"9" * 100_000 + b"]",
        b'{"a": -1e999999999999}',
        b'{"a": 1, "a": 1}',
        b'"\\ud800"',
    ],
)
async def test_json_crafted_to_break_a_parser_is_400(
    shared_gateway: Gateway, caplog: pytest.LogCaptureFixture, path: str, sent: bytes
) -> None:
    answer = await shared_gateway.http.post(f"/api/v1/{path}", content=sent, headers=JSON)
    assert answer.status_code == 400
    assert len(answer.text) < 1000
    assert "Traceback" not in caplog.text
    assert "unhandled exception" not in caplog.text


async def test_a_body_that_is_too_large_is_rejected_before_it_is_read_completely(
    shared_gateway: Gateway,
) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 16 * 1024 * 1024:
            sent += 65536
            yield b" " * 65536

    answer = await shared_gateway.http.post("/api/v1/execute", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert answer.json() == {"detail": "body: must be at most 4 MiB"}
    declared = await shared_gateway.http.post(
        "/api/v1/execute", content=b" " * (10 * 1024 * 1024), headers=JSON
    )
    assert (declared.status_code, declared.json()) == (413, answer.json())


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_client_that_sends_its_body_first_still_reads_the_413(
    shared_gateway: Gateway, version: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_gateway.server.bound_port)
    key, size = shared_gateway.cluster.keys["first"], 6 * 1024 * 1024
    head = f"POST /api/v1/execute HTTP/{version}\r\nHost: x\r\nX-API-Key: {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {size}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + b" " * size)
    await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_client_that_keeps_sending_after_the_response_is_disconnected(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_protocol, "LINGER_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    key = gateway.cluster.keys["first"]
    head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {10**9}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")

    async def send_on() -> None:
        while True:
            writer.write(b" " * 1024)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionError):
            await send_on()
    writer.close()


@pytest.mark.parametrize("key", ["", "X-API-Key: {}\r\n"])
async def test_the_gateway_discards_a_limited_amount_of_a_rejected_body(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The gateway reads and discards at most 64 MiB at once, and then 2 MiB per second.

    The limit holds for a tenant, and for all clients without a key together.
    """
    monkeypatch.setattr(server_protocol, "UNREAD_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    named = key.format(gateway.cluster.keys["first"])
    head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\n{named}"
    head += f"Content-Type: application/json\r\nContent-Length: {10**9}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n"))[9:12] in {b"401", b"413"}
    sent, part = 0, b" " * 65536

    async def send() -> None:
        writer.write(part)
        await writer.drain()

    async with asyncio.timeout(10):
        while await _works(send()):
            sent += len(part)
    assert 64 * 1024**2 <= sent < 128 * 1024**2
    writer.close()


async def test_a_connection_whose_reading_stopped_ends_after_a_complete_body(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next request would never be read."""
    monkeypatch.setattr(Discards, "reads_on", lambda *_: False)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    writer.write(b"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401")
    writer.write(b"12345")
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()


async def _works(sending: Coroutine[Any, Any, None]) -> bool:
    try:
        await sending
    except ConnectionError:
        return False
    return True


async def test_a_body_that_does_not_arrive_in_time_is_400(start: Start) -> None:
    async with start(body_timeout_seconds=0.3) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
        key = gateway.cluster.keys["first"]
        head = f"POST /api/v1/execute HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
        writer.write(
            (head + "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n").encode()
        )
        writer.write(b'{"code')
        line = await reader.readline()
        assert line.startswith(b"HTTP/1.1 400")
        writer.close()
        await writer.wait_closed()


async def raw(gateway: Gateway, *parts: bytes) -> tuple[bytes, dict[str, Any]]:
    """Send raw bytes and return the status line and the JSON body of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.bound_port)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"x-request-id: " in head
    return head.split(b"\r\n")[0], json.loads(content)


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_400(shared_gateway: Gateway, sent: bytes) -> None:
    status, body = await raw(shared_gateway, sent)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert body == {"detail": "Invalid HTTP request received"}


async def test_headers_over_64_kib_are_400(shared_gateway: Gateway) -> None:
    status, body = await raw(
        shared_gateway, b"GET / HTTP/1.1\r\nX: ", *[b"x" * 4096 for _ in range(16)]
    )
    assert status == b"HTTP/1.1 400 Bad Request"
    assert body == {"detail": "headers: must be at most 64 KiB"}


async def test_headers_that_do_not_arrive_in_time_are_400(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "HEAD_SECONDS", 0.2)
    for start in (b"", b"GET / HT"):
        status, body = await raw(gateway, start)
        assert status == b"HTTP/1.1 400 Bad Request"
        assert body == {"detail": "headers: did not arrive within 0.2 seconds"}
    # The time limit does not apply to the execution of a complete request.
    answer = await gateway.run(OK)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/execute", 405),
        ("PUT", "/api/v1/execute", 405),
        ("POST", "/api/v1/nothing", 404),
        ("GET", "/%00", 404),
        ("GET", "//api/v1/execute", 404),
        ("GET", "/api/v1/execute/status/", 404),
        ("PATCH", "/health", 405),
    ],
)
async def test_an_unknown_path_is_404_and_an_unsupported_method_is_405(
    shared_gateway: Gateway, method: str, path: str, status: int
) -> None:
    answer = await shared_gateway.http.request(method, f"{shared_gateway.url}{path}")
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["x-request-id"]

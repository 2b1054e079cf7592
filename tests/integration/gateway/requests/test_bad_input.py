"""Each invalid request gets a documented status code and a message with the field and the rule."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
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
    (b'{"code": "a", "language": "python", "timeout": 1e999}', "timeout: must be a finite number"),
    (
        b'{"code": "a", "language": "python", "timeout": 1e400000000}',
        "timeout: must be a finite number",
    ),
]
FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"language": ""}, "Unsupported language: . Supported languages: python, javascript, bash"),
    ({"language": "x" * 1000}, "Unsupported language: " + "x" * 63 + "…. Supported"),
    ({"timeout": 0}, "timeout: must be between 0.1 and 300"),
    ({"timeout": 301}, "timeout: must be between 0.1 and 300"),
    ({"timeout": 10**30}, "timeout: must be between 0.1 and 300"),
    ({"timeout": 0.099}, "timeout: must be between 0.1 and 300"),
    ({"timeout": "30s"}, "timeout: must be a number"),
    ({"timeout": True}, "timeout: must be a number"),
    ({"compile_timeout": 0}, "compile_timeout: must be between 0.1 and 300"),
    ({"compile_timeout": 301}, "compile_timeout: must be between 0.1 and 300"),
    ({"compile_timeout": "one"}, "compile_timeout: must be a number"),
    (
        {"compile_timeout": 270.5},
        "compile_timeout: must be at most 300 seconds together with timeout, but they are 300.5",
    ),
    ({"merge_output": "yes"}, "merge_output: must be true or false"),
    ({"merge_output": 2}, "merge_output: must be true or false"),
    ({"stdin": [5]}, "stdin: must be a string"),
    ({"environment": ["A"]}, "environment: must be an object"),
    ({"environment": {"A": [1]}}, "environment.A: must be a string"),
    ({"environment": {"1A": "x"}}, "environment.1A: a name must be letters"),
    ({"environment": {"": "x"}}, "environment.: a name must be letters"),
    ({"environment": {"A\n": "x"}}, "environment.A\n: a name must be letters"),
    ({"environment": {"A": "\0"}}, "environment.A: must not contain a NUL character"),
    ({"session_id": "\ud800"}, "session_id: must not contain lone surrogates"),
    ({"session_id": ["a"]}, "session_id: must be a string"),
    ({"code": 1}, "code: must be a string"),
    ({"code": None, "timeout": "1"}, "code: must be a string"),
    ({"args": "x"}, "args: must be a list"),
    ({"args": [[1]]}, "args[0]: must be a string"),
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
    (
        {"output_files": ["/etc/passwd"]},
        (
            "output_files[0]: must be a relative path without empty, '.' or '..' parts, "
            "or such a path below /workspace, /mnt/data, /home/user or /tmp"
        ),
    ),
    ({"output_files": ["/tmp/../a"]}, "output_files[0]: must be a relative path"),
    ({"output_files": ["/tmp/"]}, "output_files[0]: must be a relative path"),
    ({"output_files": ["/tmp"]}, "output_files[0]: must be a relative path"),
    ({"output_files": ["/mnt/data//a"]}, "output_files[0]: must be a relative path"),
    ({"output_files": ["/tmp/a\0"]}, "output_files[0]: must not contain a NUL"),
    ({"resources": {"cpu": 3}}, "resources.cpu: must be between 0.01 and 2"),
    ({"resources": {"cpu": 0}}, "resources.cpu: must be between 0.01 and 2"),
    ({"resources": {"cpu": "one"}}, "resources.cpu: must be a number"),
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
    ({"session_id": "é" * 257}, "session_id: must be at most 256 characters, but has 257"),
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

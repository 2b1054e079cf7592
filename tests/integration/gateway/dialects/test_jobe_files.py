"""The files of Jobe: HEAD, PUT, and runs that use them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.clients.dialects import answered

from cloche_api.limits import MIB
from cloche_gateway.limits import file_store

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

REST = "/jobe/index.php/restapi"
RUNS = f"{REST}/runs"
SPEC = {"language_id": "python3", "sourcecode": "print(1)"}
JSON = {"Content-Type": "application/json"}
MISSING = "One or more of the specified files is missing/unavailable"


def url(name: str) -> str:
    return f"{REST}/files/{name}"


def encoded(content: bytes) -> dict[str, str]:
    return {"file_contents": base64.b64encode(content).decode()}


def run_with(*files: list[Any]) -> dict[str, Any]:
    return {"run_spec": SPEC | {"file_list": list(files)}}


async def test_coderunner_uploads_a_file_after_a_404_and_runs_again(dialects: Gateway) -> None:
    content = b"1,2\n"
    name = hashlib.md5(content).hexdigest()  # noqa: S324  CodeRunner's id of a file
    body = run_with([name, "data.csv"])
    refused = await dialects.http.post(RUNS, json=body)
    assert (refused.status_code, refused.json()) == (404, MISSING)
    put = await dialects.http.put(url(name), json=encoded(content))
    assert (put.status_code, put.content) == (204, b"")
    answer, spec = await answered(dialects, dialects.http.post(RUNS, json=body))
    assert answer.json()["outcome"] == 15
    (file,) = spec["files"]
    assert (file["path"], base64.b64decode(file["contentBase64"])) == ("data.csv", content)


async def test_head_reports_whether_a_file_is_kept(dialects: Gateway) -> None:
    name = "heads0000"
    assert (await dialects.http.head(url(name))).status_code == 404
    await dialects.http.put(url(name), json=encoded(b"secret"))
    assert (await dialects.http.head(url(name))).status_code == 204
    answer = await dialects.http.get(url(name))
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_file_can_be_replaced(dialects: Gateway) -> None:
    name = "twice0000"
    for content in (b"one", b"two"):
        await dialects.http.put(url(name), json=encoded(content))
    _, spec = await answered(
        dialects, dialects.http.post(RUNS, json=run_with([name, "a"], [name, "b"]))
    )
    assert {base64.b64decode(one["contentBase64"]) for one in spec["files"]} == {b"two"}


async def test_a_file_belongs_to_its_tenant(dialects: Gateway) -> None:
    name = "private00"
    await dialects.http.put(url(name), json=encoded(b"secret"))
    other = {"X-API-Key": dialects.cluster.keys["other"]}
    assert (await dialects.http.head(url(name), headers=other)).status_code == 404
    answer = await dialects.http.post(RUNS, json=run_with([name, "f"]), headers=other)
    assert (answer.status_code, answer.json()) == (404, MISSING)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("absent000", {}, "put: missing file_contents parameter"),
        ("absent000", [], "put: missing file_contents parameter"),
        ("absent000", None, "put: missing file_contents parameter"),
        ("absent000", {"file_contents": 1}, "put: missing file_contents parameter"),
        ("absent000", {"file_contents": "!"}, "are not valid base-64"),
        ("absent000", {"file_contents": "é" * 70_000}, "are not valid base-64"),
        ("x" * 129, encoded(b""), "at most 128 letters and digits"),
        ("a%2e%2e", encoded(b""), "at most 128 letters and digits"),
        ("%C3%A9", encoded(b""), "at most 128 letters and digits"),
    ],
)
async def test_an_invalid_upload_is_400(
    dialects: Gateway, name: str, body: Any, words: str
) -> None:
    content = json.dumps(body).encode()
    answer = await dialects.http.put(url(name), content=content, headers=JSON)
    assert answer.status_code == 400
    assert words in answer.json()
    assert (await dialects.http.head(url("absent000"))).status_code == 404


async def test_files_beyond_the_limit_of_an_execution_are_400(dialects: Gateway) -> None:
    await dialects.http.put(url("large0000"), json=encoded(b"x" * 300_000))
    body = run_with(["large0000", "a"], ["large0000", "b"])
    answer = await dialects.http.post(RUNS, json=body)
    assert answer.status_code == 400
    assert answer.json() == "file_list: the files must have at most 512 KiB together"


async def test_old_files_make_room_for_new_ones_and_give_their_memory_back(
    dialects: Gateway,
) -> None:
    """What a tenant uploads is bounded, and charged to the budget."""
    content, budget = b"\0" * (2 * MIB), dialects.context.budget
    for number in range(12):
        answer = await dialects.http.put(url(f"bounded{number}"), json=encoded(content))
        assert answer.status_code == 204
    held = dialects.context.uploads.of("acme")
    assert 12 * MIB < held <= file_store.TENANT_BYTES
    assert budget.of("acme") == held
    assert (await dialects.http.head(url("bounded0"))).status_code == 404
    assert (await dialects.http.head(url("bounded11"))).status_code == 204
    other = {"X-API-Key": dialects.cluster.keys["other"]}
    await dialects.http.put(url("others000"), json=encoded(content), headers=other)
    assert (await dialects.http.head(url("bounded11"))).status_code == 204


async def test_files_are_dropped_when_requests_need_their_memory(dialects: Gateway) -> None:
    await dialects.http.put(url("dropped00"), json=encoded(b"\0" * MIB))
    budget = dialects.context.budget
    with budget.charged("acme", budget.most):
        assert (await dialects.http.head(url("dropped00"))).status_code == 404
    assert dialects.context.uploads.of("acme") == 0
    assert budget.of("acme") == 0


async def test_many_uploads_at_a_time_are_all_kept(dialects: Gateway) -> None:
    names = [f"parallel{number}" for number in range(20)]
    answers = await asyncio.gather(
        *(dialects.http.put(url(name), json=encoded(name.encode())) for name in names)
    )
    assert {answer.status_code for answer in answers} == {204}
    tenant, uploads = "acme", dialects.context.uploads
    assert [uploads.get(tenant, name) for name in names] == [name.encode() for name in names]

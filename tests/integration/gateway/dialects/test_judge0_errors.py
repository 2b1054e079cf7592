"""Judge0's API: keys, rejected requests, and the routes that describe the service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.fixtures.control_planes import ControlPlane
from support.fixtures.gateway import Gateway, Start, namespaces, started

PATH = "/submissions"
BATCH = "/submissions/batch"
FORM = "application/x-www-form-urlencoded"
HELLO = {"language_id": 71, "source_code": "print(1)"}


@pytest_asyncio.fixture(scope="module")
async def judge(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """A gateway whose requests are rejected, so that no execution is created."""
    settings = {"dialects": ("judge0",), "rate_limit_per_minute": 10_000}
    async with (
        namespaces(control_plane) as made,
        started(control_plane, made, **settings) as running,
    ):
        yield running
        assert await made.executions() == []


@pytest.mark.parametrize(
    "place",
    [
        {"headers": {"X-Auth-Token": "KEY"}},
        {"headers": {"X-RapidAPI-Key": "KEY", "X-RapidAPI-Host": "judge0-ce.p.rapidapi.com"}},
        {"headers": {"Authorization": "Bearer KEY"}},
        {"params": {"X-Auth-Token": "KEY"}},
        {"params": {"X-RapidAPI-Key": "KEY"}},
    ],
)
async def test_the_key_can_be_where_clients_of_judge0_have_it(
    judge: Gateway, place: dict[str, dict[str, str]]
) -> None:
    key = judge.cluster.keys["first"]
    given = {
        kind: {name: value.replace("KEY", key) for name, value in of.items()}
        for kind, of in place.items()
    }
    given.setdefault("headers", {})["X-API-Key"] = ""
    assert (await judge.http.post("/authenticate", **given)).status_code == 200  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PATH), ("POST", BATCH), ("GET", f"{PATH}/x"), ("GET", BATCH), ("GET", PATH),
        ("DELETE", f"{PATH}/x"), ("GET", "/languages"), ("GET", "/config_info"),
        ("POST", "/authenticate"), ("POST", "/authorize"), ("GET", "/judge0"),
    ],
)  # fmt: skip
async def test_every_route_requires_a_key(judge: Gateway, method: str, path: str) -> None:
    answer = await judge.http.request(method, path, headers={"X-API-Key": ""})
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("name", ["X-API-Key", "X-Auth-Token", "X-RapidAPI-Key"])
async def test_a_wrong_key_is_refused(judge: Gateway, name: str) -> None:
    answer = await judge.http.get("/languages", headers={"X-API-Key": "", name: "wrong"})
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (b"{", "application/json", 400, "body: is not valid JSON"),
        (b"\xff", "application/json", 400, "must be UTF-8"),
        (b"[1]", "application/json", 400, "must be a JSON object"),
        (b"[" * 1000, "application/json", 400, "nested at most 32 levels"),
        (b"a" * (4 * 1024 * 1024 + 1), "application/json", 413, "at most 4 MiB"),
        (b"a=1&" * 100_000, FORM, 400, "at most 64 fields"),
        (b"a" * 2_000_000, FORM, 413, "at most 1 MiB as a form"),
        (b"--x", "multipart/form-data; boundary=x", 400, "ends with its boundary"),
        (b"\n" * 3_000_000 + b"--x", "multipart/form-data; boundary=x", 400, "its boundary"),
        (b"x", "text/plain", 400, "Content-Type: must be application/json"),
        (json.dumps({**HELLO, "fields": "a,b"}).encode(), "application/json", 400, "fields: [a, b"),
    ],
)
async def test_a_body_that_is_not_valid_is_an_error_with_a_sentence(
    judge: Gateway, body: bytes, content_type: str, status: int, words: str
) -> None:
    for path in (PATH, BATCH):
        if path == BATCH and b"fields" in body:
            continue
        answer = await judge.http.post(path, content=body, headers={"Content-Type": content_type})
        assert answer.status_code == status, answer.text
        assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "mistakes"),
    [
        ({}, {"language_id": ["can't be blank"], "source_code": ["can't be blank"]}),
        ({**HELLO, "language_id": 70}, {"language_id": ["language with id 70 doesn't exist"]}),
        (
            {**HELLO, "wall_time_limit": 100000},
            {"wall_time_limit": ["must be less than or equal to 240.0"]},
        ),
        (
            {**HELLO, "source_code": "x\ud800"},
            {"source_code": ["must not contain lone surrogates"]},
        ),
        (
            {**HELLO, "additional_files": "eA=="},
            {"additional_files": ["must be a zip archive in base64"]},
        ),
        ({**HELLO, "language_id": "\ud800"}, {"language_id": ["language with id 0 doesn't exist"]}),
    ],
)  # fmt: skip
async def test_a_submission_that_breaks_a_rule_has_the_sentences_of_each_field(
    judge: Gateway, body: dict[str, Any], mistakes: dict[str, list[str]]
) -> None:
    answer = await judge.http.post(f"{PATH}?wait=true", content=json.dumps(body).encode(),
                                   headers={"Content-Type": "application/json"})  # fmt: skip
    assert (answer.status_code, answer.json()) == (422, mistakes)


@pytest.mark.parametrize(("name", "kib"), [("source_code", 256), ("stdin", 256)])
async def test_a_text_that_is_too_large_is_a_mistake_of_its_field(
    judge: Gateway, name: str, kib: int
) -> None:
    answer = await judge.http.post(PATH, json={**HELLO, name: "x" * (kib * 1024 + 1)})
    assert answer.status_code == 422
    ((field, (sentence,)),) = answer.json().items()
    assert field == name
    assert sentence.startswith(f"must be at most {kib} KiB")


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", f"{PATH}/550e8400-e29b-41d4-a716-446655440000", 404, "Not Found"),
        ("GET", f"{PATH}/%F0%9F%98%80?fields=stdout", 404, "Not Found"),
        ("GET", f"{PATH}/x?fields=nothing", 400, "invalid fields: [nothing]"),
        ("GET", f"{PATH}/x?fields={'a,' * 2100}", 400, "query: must be at most 4 KiB"),
        ("GET", BATCH, 400, "there should be at least one submission in a batch"),
        ("GET", f"{BATCH}?tokens={'x,' * 21}", 400, "number of submissions in a batch should be"),
        ("POST", BATCH, 400, "there should be at least one submission in a batch"),
        ("GET", "/languages/70", 404, "Not Found"),
        ("GET", "/languages/71x", 404, "Not Found"),
        ("GET", f"/languages/{'9' * 5000}", 404, "Not Found"),
        ("DELETE", f"{PATH}/x", 400, "delete not allowed"),
    ],
)
async def test_other_mistakes_have_a_sentence(
    judge: Gateway, method: str, path: str, status: int, body: str
) -> None:
    answer = await judge.http.request(method, path)
    assert answer.status_code == status, answer.text
    assert body in answer.json()["error"]


async def test_an_idempotency_key_is_refused_instead_of_ignored(judge: Gateway) -> None:
    answer = await judge.http.post(PATH, json=HELLO, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["error"]


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", "/authorize")])
async def test_what_requires_an_administrator_is_forbidden(
    judge: Gateway, method: str, path: str
) -> None:
    assert (await judge.http.request(method, path)).status_code == 403


async def test_the_installed_languages_are_listed_with_the_ids_of_judge0(judge: Gateway) -> None:
    found = (await judge.http.get("/languages")).json()
    assert [one["id"] for one in found] == [46, 63, 93, 97, 102, 71, 92, 100, 109, 113]
    assert found[0] == {"id": 46, "name": "Bash"}
    whole = (await judge.http.get("/judge0/languages/all")).json()
    assert whole == [{**one, "is_archived": False} for one in found]
    assert (await judge.http.get("/languages/71")).json() == {
        "id": 71,
        "name": "Python",
        "is_archived": False,
        "source_file": "main.py",
        "compile_cmd": None,
        "run_cmd": None,
    }


async def test_the_statuses_are_those_of_judge0(judge: Gateway) -> None:
    found = (await judge.http.get("/statuses")).json()
    assert len(found) == 14
    assert found[2] == {"id": 3, "description": "Accepted"}


async def test_the_service_describes_itself(judge: Gateway) -> None:
    assert (await judge.http.get("/about")).json()["version"] == "1.13.1"
    assert (await judge.http.get("/version")).text == "1.13.1"
    for path in ("/license", "/isolate"):
        assert (await judge.http.get(path)).headers["Content-Type"].startswith("text/plain")
    for path in ("/system_info", "/statistics"):
        assert (await judge.http.get(path)).json() == {}
    (queue,) = (await judge.http.get("/workers")).json()
    assert (queue["queue"], queue["available"]) == ("1.13.1", 0)
    limits = (await judge.http.get("/config_info")).json()
    assert (limits["max_submission_batch_size"], limits["max_wall_time_limit"]) == (20, 240.0)
    assert (limits["enable_callbacks"], limits["enable_wait_result"]) == (False, True)


async def test_the_own_routes_are_the_same(judge: Gateway) -> None:
    assert (await judge.http.get("/")).json()["name"] == "cloche"
    assert (await judge.http.get("/health")).status_code == 200
    assert (await judge.http.get("/api/v1/execute/languages")).json()
    assert "/submissions" not in (await judge.http.get("/openapi.json")).text


async def test_the_routes_are_absent_unless_the_dialect_is_enabled(start: Start) -> None:
    async with start() as gateway:
        for method, path in (("POST", PATH), ("GET", "/languages"), ("GET", "/judge0")):
            answer = await gateway.http.request(method, path)
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


async def test_a_client_over_its_rate_gets_429_with_a_sentence(start: Start) -> None:
    async with start(dialects=("judge0",), rate_limit_per_minute=2) as gateway:
        items = {"submissions": [HELLO] * 3}
        answer = await gateway.http.post(BATCH, json=items)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert "Rate limit exceeded" in answer.json()["error"]
        assert await gateway.cluster.executions() == []


async def test_a_client_without_a_key_can_have_the_rights_of_a_named_one(start: Start) -> None:
    async with start(dialects=("judge0",), keyless={"judge0": "other"}) as gateway:
        answer = await gateway.http.post(PATH, json=HELLO, headers={"X-API-Key": ""})
        assert answer.status_code == 201
        (execution,) = await gateway.cluster.executions()
        assert execution["spec"]["tenant"] == "globex"

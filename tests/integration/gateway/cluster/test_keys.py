from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloche_api.keys import KeyLimits, new_key

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

PATH = "/api/v1/execute/status/550e8400-e29b-41d4-a716-446655440000"


async def ask(gateway: Gateway, headers: dict[str, Any]) -> tuple[int, str]:
    gateway.http.headers.pop("X-API-Key", None)
    answer = await gateway.http.get(PATH, headers=headers)
    assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)
    return answer.status_code, answer.json()["detail"]


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}]
)
async def test_a_request_without_an_api_key_is_401(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    assert await ask(gateway, headers) == (401, "API key is required")
    posted = await gateway.http.post("/api/v1/execute", content=b"{", headers=headers)
    assert posted.status_code == 401
    assert posted.headers["WWW-Authenticate"] == "ApiKey"


@pytest.mark.parametrize(("header", "status"), [("", b"401"), ("X-API-Key: wrong\r\n", b"403")])
@pytest.mark.parametrize("route", ["execute", "execute/async", "execute/batch", "sessions"])
async def test_a_request_without_a_valid_key_is_answered_before_its_body_arrives(
    shared_gateway: Gateway, route: str, header: str, status: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_gateway.server.bound_port)
    head = f"POST /api/v1/{route} HTTP/1.1\r\nHost: x\r\n{header}"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n".encode())
    async with asyncio.timeout(10):
        line = await reader.readline()
    assert line.split()[1] == status
    writer.close()


async def test_an_api_key_is_accepted_in_either_header_and_a_wrong_one_is_403(
    gateway: Gateway,
) -> None:
    key = gateway.cluster.keys["first"]
    for headers in (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
    ):
        assert (await ask(gateway, headers))[0] == 404
    for wrong in (key[:-1], key + "x", key.upper(), "é".encode()):
        assert await ask(gateway, {"X-API-Key": wrong}) == (403, "Invalid API key")


async def test_the_secret_contains_hashes_and_no_api_key(gateway: Gateway) -> None:
    path = f"/api/v1/namespaces/{gateway.cluster.keys_namespace}/secrets/cloche-api-keys"
    secret = await gateway.cluster.rest.call("GET", path)
    records = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    assert records.keys() == gateway.cluster.keys.keys()
    for name, key in gateway.cluster.keys.items():
        part = key.removeprefix("clk_")
        assert part not in json.dumps(secret)
        assert part not in records[name]
        assert hashlib.sha256(key.encode()).hexdigest() in records[name]


async def test_an_api_key_is_compared_with_all_records_whether_known_or_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def compare(one: str, two: str) -> bool:
        compared.append(one)
        return compare_digest(one, two)

    compare_digest = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    good = gateway.cluster.keys
    for key in (good["first"], good["other"], good["first"][:-1], "x", "y" * 10_000):
        compared.clear()
        await ask(gateway, {"X-API-Key": key})
        assert len(compared) == len(good) == 2  # all keys are compared, also after a match


async def test_a_change_of_api_keys_takes_effect_within_a_second(gateway: Gateway) -> None:
    old = gateway.cluster.keys["first"]
    await gateway.cluster.write_keys(second="acme")
    changed = time.monotonic()

    async def exchanged() -> bool:
        new = gateway.cluster.keys["second"]
        answers = [await ask(gateway, {"X-API-Key": key}) for key in (old, new)]
        return [status for status, _ in answers] == [403, 404]

    await gateway.until(exchanged, "the new key instead of the old one")
    assert time.monotonic() - changed < 1


async def test_an_invalid_key_record_is_skipped_and_logged_without_its_content(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "d" * 64
    bad = {
        "nojson": "raw:{",
        "notenant": "raw:" + json.dumps({"sha256": secret, "createdAt": "2026-01-01T00:00:00Z"}),
        "nohash": "raw:" + json.dumps(
            {"sha256": "topsecret", "tenant": "a", "createdAt": "2026-01-01T00:00:00Z"}
        ),
        "binary": "raw:\x00\x01",
    }  # fmt: skip
    await gateway.cluster.write_keys(good="acme", **bad)

    async def taken() -> bool:
        status, _ = await ask(gateway, {"X-API-Key": gateway.cluster.keys["good"]})
        return status == 404

    await gateway.until(taken, "the good key")
    for name in bad:
        assert f"API key {name} is skipped" in caplog.text
    assert "topsecret" not in caplog.text
    assert secret not in caplog.text


async def test_no_api_key_is_valid_without_the_secret(gateway: Gateway) -> None:
    await gateway.cluster.rest.call(
        "DELETE", f"/api/v1/namespaces/{gateway.cluster.keys_namespace}/secrets/cloche-api-keys"
    )

    async def refused() -> bool:
        headers = {"X-API-Key": gateway.cluster.keys["first"]}
        return await ask(gateway, headers) == (403, "Invalid API key")

    await gateway.until(refused, "the refusal")


async def test_an_expired_api_key_is_403(gateway: Gateway) -> None:
    text, record = new_key("acme", KeyLimits(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    later, valid = new_key("acme", KeyLimits(expires_at=datetime.now(UTC) + timedelta(hours=1)))
    await gateway.cluster.write_keys(
        over="raw:" + record.model_dump_json(by_alias=True),
        valid="raw:" + valid.model_dump_json(by_alias=True),
    )

    async def taken() -> bool:
        return (await ask(gateway, {"X-API-Key": later}))[0] == 404

    await gateway.until(taken, "the valid key")
    for headers in ({"X-API-Key": text}, {"Authorization": f"Bearer {text}"}):
        assert await ask(gateway, headers) == (403, "API key has expired")
        posted = await gateway.http.post("/api/v1/execute", json={}, headers=headers)
        assert (posted.status_code, posted.json()) == (403, {"detail": "API key has expired"})
        assert "RateLimit-Limit" not in posted.headers


async def test_the_status_of_an_execution_is_returned_only_to_its_tenant(gateway: Gateway) -> None:
    done = await gateway.run({"code": "1", "language": "py"})
    name = done.json()["execution_id"]
    path = f"/api/v1/execute/status/{name}"
    own = await gateway.http.get(path + "/")
    assert own.status_code == 200
    assert own.json() == {
        "execution_id": name,
        "status": "completed",
        "created_at": (await gateway.cluster.read(name))["metadata"]["creationTimestamp"],
        "started_at": "2026-01-01T00:00:01.000000Z",
        "completed_at": "2026-01-01T00:00:01.080000Z",
        "result": done.json(),
        "detail": None,
    }
    others = await gateway.http.get(path, headers={"X-API-Key": gateway.cluster.keys["other"]})
    assert others.status_code == 404
    assert others.json() == {"detail": f"Execution {name} not found"}


@pytest.mark.parametrize("name", ["x", "..%2f..%2fsecrets", "A" * 500, "a b", "%00", "é"])
async def test_an_invalid_execution_id_is_404(shared_gateway: Gateway, name: str) -> None:
    answer = await shared_gateway.http.get(f"/api/v1/execute/status/{name}")
    assert answer.status_code == 404


async def test_the_status_is_pending_running_and_failed_before_a_result_exists(
    gateway: Gateway,
) -> None:

    asked = asyncio.create_task(
        gateway.http.post("/api/v1/execute", json={"code": "", "language": "py"})
    )
    name = (await gateway.cluster.pending())["metadata"]["name"]
    path = f"/api/v1/execute/status/{name}"

    async def once(status: str) -> Any:
        """Return the response once it has this status. Responses can be up to 0.2 s old."""
        found: Any = {}

        async def has_status() -> bool:
            found.update((await gateway.http.get(path)).json())
            return bool(found["status"] == status)

        await gateway.until(has_status, f"the execution to be {status}")
        return found

    assert (await once("pending"))["result"] is None
    await gateway.cluster.end(name, phase="Running", reason=None, completionTime=None)
    assert (await once("running"))["result"] is None
    await gateway.cluster.end(name, phase="Error", reason="ImagePullFailed", startTime=None)
    failed = await once("failed")
    assert failed["result"] is None
    assert failed["detail"] == "Execution failed: the language's image could not be pulled"
    assert (await asked).status_code == 500

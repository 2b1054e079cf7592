"""The installed languages, their descriptions, and their pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.fixtures.gateway import runtime

from cloche_kube.client import MERGE_PATCH

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

INFO = "/api/v1/execute/language"


async def test_languages_are_listed_in_the_order_of_the_contract_without_a_key(
    shared_gateway: Gateway,
) -> None:
    answer = await shared_gateway.http.get("/api/v1/execute/languages", headers={"X-API-Key": ""})
    assert (answer.status_code, answer.json()) == (200, ["python", "javascript", "bash"])


async def test_a_new_language_is_listed_at_once(gateway: Gateway) -> None:
    await gateway.cluster.apply_runtime(runtime("lua", "main.lua"))

    async def listed() -> bool:
        return "lua" in (await gateway.http.get("/api/v1/execute/languages/")).json()

    await gateway.until(listed, "the new language")


@pytest.mark.parametrize("word", ["bash", "sh", "SH"])
async def test_language_info_has_the_documented_fields(shared_gateway: Gateway, word: str) -> None:
    answer = await shared_gateway.http.get(f"{INFO}/{word}/info")
    assert answer.status_code == 200
    assert answer.json() == {
        "language": "bash",
        "version": None,
        "aliases": ["sh"],
        "entries": [],
        "docker_image": "runtime-bash",
        "file_extension": ".sh",
        "max_execution_time": 300,
        "min_memory": "32MB",
        "min_disk": "1MB",
        "max_memory": "2048MB",
        "max_cpu": 2.0,
    }


async def test_an_unknown_language_is_404_with_the_supported_ones(shared_gateway: Gateway) -> None:
    answer = await shared_gateway.http.get(f"{INFO}/cobol/info")
    assert answer.status_code == 404
    words = "Unsupported language: cobol. Supported languages: python, javascript, bash"
    assert answer.json()["detail"] == words


async def test_warm_pool_status_returns_the_counts_of_each_runtime(gateway: Gateway) -> None:
    status = {"wanted": 3, "ready": 2, "claimed": 1, "hits": 40, "misses": 5}
    await gateway.cluster.rest.call(
        "PATCH",
        f"{gateway.cluster.paths.runtimes}/python/status",
        body={"status": status},
        content_type=MERGE_PATCH,
    )

    async def is_reported() -> bool:
        answer = await gateway.http.get("/api/v1/warm-pool/status")
        return bool(answer.json()["python"] == status)

    await gateway.until(is_reported, "the pool's status")
    other = await gateway.http.get("/api/v1/execute/warm-pool/status/")
    assert other.json()["bash"] == dict.fromkeys(status, 0)


@pytest.mark.parametrize("path", [f"{INFO}/bash/info", "/api/v1/warm-pool/status"])
async def test_language_info_and_warm_pool_status_require_a_key(
    shared_gateway: Gateway, path: str
) -> None:
    assert (await shared_gateway.http.get(path, headers={"X-API-Key": ""})).status_code == 401

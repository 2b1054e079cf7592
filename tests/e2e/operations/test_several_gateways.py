"""Two gateways that count together in the chart's own Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.clients.api_keys import extra_key
from support.clients.helm import other_values
from support.clients.kubectl import InstallationKubectl
from support.data.names import SYSTEM
from support.deadline import until
from support.fixtures.installation import Installation

_REQUEST = {"code": "true"}
"""It has no language: one that passes the limit is a 400, and no Pod is started for it."""


@pytest.fixture(scope="module", autouse=True)
def two_gateways(installation: Installation, kubectl: InstallationKubectl) -> Iterator[None]:
    kubeconfig = Path(installation.kubeconfig)
    with other_values(kubeconfig, "valkey.enabled=true", "gateway.replicas=2"):
        yield
    until(lambda: len(gateways(kubectl)) == 1, "one gateway to be left", 60)


def gateways(kubectl: InstallationKubectl) -> list[str]:
    words = ("get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=gateway")
    return kubectl(*words, "-o", "name").split()


async def test_two_gateways_let_100_of_150_concurrent_requests_pass_a_rate_of_100(
    installation: Installation, kubectl: InstallationKubectl
) -> None:
    until(lambda: len(gateways(kubectl)) == 2, "the gateway of before to be gone", 60)
    with extra_key(kubectl, tenant="many", ratePerMinute=100) as key:
        # A connection for each, so that both get some.
        async with httpx.AsyncClient(
            base_url=installation.url,
            headers={"X-API-Key": key, "Connection": "close"},
            timeout=60,
        ) as client:
            answers = await asyncio.gather(
                *(client.post("/api/v1/execute/async", json=_REQUEST) for _ in range(150))
            )

    passed = [answer for answer in answers if answer.status_code == 400]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(passed), len(refused)) == (100, 50)
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"100"}
    assert {answer.headers["RateLimit-Remaining"] for answer in refused} == {"0"}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)

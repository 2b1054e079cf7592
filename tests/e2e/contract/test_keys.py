"""API keys: where they are required, their limits, and their end."""

from __future__ import annotations

import itertools

import httpx
import pytest
from e2e.contract.requests import HELLO, ended, started
from support.clients.api_keys import extra_key
from support.clients.kubectl import InstallationKubectl
from support.deadline import until
from support.fixtures.installation import Installation


def test_a_request_without_a_key_is_401_with_a_challenge(anonymous: httpx.Client) -> None:
    answer = anonymous.post("/api/v1/execute", json=HELLO)

    assert (answer.status_code, answer.json()) == (401, {"detail": "API key is required"})
    assert answer.headers["WWW-Authenticate"] == "ApiKey"


def test_a_request_with_a_wrong_key_is_403(anonymous: httpx.Client) -> None:
    answer = anonymous.post("/api/v1/execute", json=HELLO, headers={"X-API-Key": "wrong"})

    assert (answer.status_code, answer.json()) == (403, {"detail": "Invalid API key"})


def test_a_key_in_authorization_bearer_is_accepted(
    anonymous: httpx.Client, installation: Installation
) -> None:
    headers = {"Authorization": f"Bearer {installation.key}"}

    assert anonymous.get("/api/v1/executions", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/health", "/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"),
        *("/api/v1/execute/languages", "/api/v1/execute/health"),
    ],
)
def test_a_public_path_requires_no_key(anonymous: httpx.Client, path: str) -> None:
    assert anonymous.get(path).status_code == 200


def test_a_request_over_the_keys_rate_is_429(
    installation: Installation, kubectl: InstallationKubectl
) -> None:
    bad = {"language": "python"}
    with (
        extra_key(kubectl, tenant="slow", ratePerMinute=3) as key,
        httpx.Client(base_url=installation.url, headers={"X-API-Key": key}) as client,
    ):
        assert client.post("/api/v1/execute/batch", json=[HELLO] * 4).status_code == 429
        statuses = [client.post("/api/v1/execute", json=bad).status_code for _ in range(3)]
        answer = client.post("/api/v1/execute", json=bad)

    assert statuses == [400, 400, 400]  # an authenticated 400 counts; the batch charged nothing
    assert (answer.status_code, answer.json()["detail"]) == (
        429,
        "Rate limit exceeded. Please try again later.",
    )
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("3", "0")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_rate_limited_routes_carry_the_ratelimit_headers(http: httpx.Client) -> None:
    headers = http.post("/api/v1/execute", json=HELLO).headers

    assert int(headers["RateLimit-Limit"]) > int(headers["RateLimit-Remaining"]) >= 0
    assert 0 <= int(headers["RateLimit-Reset"]) <= 60


def test_a_key_runs_no_more_executions_at_a_time_than_its_concurrency(
    installation: Installation, kubectl: InstallationKubectl
) -> None:
    """More wait in its queue."""
    with (
        extra_key(kubectl, tenant="narrow", concurrency=1) as key,
        httpx.Client(base_url=installation.url, headers={"X-API-Key": key}, timeout=60) as client,
    ):
        names = [started(client, code="import time; time.sleep(1)") for _ in range(3)]
        times = sorted(
            (e["started_at"], e["completed_at"]) for e in (ended(client, n) for n in names)
        )

    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


def test_a_removed_key_is_rejected_without_a_restart(
    installation: Installation, kubectl: InstallationKubectl
) -> None:
    with extra_key(kubectl, tenant="brief") as key:
        headers = {"X-API-Key": key}
        assert httpx.get(f"{installation.url}/api/v1/executions", headers=headers).is_success

    def refused() -> bool:
        answer = httpx.get(f"{installation.url}/api/v1/executions", headers=headers)
        return answer.status_code == 403

    until(refused, "the key to be refused", 10)


def test_an_expired_key_is_403(installation: Installation, kubectl: InstallationKubectl) -> None:
    with extra_key(kubectl, tenant="old", expiresAt="2020-01-01T00:00:00Z", valid=False) as key:
        url = f"{installation.url}/api/v1/executions"

        answer = until(
            lambda: (
                found
                if (found := httpx.get(url, headers={"X-API-Key": key})).json()["detail"]
                != "Invalid API key"
                else None
            ),
            "the key to be known",
            10,
        )

    assert answer.status_code == 403

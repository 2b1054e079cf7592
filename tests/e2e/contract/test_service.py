"""What describes the service: languages, pools, metrics, and what all responses have."""

from __future__ import annotations

import uuid

import httpx
import pytest
from e2e.contract.requests import HELLO, ORIGINAL_LANGUAGES
from support.clients.kubectl import InstallationKubectl
from support.deadline import until


def test_languages_are_listed_in_the_order_of_the_original_contract(
    anonymous: httpx.Client,
) -> None:
    languages = anonymous.get("/api/v1/execute/languages").json()

    original = ORIGINAL_LANGUAGES.split(", ")
    assert languages[: len(original)] == original
    assert "sqlite" in languages


def test_language_info_has_the_fields_of_the_contract_and_an_unknown_one_is_404(
    http: httpx.Client,
) -> None:
    body = http.get("/api/v1/execute/language/py/info").json()

    assert {k: body[k] for k in ("language", "file_extension", "max_execution_time")} == {
        "language": "python",
        "file_extension": ".py",
        "max_execution_time": 300,
    }
    assert {"docker_image", "max_memory", "max_cpu", "version", "aliases"} <= set(body)
    assert http.get("/api/v1/execute/language/cobol/info").status_code == 404


@pytest.mark.parametrize(
    ("alias", "language"),
    [
        *(("py", "python"), ("python3", "python"), ("js", "javascript"), ("node", "javascript")),
        *(("ts", "typescript"), ("c++", "cpp"), ("cs", "csharp"), ("c#", "csharp"), ("rb", "ruby")),
        *(("sh", "bash"), ("golang", "go"), ("PYTHON", "python")),
    ],
)
def test_an_alias_resolves_to_its_language(http: httpx.Client, alias: str, language: str) -> None:
    answer = http.get(f"/api/v1/execute/language/{alias.replace('#', '%23')}/info")

    assert answer.json()["language"] == language


@pytest.mark.parametrize("path", ["warm-pool/status", "execute/warm-pool/status"])
def test_warm_pool_status_has_the_counts_of_each_language(http: httpx.Client, path: str) -> None:
    body = http.get(f"/api/v1/{path}").json()

    assert {"wanted", "ready", "claimed", "hits", "misses"} <= set(body["python"])


METRICS = (
    *("sandbox_executions_total{", "sandbox_execution_duration_seconds_bucket{"),
    *(
        "sandbox_active_containers",
        "sandbox_errors_total",
        "warm_pool_size",
        "warm_pool_hits_total",
    ),
    *("warm_pool_misses_total", "warm_pool_health_failures_total"),
)


def test_metrics_have_the_names_and_steps_of_the_contract(http: httpx.Client) -> None:
    http.post("/api/v1/execute", json=HELLO)
    text = http.get("/metrics").text

    for name in METRICS:
        assert name in text, name
    for step in ("queued", "claimed", "started", "finished", "returned"):
        assert f'step="{step}"' in text, step


@pytest.mark.parametrize(
    "path",
    [
        *("/health", "/api/v1/execute/languages", "/api/v1/execute/language/python/info"),
        *("/api/v1/executions", "/api/v1/warm-pool/status", "/api/v1/execute/warm-pool/status"),
    ],
)
def test_a_path_is_answered_with_and_without_a_trailing_slash(
    http: httpx.Client, path: str
) -> None:
    plain, slashed = http.get(path), http.get(f"{path}/")

    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert type(plain.json()) is type(slashed.json())


def test_every_response_has_a_request_id(anonymous: httpx.Client) -> None:
    for path in ("/health", "/api/v1/executions", "/nothing"):
        assert anonymous.get(path).headers["X-Request-ID"]


def test_x_request_id_is_echoed_and_appears_in_the_resource_and_the_logs(
    http: httpx.Client, kubectl: InstallationKubectl
) -> None:
    sent = f"test-{uuid.uuid4()}"

    answer = http.post("/api/v1/execute", json=HELLO, headers={"X-Request-ID": sent})

    assert answer.headers["X-Request-ID"] == sent
    name = answer.json()["execution_id"]
    assert kubectl.execution(name)["metadata"]["annotations"]["cloche.dev/request-id"] == sent
    for component in ("gateway", "operator"):
        selector = f"app.kubernetes.io/component={component}"

        def logged(selector: str = selector) -> bool:
            log = kubectl("logs", "-n", "cloche-system", "-l", selector, "--tail=200")
            return any(sent in line and name in line for line in log.splitlines())

        until(logged, f"the {component}'s log to have both ids", 10)

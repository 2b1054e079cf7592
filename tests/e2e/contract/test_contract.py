"""The HTTP contract, line by line, against real Pods: each test is named after its line."""

from __future__ import annotations

import base64
import concurrent.futures
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from support.clients.api_keys import extra_key
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute
from support.fixtures.installation import Installation

ORIGINAL_LANGUAGES = (
    "python, javascript, typescript, java, go, rust, cpp, csharp, ruby, php, sql, bash"
)
"""The languages of the API's first document, which come first and in this order."""
ORIGINAL_FIELDS = {
    *("execution_id", "stdout", "stderr", "exit_code", "execution_time", "language", "session_id"),
}
ADDED_FIELDS = {"stdout_truncated", "stderr_truncated", "reason", "usage", "queue_time"}
HELLO = {"code": 'print("hello")', "language": "python"}
KIB = 1024


@pytest.fixture(scope="module")
def anonymous(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, timeout=150) as client:
        yield client


@pytest.fixture(scope="module")
def other(installation: Installation, kubectl: InstallationKubectl) -> Iterator[httpx.Client]:
    """Another tenant's key."""
    with (
        extra_key(kubectl, tenant="other") as key,
        httpx.Client(base_url=installation.url, headers={"X-API-Key": key}, timeout=150) as client,
    ):
        yield client


def started(http: httpx.Client, **fields: Any) -> str:
    """An asynchronous execution's id."""
    answer = http.post("/api/v1/execute/async", json={**HELLO, **fields})
    assert answer.status_code == 202, answer.text
    name: str = answer.json()["execution_id"]
    return name


def ended(http: httpx.Client, name: str) -> dict[str, Any]:
    answer = http.get(f"/api/v1/execute/status/{name}", params={"wait": 60})
    body: dict[str, Any] = answer.json()
    assert body["completed_at"], body
    return body


# ---------------------------------------------------------------------------------------- lines
# (line of the contract, method, path, what is sent, status, detail or None)
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    (
        "400 unknown language",
        {"language": "cobol"},
        400,
        f"Unsupported language: cobol. Supported languages: {ORIGINAL_LANGUAGES}",
    ),
    ("400 the code cannot be parsed", {"code": "print("}, 400, "Invalid code syntax: "),
    (
        "400 the code cannot be compiled",
        {"code": "int main() { return x; }", "language": "cpp"},
        400,
        "Invalid code syntax: main.cpp",
    ),
    ("400 no code", {"code": ...}, 400, "code: is required"),
    ("400 no language", {"language": ...}, 400, "language: is required"),
    ("400 timeout of 0", {"timeout": 0}, 400, "timeout: must be between 1 and 300"),
    ("400 timeout of 301", {"timeout": 301}, 400, "timeout: must be between 1 and 300"),
    ("400 session_id with a space", {"session_id": "a b"}, 400, "session_id: "),
    ("400 session_id of 64", {"session_id": "a" * 64}, 400, "session_id: "),
    ("400 session_id that ends in a dot", {"session_id": "a."}, 400, "session_id: "),
    ("400 environment name", {"environment": {"1A": "x"}}, 400, "environment"),
    (
        "400 a path that climbs",
        {"files": [{"path": "../x", "content": ""}]},
        400,
        "files[0].path: ",
    ),
    ("400 an absolute path", {"files": [{"path": "/x", "content": ""}]}, 400, "files[0].path: "),
    ("400 cpu over 2", {"resources": {"cpu": 2.5}}, 400, "resources.cpu: "),
    ("400 memory_mb over 2048", {"resources": {"memory_mb": 2049}}, 400, "resources.memory_mb: "),
    ("400 disk_mb over 1024", {"resources": {"disk_mb": 1025}}, 400, "resources.disk_mb: "),
    (
        "400 disk_mb over memory_mb",
        {"resources": {"memory_mb": 128, "disk_mb": 256}},
        400,
        "resources.disk_mb: ",
    ),
    ("413 code over 256 KiB", {"code": "#" * (256 * KIB + 1)}, 413, "code: "),
    ("413 stdin over 256 KiB", {"stdin": "x" * (256 * KIB + 1)}, 413, "stdin: "),
    ("413 environment over 64 KiB", {"environment": {"A": "x" * 65 * KIB}}, 413, "environment: "),
    (
        "413 environment of 129",
        {"environment": {f"A{n}": "" for n in range(129)}},
        413,
        "environment: ",
    ),
    (
        "413 files over 512 KiB",
        {"files": [{"path": f"{n}", "content": "x" * 200 * KIB} for n in range(3)]},
        413,
        "files: ",
    ),
    (
        "413 files of 65",
        {"files": [{"path": f"{n}", "content": ""} for n in range(65)]},
        413,
        "files: ",
    ),
    (
        "413 all of it over 700 KiB names the largest field",
        {
            "code": "#" * 250 * KIB,
            "stdin": "x" * 255 * KIB,
            "files": [{"path": "a", "content": "x" * 240 * KIB}],
        },
        413,
        "stdin: ",
    ),
    (
        "500 the program hit its timeout",
        {"code": "while True: pass", "timeout": 1},
        500,
        "Execution failed: container timeout",
    ),
]


@pytest.mark.parametrize(
    ("fields", "status", "detail"),
    [line[1:] for line in REFUSED],
    ids=[line[0] for line in REFUSED],
)
def test_post_execute_rejects_an_invalid_field_with_its_status_and_detail(
    http: httpx.Client, fields: dict[str, Any], status: int, detail: str
) -> None:
    request = {k: v for k, v in {**HELLO, **fields}.items() if v is not ...}

    answer = http.post("/api/v1/execute", json=request)

    assert answer.status_code == status, answer.text
    assert answer.json()["detail"].startswith(detail), answer.text


def test_an_unknown_field_is_ignored_and_named_in_the_warnings(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute", json={**HELLO, "colour": "red"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["warnings"] == ["colour: unknown field, ignored"]


def test_a_strict_request_with_an_unknown_field_is_400(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute?strict=true", json={**HELLO, "colour": "red"})

    assert (answer.status_code, answer.json()) == (400, {"detail": "colour: unknown field"})


# -------------------------------------------------------------------------------------- headers
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


def test_every_response_has_a_request_id(anonymous: httpx.Client) -> None:
    for path in ("/health", "/api/v1/executions", "/nothing"):
        assert anonymous.get(path).headers["X-Request-ID"]


def test_rate_limited_routes_carry_the_ratelimit_headers(http: httpx.Client) -> None:
    headers = http.post("/api/v1/execute", json=HELLO).headers

    assert int(headers["RateLimit-Limit"]) > int(headers["RateLimit-Remaining"]) >= 0
    assert 0 <= int(headers["RateLimit-Reset"]) <= 60


# ------------------------------------------------------------------------------- POST /execute
def test_the_response_has_the_seven_original_fields_and_the_added_ones(http: httpx.Client) -> None:
    body = http.post("/api/v1/execute", json=HELLO).json()

    assert set(body) == ORIGINAL_FIELDS | ADDED_FIELDS
    assert set(body["usage"]) == {"cpu_seconds", "max_memory_bytes"}


def test_output_files_are_returned_when_requested(execute: Execute) -> None:
    body = execute('open("a.txt", "w").write("x")', output_files=["*.txt"])

    assert [file["path"] for file in body["files"]] == ["a.txt"]


def test_execution_time_excludes_compilation_and_start(http: httpx.Client) -> None:
    began = time.monotonic()
    body = http.post("/api/v1/execute", json={"code": "int main() {}", "language": "cpp"}).json()

    assert body["execution_time"] < (time.monotonic() - began) / 4


def test_args_and_files_reach_the_program(execute: Execute) -> None:
    content = base64.b64encode(b"\x00\xff").decode()
    code = 'import sys\nprint(sys.argv[1:], open("d/a.bin", "rb").read(), open("b").read())'

    body = execute(
        code,
        args=["one", "two words"],
        files=[{"path": "d/a.bin", "content_base64": content}, {"path": "b", "content": "é"}],
    )

    assert body["stdout"] == "['one', 'two words'] b'\\x00\\xff' é\n"


def test_a_program_killed_by_a_signal_exits_with_128_plus_its_number(execute: Execute) -> None:
    assert execute("kill -TERM $$", "bash")["exit_code"] == 128 + 15


def test_a_program_killed_for_memory_is_200_with_exit_code_137(execute: Execute) -> None:
    body = execute('x = "a" * (1 << 31)')

    assert (body["exit_code"], body["reason"]) == (137, "OutOfMemory")


def test_a_timeout_response_has_all_known_fields_of_the_result(http: httpx.Client) -> None:
    code = 'print("before", flush=True)\nwhile True: pass'

    body = http.post("/api/v1/execute", json={**HELLO, "code": code, "timeout": 1}).json()

    assert set(body) >= ORIGINAL_FIELDS
    assert body["stdout"] == "before\n"


def test_a_syntax_error_response_has_the_output_printed_before(http: httpx.Client) -> None:
    request = {"code": "echo before\nif true; then", "language": "bash"}

    answer = http.post("/api/v1/execute", json=request)

    assert answer.status_code == 400
    assert answer.json()["stdout"] == "before\n"
    assert {"execution_id", "stdout", "stderr", "exit_code"} <= set(answer.json())


def test_an_execution_cancelled_while_its_client_waits_is_409(http: httpx.Client) -> None:
    session = f"t-{uuid.uuid4()}"
    request = {"code": "import time; time.sleep(60)", "language": "python", "session_id": session}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(http.post, "/api/v1/execute", json=request)
        name = until(
            lambda: next(
                (
                    e["execution_id"]
                    for e in http.get("/api/v1/executions", params={"session_id": session}).json()[
                        "executions"
                    ]
                    if e["status"] == "running"
                ),
                None,
            ),
            "the execution to run",
            30,
        )
        http.delete(f"/api/v1/executions/{name}")
        answer = waiting.result()

    assert (answer.status_code, answer.json()["detail"]) == (409, "Execution cancelled")


def test_a_client_that_disconnects_cancels_its_execution(
    installation: Installation, http: httpx.Client
) -> None:
    session = f"t-{uuid.uuid4()}"
    request = {"code": "import time; time.sleep(60)", "language": "python", "session_id": session}
    with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=installation.url) as impatient:
        impatient.post(
            "/api/v1/execute",
            json=request,
            headers={"X-API-Key": installation.key},
            timeout=httpx.Timeout(3),
        )

    def state() -> str | None:
        found = http.get("/api/v1/executions", params={"session_id": session}).json()["executions"]
        return found[0]["status"] if found else None

    until(lambda: state() == "cancelled", "the execution to be cancelled", 15)


def test_an_idempotency_key_returns_the_same_execution(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    request = {"code": "import time; print(time.time_ns())", "language": "python"}

    first, second = (http.post("/api/v1/execute", json=request, headers=headers) for _ in range(2))
    third = http.post("/api/v1/execute", json={**request, "args": ["x"]}, headers=headers)

    assert first.json() == second.json()
    assert third.status_code == 409


def test_a_purged_record_is_404_and_its_idempotency_key_is_410(
    http: httpx.Client,
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    name = http.post("/api/v1/execute", json=HELLO, headers=headers).json()["execution_id"]

    purged = http.delete(f"/api/v1/executions/{name}", params={"purge": "true"})
    again = http.post("/api/v1/execute", json=HELLO, headers=headers)

    assert (purged.status_code, again.status_code) == (200, 410)
    assert http.get(f"/api/v1/executions/{name}").status_code == 404


def test_a_record_with_ttl_zero_is_removed_once_it_is_answered(
    http: httpx.Client,
) -> None:
    answer = http.post("/api/v1/execute", json={**HELLO, "ttl_seconds": 0})
    path = f"/api/v1/executions/{answer.json()['execution_id']}"

    assert answer.json()["stdout"] == "hello\n"
    until(lambda: http.get(path).status_code == 404, "the record to be removed", 15)


# ------------------------------------------------------------------------------------- siblings
def test_an_asynchronous_execution_is_202_and_pending(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute/async", json=HELLO)

    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "pending"
    assert {"execution_id", "created_at"} <= set(body)


def test_status_reports_state_times_and_result(http: httpx.Client) -> None:
    body = ended(http, started(http))

    assert body["status"] == "completed"
    times = [body[name] for name in ("created_at", "started_at", "completed_at")]
    assert sorted(times, key=datetime.fromisoformat) == times
    assert set(body["result"]) >= ORIGINAL_FIELDS
    assert body["result"]["stdout"] == "hello\n"


def test_the_execution_of_another_tenant_is_404(http: httpx.Client, other: httpx.Client) -> None:
    name = started(http)

    for path in ("execute/status/{}", "executions/{}", "executions/{}/events"):
        answer = other.get(f"/api/v1/{path.format(name)}")
        assert (answer.status_code, answer.json()["detail"]) == (404, f"Execution {name} not found")
    assert other.delete(f"/api/v1/executions/{name}").status_code == 404


def test_a_batch_is_answered_in_order_and_a_failed_item_does_not_fail_the_others(
    http: httpx.Client,
) -> None:
    batch = [
        HELLO,
        {"code": "print(", "language": "python"},
        {"code": "x"},
        {**HELLO, "code": "print(2)"},
    ]

    answer = http.post("/api/v1/execute/batch", json=batch)

    assert answer.status_code == 200, answer.text
    results = answer.json()
    assert [r["exit_code"] for r in results] == [0, -1, -1, 0]
    assert [r["stdout"] for r in results] == ["hello\n", "", "", "2\n"]
    assert results[1]["error"].startswith("Invalid code syntax: ")
    assert results[2]["error"] == "language: is required"


def test_a_batch_of_eleven_is_400(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute/batch", json=[HELLO] * 11)

    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "Maximum 10 executions allowed in a batch",
    )


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


def test_session_clean_up_cancels_and_removes_only_the_keys_own_executions(
    http: httpx.Client, other: httpx.Client
) -> None:
    session = f"t-{uuid.uuid4()}"
    ended(http, started(http, session_id=session))
    runs = started(http, session_id=session, code="import time; time.sleep(60)")
    theirs = started(other, session_id=session)

    answer = http.delete(f"/api/v1/execute/session/{session}")

    assert answer.json() == {"message": f"Session {session} cleaned up"}

    def gone() -> bool:
        return http.get(f"/api/v1/executions/{runs}").status_code == 404

    until(gone, "the execution to be removed", 10)
    assert other.get(f"/api/v1/executions/{theirs}").status_code == 200


def test_executions_are_listed_newest_first_with_a_cursor(http: httpx.Client) -> None:
    session = f"t-{uuid.uuid4()}"
    names = []
    for _ in range(3):
        names.append(started(http, session_id=session))
        ended(http, names[-1])

    seen, cursor = [], None
    while True:
        params: dict[str, str | int] = {"session_id": session, "limit": 2}
        if cursor:
            params["cursor"] = cursor
        page = http.get("/api/v1/executions", params=params).json()
        seen += [e["execution_id"] for e in page["executions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(names)
    assert seen[0] == names[-1]


def stream_of(http: httpx.Client, name: str, last: str | None = None) -> Iterator[dict[str, Any]]:
    """Events as they come, to the end, each with its id and its kind."""
    headers = {"Last-Event-ID": last} if last else {}
    with http.stream("GET", f"/api/v1/executions/{name}/events", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            if not line and event:
                yield event
                event = {}
            elif ": " in line and not line.startswith(":"):  # which is a comment
                name_, value = line.split(": ", 1)
                event[name_] = json.loads(value) if name_ == "data" else value


def events_of(http: httpx.Client, name: str, last: str | None = None) -> list[dict[str, Any]]:
    """All events to the end."""
    return list(stream_of(http, name, last))


CHATTY = """
import sys, time
print("one", flush=True)
time.sleep(2)
print("two", file=sys.stderr, flush=True)
"""


def test_events_are_sent_live_and_in_order(http: httpx.Client) -> None:
    name = started(http, code=CHATTY + "time.sleep(60)", timeout=80)
    events = stream_of(http, name)
    found = [next(events) for _ in range(3)]

    assert [e["event"] for e in found] == ["started", "stdout", "stderr"]
    assert [e["data"].get("data") for e in found[1:]] == ["one\n", "two\n"]
    assert http.delete(f"/api/v1/executions/{name}").status_code == 200
    (last,) = events
    assert last["event"] == "exit"
    assert last["data"]["result"]["reason"] == "Cancelled"


def test_events_of_a_running_execution_begin_at_its_first_byte(http: httpx.Client) -> None:
    name = started(http, code=CHATTY.replace("sleep(2)", "sleep(8)"))
    until(
        lambda: http.get(f"/api/v1/executions/{name}").json()["status"] == "running",
        "the execution to start",
        30,
    )

    found = events_of(http, name)

    assert [e["data"].get("data") for e in found[1:3]] == ["one\n", "two\n"]


def test_events_of_an_ended_execution_are_replayed(http: httpx.Client) -> None:
    name = started(http, code=CHATTY.replace("sleep(2)", "sleep(0)"))
    ended(http, name)

    found = events_of(http, name)

    assert [e["event"] for e in found] == ["started", "stdout", "stderr", "exit"]
    assert all(e["data"]["replayed"] for e in found[1:3])
    rest = events_of(http, name, last=found[1]["id"])
    assert [e["event"] for e in rest] == ["stderr", "exit"]


def test_deleting_an_execution_cancels_it_and_keeps_its_record(http: httpx.Client) -> None:
    name = started(http, code="import time; time.sleep(60)")

    assert http.delete(f"/api/v1/executions/{name}").status_code == 200

    assert ended(http, name)["status"] == "cancelled"


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


# ------------------------------------------------------------------------------------- sessions
def test_a_stateful_session_keeps_its_files_between_executions(http: httpx.Client) -> None:
    answer = http.post("/api/v1/sessions", json={"language": "python"})
    assert answer.status_code == 201, answer.text
    session = answer.json()["session_id"]
    assert {"session_id", "language", "expires_at"} <= set(answer.json())
    run: Callable[[str], Any] = lambda code: http.post(  # noqa: E731  said once
        "/api/v1/execute", json={"code": code, "language": "python", "session_id": session}
    ).json()

    run('open("kept", "w").write("so")')

    assert run('print(open("kept").read())')["stdout"] == "so\n"
    wrong = http.post(
        "/api/v1/execute", json={"code": "echo", "language": "bash", "session_id": session}
    )
    assert wrong.status_code == 400
    assert http.delete(f"/api/v1/sessions/{session}").status_code in {200, 204}
    assert http.get(f"/api/v1/sessions/{session}").status_code == 404


def test_an_unknown_session_is_404(http: httpx.Client, other: httpx.Client) -> None:
    assert http.get("/api/v1/sessions/ses-nothing").status_code == 404
    mine = http.post("/api/v1/sessions", json={"language": "bash"}).json()["session_id"]
    assert other.get(f"/api/v1/sessions/{mine}").status_code == 404
    http.delete(f"/api/v1/sessions/{mine}")


# --------------------------------------------------------------------------------- keys, limits
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


def test_256_kib_of_output_are_kept_and_the_rest_is_counted(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    body = execute('print("x" * 300_000, end="")')

    assert (len(body["stdout"]), body["stdout_truncated"], body["exit_code"]) == (
        256 * KIB,
        True,
        0,
    )
    status = kubectl.json("get", "sbx", body["execution_id"], "-n", SANDBOXES)["status"]
    assert status["stdoutBytes"] == 300_000


def test_at_most_256_kib_of_output_files_are_returned(execute: Execute) -> None:
    code = 'open("a", "w").write("x" * 262144)\nopen("b", "w").write("y")'

    body = execute(code, output_files=["a", "b"])

    sizes = [len(base64.b64decode(file["content_base64"])) for file in body["files"]]
    assert 0 < sum(sizes) <= 256 * KIB
    assert body["files_truncated"]


PLOT = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
frame = pd.DataFrame({"x": np.arange(10), "y": np.arange(10) ** 2})
frame.plot(x="x", y="y")
plt.savefig("plot.png")
"""


def test_a_plot_saved_by_matplotlib_is_returned(execute: Execute) -> None:
    body = execute(PLOT, output_files=["*.png"], timeout=60)

    assert (body["exit_code"], body["stderr"]) == (0, "")
    (file,) = body["files"]
    assert base64.b64decode(file["content_base64"]).startswith(b"\x89PNG")

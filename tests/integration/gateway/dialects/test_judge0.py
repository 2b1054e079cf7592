"""Submissions of Judge0's API, from their creation to their result."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest

from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import METADATA_BYTES

if TYPE_CHECKING:
    import httpx
    from support.fixtures.gateway import Gateway

HELLO = {"language_id": 71, "source_code": 'print("Hello, World!")\nprint(2 + 2)'}
PATH = "/submissions"
ACCEPTED = {"id": 3, "description": "Accepted"}


async def created(dialects: Gateway, body: dict[str, Any] = HELLO, path: str = PATH) -> str:
    answer = await dialects.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    assert list(answer.json()) == ["token"]
    token: str = answer.json()["token"]
    return token


async def waited(
    dialects: Gateway, body: dict[str, Any], query: str = "", /, **status: Any
) -> httpx.Response:
    """POST a submission that waits, end its execution with this status, and return the answer."""
    asked = asyncio.create_task(dialects.http.post(f"{PATH}?wait=true{query}", json=body))
    execution = await dialects.cluster.pending()
    await dialects.cluster.end(execution["metadata"]["name"], **status)
    return await asked


async def shown(dialects: Gateway, token: str, query: str = "") -> Any:
    answer = await dialects.http.get(f"{PATH}/{token}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_submission_is_an_execution_whose_result_can_be_read(dialects: Gateway) -> None:
    token = await created(dialects)
    stored = await dialects.cluster.read(token)
    assert stored["spec"]["code"] == HELLO["source_code"]
    assert (stored["spec"]["language"], stored["spec"]["tenant"]) == ("python", "acme")
    assert stored["spec"]["timeoutSeconds"] == 10
    assert (await shown(dialects, token))["status"] == {"id": 1, "description": "In Queue"}
    await dialects.cluster.end(token)
    dialects.context.reads.forget(token)
    assert await shown(dialects, token) == {
        "token": token,
        "time": "0.03",
        "memory": 8789,
        "stdout": "Hello, World!\n4\n",
        "stderr": None,
        "compile_output": None,
        "message": None,
        "status": ACCEPTED,
    }


async def test_the_annotation_of_a_submission_fits_into_what_is_counted_for_metadata(
    dialects: Gateway,
) -> None:
    body = {
        **HELLO,
        "expected_output": "x" * 600,
        "cpu_time_limit": 1.25, "cpu_extra_time": 1.25, "wall_time_limit": 2.5,
        "memory_limit": 512000, "stack_limit": 64000, "max_processes_and_or_threads": 60,
        "max_file_size": 1024, "number_of_runs": 1, "redirect_stderr_to_stdout": True,
    }  # fmt: skip
    token = await created(dialects, body)
    await dialects.cluster.end(token)
    stored = await dialects.cluster.read(token)
    known = object_bytes(stored["spec"]) + object_bytes(stored["status"])
    assert object_bytes(stored) - known <= METADATA_BYTES
    assert (await shown(dialects, token, "fields=expected_output,status_id")) == {
        "expected_output": "x" * 600, "status_id": 4,
    }  # fmt: skip


async def test_a_submission_that_waits_is_answered_with_its_result(dialects: Gateway) -> None:
    answer = await waited(dialects, {**HELLO, "expected_output": "Hello, World!\n4"})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["stdout"], found["status"]) == ("Hello, World!\n4\n", ACCEPTED)
    assert await shown(dialects, found["token"]) == found


async def test_a_submission_that_waits_can_have_all_fields(dialects: Gateway) -> None:
    answer = await waited(dialects, {**HELLO, "stdin": "1"}, "&fields=*")
    found = answer.json()
    assert (found["source_code"], found["stdin"]) == (HELLO["source_code"], "1")
    assert found["language"] == {"id": 71, "name": "Python"}
    assert found["finished_at"] == "2026-01-01T00:00:01.080Z"
    assert await shown(dialects, found["token"], "fields=*") == found


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"stdout": "other"}, {"id": 4, "description": "Wrong Answer"}),
        ({"exitCode": 3}, {"id": 11, "description": "Runtime Error (NZEC)"}),
        (
            {"reason": "Signaled", "exitCode": 139},
            {"id": 7, "description": "Runtime Error (SIGSEGV)"},
        ),
        (
            {"phase": "TimedOut", "reason": "DeadlineExceeded", "exitCode": 137},
            {"id": 5, "description": "Time Limit Exceeded"},
        ),
        ({"phase": "Error", "reason": "NodeLost"}, {"id": 13, "description": "Internal Error"}),
    ],
)
async def test_every_end_is_a_status_and_never_an_error(
    dialects: Gateway, status: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = await waited(dialects, {**HELLO, "expected_output": "Hello, World!\n4"}, **status)
    assert (answer.status_code, answer.json()["status"]) == (201, expected)


async def test_a_submission_that_waited_too_long_in_the_queue_can_be_sent_again(
    dialects: Gateway,
) -> None:
    answer = await waited(dialects, HELLO, phase="Error", reason="QueueTimeout")
    assert (answer.status_code, answer.json()) == (503, {"error": "queue is full"})
    assert answer.headers["Retry-After"] == "5"


async def test_texts_can_be_in_base64(dialects: Gateway) -> None:
    body = {
        "language_id": "71",
        "source_code": base64.encodebytes("print('ä')".encode()).decode(),
        "expected_output": base64.b64encode("ä\n".encode()).decode(),
    }
    answer = await waited(dialects, body, "&base64_encoded=true", stdout="ä\n")
    found = answer.json()
    assert (found["stdout"], found["status"]) == ("w6QK", ACCEPTED)
    assert await shown(dialects, found["token"], "base64_encoded=true&fields=source_code") == {
        "source_code": base64.b64encode("print('ä')".encode()).decode()
    }
    assert (await shown(dialects, found["token"], "fields=stdout")) == {"stdout": "ä\n"}


async def test_a_submission_can_be_a_form_or_a_query(dialects: Gateway) -> None:
    fields = {"language_id": "46", "source_code": "echo ä & echo 2", "stdin": ""}
    files = {name: (None, value) for name, value in fields.items()}
    answers = [
        await dialects.http.post(PATH, data=fields),
        await dialects.http.post(PATH, files=files),
        await dialects.http.post(PATH, params=fields),
        await dialects.http.post(PATH, params={"language_id": "1"}, json=fields),
    ]
    for answer in answers:
        assert answer.status_code == 201, answer.text
        stored = await dialects.cluster.read(answer.json()["token"])
        assert (stored["spec"]["language"], stored["spec"]["code"]) == ("bash", "echo ä & echo 2")
        await dialects.cluster.end(answer.json()["token"])


async def test_the_same_routes_are_below_a_prefix(dialects: Gateway) -> None:
    token = await created(dialects, path="/judge0/submissions/")
    await dialects.cluster.end(token)
    answer = await dialects.http.get(f"/judge0/submissions/{token}?fields=status_id")
    assert answer.json() == {"status_id": 3}
    assert (await dialects.http.get("/judge0")).content == b""


async def test_a_batch_has_a_token_or_the_mistakes_of_each_submission(dialects: Gateway) -> None:
    wrong: list[Any] = [{**HELLO, "language_id": 1000}, {"language_id": 71}, 5]
    items = [HELLO, *wrong, {**HELLO, "language_id": 46}]
    answer = await dialects.http.post(f"{PATH}/batch", json={"submissions": items})
    assert answer.status_code == 201
    first, *mistakes, last = answer.json()
    assert mistakes == [
        {"language_id": ["language with id 1000 doesn't exist"]},
        {"source_code": ["can't be blank"]},
        {"language_id": ["can't be blank"], "source_code": ["can't be blank"]},
    ]
    for one in (first, last):
        await dialects.cluster.end(one["token"])
    tokens = ",".join((last["token"], "nothing", first["token"]))
    for asked in ({"params": {"tokens": tokens}}, {"headers": {"tokens": tokens}}):
        found = (await dialects.http.get(f"{PATH}/batch", **asked)).json()  # type: ignore[arg-type]
        assert [one and one["token"] for one in found["submissions"]] == [
            last["token"], None, first["token"],
        ]  # fmt: skip
        assert found["submissions"][0]["status"] == ACCEPTED


async def test_a_batch_without_a_valid_submission_is_not_created(dialects: Gateway) -> None:
    answer = await dialects.http.post(f"{PATH}/batch", json={"submissions": [{}, {}]})
    assert answer.status_code == 422
    assert len(answer.json()) == 2


async def test_each_submission_of_a_batch_is_charged(dialects: Gateway) -> None:
    items = [{**HELLO, "source_code": f"print({number})"} for number in range(20)]
    before = await dialects.http.post(PATH, json={})
    answer = await dialects.http.post(f"{PATH}/batch", json={"submissions": items})
    assert answer.status_code == 201
    remaining = [int(one.headers["RateLimit-Remaining"]) for one in (before, answer)]
    assert remaining[0] - remaining[1] == 20
    tokens = [one["token"] for one in answer.json()]
    codes = [(await dialects.cluster.read(token))["spec"]["code"] for token in tokens]
    assert codes == [item["source_code"] for item in items]
    before = await dialects.http.get("/languages")
    found = await dialects.http.get(f"{PATH}/batch", params={"tokens": ",".join(tokens)})
    assert [one["token"] for one in found.json()["submissions"]] == tokens
    remaining = [int(one.headers["RateLimit-Remaining"]) for one in (before, found)]
    assert remaining[0] - remaining[1] == 20
    for token in tokens:
        await dialects.cluster.end(token)


async def test_a_submission_belongs_to_its_tenant(dialects: Gateway) -> None:
    token = await created(dialects)
    await dialects.cluster.end(token)
    other = {"X-API-Key": dialects.cluster.keys["other"]}
    answer = await dialects.http.get(f"{PATH}/{token}", headers=other)
    assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Not Found"})
    answer = await dialects.http.get(f"{PATH}/batch?tokens={token}", headers=other)
    assert answer.json() == {"submissions": [None]}


async def test_an_execution_of_another_api_is_not_a_submission(dialects: Gateway) -> None:
    name = await dialects.start()
    await dialects.cluster.end(name)
    assert (await dialects.http.get(f"{PATH}/{name}")).status_code == 404
    answer = await dialects.http.get(f"{PATH}/batch?tokens={name}")
    assert answer.json() == {"submissions": [None]}


async def test_a_submission_is_an_execution_of_the_own_api_too(dialects: Gateway) -> None:
    token = await created(dialects)
    await dialects.cluster.end(token)
    found = (await dialects.http.get(f"/api/v1/executions/{token}")).json()
    assert found["result"]["stdout"] == "Hello, World!\n4\n"


async def test_a_large_submission_is_decoded_in_a_thread_and_stored_apart(
    dialects: Gateway,
) -> None:
    code = "#" * 200_000 + "\nprint(1)"
    body = {"language_id": 71, "source_code": base64.b64encode(code.encode()).decode()}
    answer = await waited(dialects, body, "&base64_encoded=true&fields=source_code,status_id")
    assert answer.json() == {"source_code": None, "status_id": 3}

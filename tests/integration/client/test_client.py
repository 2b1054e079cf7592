"""Both clients against a real gateway: what they send is accepted, what they read is understood."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support.data.names import ROOT
from support.fixtures.gateway import Gateway

from cloche_client import AsyncClient, Client, Program, Result, errors
from cloche_client.events import Exit, Stdout
from cloche_client.settings import Settings

HELLO = "Hello, World!\n4\n"


async def end(gateway: Gateway, **status: Any) -> str:
    """End the only execution that runs, and return its id."""
    name: str = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.end(name, **status)
    return name


async def test_both_clients_return_the_result_of_a_program(
    gateway: Gateway, client: Client, aclient: AsyncClient
) -> None:
    for call in (
        asyncio.to_thread(client.run, "print(1)", stdin="in", args=["a"], files={"f": b"\xff"}),
        aclient.run("print(1)", stdin="in", args=["a"], files={"f": b"\xff"}),
    ):
        task = asyncio.create_task(call)
        name = await end(gateway)
        result: Result = await task
        assert (result.execution_id, result.stdout, result.exit_code) == (name, HELLO, 0)
        assert result.ok
        assert result.usage is not None
        assert result.usage.cpu_seconds == 0.03
        spec = (await gateway.cluster.read(name))["spec"]
        assert (spec["stdin"], spec["args"]) == ("in", ["a"])
        assert spec["files"][0]["contentBase64"] == "/w=="


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"reason": "InvalidSyntax", "exitCode": 1}, errors.InvalidSyntaxError),
        ({"phase": "TimedOut", "reason": "DeadlineExceeded"}, errors.DeadlineExceededError),
        ({"phase": "Error", "reason": "NodeLost"}, errors.ExecutionFailedError),
        ({"phase": "Cancelled", "reason": "Cancelled"}, errors.ExecutionCancelledError),
    ],
)
async def test_the_end_of_an_execution_has_the_same_exception_for_run_and_for_wait(
    status: dict[str, Any], kind: type[errors.AnswerError], gateway: Gateway, client: Client
) -> None:
    task = asyncio.create_task(asyncio.to_thread(client.run, "x"))
    name = await end(gateway, **status)
    with pytest.raises(kind) as ran:
        await task
    with pytest.raises(kind) as waited:
        await asyncio.to_thread(client.execution(name).wait)
    assert type(ran.value) is type(waited.value)
    assert ran.value.detail == waited.value.detail
    assert ran.value.execution_id == name


async def test_mistakes_in_a_request_are_named(client: Client) -> None:
    with pytest.raises(errors.InvalidRequestError, match="timeout: must be between"):
        await asyncio.to_thread(client.run, "x", timeout=1000)
    with pytest.raises(errors.InvalidRequestError, match="Unsupported language: x"):
        await asyncio.to_thread(client.run, "x", "x")
    with pytest.raises(errors.TooLargeError, match="code: must be at most"):
        await asyncio.to_thread(client.run, "#" * 300_000)
    with pytest.raises(errors.NotFoundError):
        await asyncio.to_thread(client.execution("../x").state)


async def test_a_wrong_key_is_an_authentication_error(gateway: Gateway) -> None:
    with (
        Client(settings=Settings(gateway.url, "clk_wrong")) as wrong,
        pytest.raises(errors.AuthenticationError, match=r"Invalid API key\. Set CLOCHE_API_KEY"),
    ):
        await asyncio.to_thread(wrong.run, "x")


async def test_a_stream_ends_with_the_exit_of_the_program(
    gateway: Gateway, client: Client, aclient: AsyncClient
) -> None:
    task = asyncio.create_task(asyncio.to_thread(lambda: list(client.stream("x"))))
    await end(gateway, exitCode=3)
    events = await task
    assert Stdout(HELLO, replayed=True) in events
    assert isinstance(events[-1], Exit)
    assert (events[-1].exit_code, events[-1].reason) == (3, "Exited")
    execution = aclient.execution(events[-1].state.execution_id)
    assert [event async for event in execution.events()] == events


async def test_an_execution_can_be_started_followed_cancelled_and_removed(
    gateway: Gateway, aclient: AsyncClient
) -> None:
    execution = await aclient.submit("x", "bash")
    assert (await execution.state()).status == "pending"
    with pytest.raises(errors.WaitTimeoutError):
        await execution.wait(0.5)
    with pytest.raises(errors.ConflictError):
        await execution.remove()
    await execution.cancel()
    await end(gateway, phase="Cancelled", reason="Cancelled")
    with pytest.raises(errors.ExecutionCancelledError):
        await execution.wait()
    await execution.remove()
    with pytest.raises(errors.NotFoundError):
        await execution.state()
    await execution.remove()


async def test_executions_are_listed_page_by_page(gateway: Gateway, client: Client) -> None:
    for _ in range(3):
        await gateway.start()
    found = await asyncio.to_thread(lambda: list(client.executions(limit=2)))
    assert [one.status for one in found] == ["pending"] * 2
    assert len(await asyncio.to_thread(lambda: list(client.executions(status="pending")))) == 3
    assert await asyncio.to_thread(lambda: list(client.executions(language="bash"))) == []


async def test_a_batch_has_results_and_exceptions_in_order(
    gateway: Gateway, aclient: AsyncClient
) -> None:
    task = asyncio.create_task(
        aclient.batch([Program(code="x", timeout=1000), Program(code="print(1)")])
    )
    await end(gateway)
    wrong, fine = await task
    assert isinstance(wrong, errors.InvalidRequestError)
    assert isinstance(fine, Result)
    assert fine.stdout == HELLO


async def test_languages_are_listed_and_described(client: Client) -> None:
    assert set(await asyncio.to_thread(client.languages)) == {"python", "javascript", "bash"}
    found = await asyncio.to_thread(client.language, "py")
    assert (found.language, found.aliases) == ("python", ("py", "python3"))
    with pytest.raises(errors.NotFoundError, match="Unsupported language"):
        await asyncio.to_thread(client.language, "c#")


async def command(settings: Settings, *words: str, **options: Any) -> asyncio.subprocess.Process:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "client"),
        "CLOCHE_URL": settings.url,
        "CLOCHE_API_KEY": settings.api_key or "",
    }
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cloche_client", *words, env=environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, **options,
    )  # fmt: skip


async def test_the_command_exits_as_the_program(gateway: Gateway, settings: Settings) -> None:
    process = await command(settings, "run", "-c", "print(1)", "--", "-x", "--", "a b")
    name = await end(gateway, exitCode=7, stderr="oh\n")
    out, err = await process.communicate()
    assert (out.decode(), err.decode(), process.returncode) == (HELLO, "oh\n", 7)
    assert (await gateway.cluster.read(name))["spec"]["args"] == ["-x", "--", "a b"]


@pytest.mark.parametrize(
    ("status", "code", "note"),
    [
        ({"phase": "TimedOut", "reason": "DeadlineExceeded"}, 124, "exceeded its timeout"),
        ({"phase": "Error", "reason": "NodeLost"}, 125, "the node of its Pod was lost"),
        ({"phase": "Error", "reason": "QueueTimeout"}, 122, "Service busy"),
        ({"phase": "Cancelled", "reason": "Cancelled"}, 125, "Execution cancelled"),
        ({"reason": "OutOfMemory", "exitCode": 137}, 137, "ran out of memory"),
        ({"reason": "InvalidSyntax", "exitCode": 1}, 1, "cannot be parsed or compiled"),
        ({"stdoutTruncated": True}, 0, "the standard output is incomplete"),
    ],
)
async def test_the_end_of_a_program_decides_the_exit_code(
    status: dict[str, Any], code: int, note: str, gateway: Gateway, settings: Settings
) -> None:
    process = await command(settings, "run", "-c", "print(1)")
    await end(gateway, **status)
    _, err = await process.communicate()
    assert note in err.decode()
    assert process.returncode == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_an_interrupted_command_cancels_the_execution(
    number: signal.Signals, code: int, gateway: Gateway, settings: Settings
) -> None:
    process = await command(settings, "run", "-c", "print(1)")
    name = (await gateway.cluster.pending())["metadata"]["name"]
    # It reads the events, so that its own request has been answered.
    await gateway.until(lambda: gateway.connections == 1, "the connection")
    await asyncio.sleep(0.3)
    process.send_signal(number)
    _, err = await process.communicate()
    assert (process.returncode, err) == (code, b"")
    assert (await gateway.cluster.read(name))["spec"].get("cancel") is True


async def test_output_files_are_written_and_nothing_outside(
    gateway: Gateway, settings: Settings, tmp_path: Path
) -> None:
    process = await command(
        settings, "run", "-c", "x", "--output-file", "**", "--output-dir", "out", cwd=tmp_path
    )
    await end(gateway, files=[
        {"path": "a/b.txt", "contentBase64": "Yg=="},
        {"path": "../up.txt", "contentBase64": "Yg=="},
    ])  # fmt: skip
    _, err = await process.communicate()
    assert (tmp_path / "out" / "a" / "b.txt").read_text() == "b"
    assert "'../up.txt' is not written" in err.decode()
    names = sorted(path.name for path in tmp_path.rglob("*"))  # noqa: ASYNC240  nothing else runs
    assert names == ["a", "b.txt", "out"]
    assert process.returncode == 125


async def test_lists_can_be_printed_in_each_format(gateway: Gateway, settings: Settings) -> None:
    name = await gateway.start()
    outputs = {}
    for form in ("table", "json", "yaml", "raw"):
        process = await command(settings, "ps", "-o", form)
        outputs[form] = (await process.communicate())[0].decode()
        assert process.returncode == 0
    assert outputs["table"].split()[:2] == ["EXECUTION", "LANGUAGE"]
    assert name in outputs["table"]
    assert f'"execution_id": "{name}"' in outputs["json"]
    assert (
        f'execution_id: "{name}"' in outputs["yaml"] or f"execution_id: {name}" in outputs["yaml"]
    )
    assert outputs["raw"].startswith(f'{{"execution_id": "{name}"')

"""Everything that the Python client does, as a user's program. Prints `done` at its end."""

import asyncio
import contextlib
import sys

from cloche_client import (
    AsyncClient,
    Client,
    DeadlineExceededError,
    ExecutionCancelledError,
    Exit,
    InvalidSyntaxError,
    NotFoundError,
    Program,
    ProgramFailedError,
    Result,
    ResultShown,
    Started,
    Stderr,
    Stdout,
)

WRITE_BOTH = "import sys\nprint('out')\nsys.stdout.flush()\nsys.stderr.write('err')\nsys.exit(3)"


def blocking() -> None:  # noqa: PLR0915  one step after the other
    """Use `Client`."""
    with Client() as client:
        result = client.run("print(2 + 2)", "python")
        assert (result.stdout, result.exit_code, result.ok) == ("4\n", 0, True), result
        assert result.execution_time is not None

        read = "import sys; print(sys.argv[1:], sys.stdin.read(), open('d/in.txt').read())"
        result = client.run(read, args=["a b"], stdin="x", files={"d/in.txt": "é"})
        assert result.stdout == "['a b'] x é\n", result

        result = client.run("open('out.bin', 'wb').write(b'\\xff')", output_files=["*.bin"])
        assert result.file("out.bin") == b"\xff"

        events = list(client.stream(WRITE_BOTH))
        assert isinstance(events[0], Started), events
        texts = "".join(one.text for one in events if isinstance(one, Stdout))
        errors = "".join(one.text for one in events if isinstance(one, Stderr))
        assert (texts, errors) == ("out\n", "err"), events
        assert isinstance(events[-1], Exit), events
        assert events[-1].exit_code == 3, events

        execution = client.submit("import time; time.sleep(0.2); print('late')")
        assert execution.wait().stdout == "late\n"
        assert execution.id in {one.execution_id for one in client.executions(limit=20)}
        execution.remove()
        try:
            execution.state()
        except NotFoundError:
            pass
        else:
            raise AssertionError("the record is still there")

        execution = client.submit("while True: pass", timeout=60)
        execution.cancel()
        try:
            execution.wait()
        except ExecutionCancelledError:
            pass
        else:
            raise AssertionError("it was not cancelled")

        fine, wrong = client.batch([Program(code="print(1)"), Program(code="print(", timeout=5)])
        assert isinstance(fine, Result), fine
        assert isinstance(wrong, InvalidSyntaxError), wrong

        with client.session("python") as session:
            session.run("open('n.txt', 'w').write('1')", check=True)
            session.upload({"up/load.txt": "2"})
            code = "print(open('n.txt').read(), open('up/load.txt').read())"
            assert session.run(code).stdout == "1 2\n"
            (file,) = session.download(["up/*"])
            assert (file.path, file.content) == ("up/load.txt", b"2"), file
            assert session.state().language == "python"
        try:
            session.state()
        except NotFoundError:
            pass
        else:
            raise AssertionError("the session has not ended")

        assert "python" in client.languages()
        assert "py" in client.language("python").aliases


def cells() -> None:
    """Use a session that keeps its interpreter."""
    with Client() as client, client.session("python", stateful="interpreter") as session:
        session.run("x = 20")
        (shown,) = session.run("x + 1").results
        assert (shown.kind, shown.text) == ("result", "21"), shown
        events = [one for one in session.stream("x") if isinstance(one, ResultShown)]
        assert [one.shown.text for one in events] == ["20"], events
        plot = "import matplotlib.pyplot as p\np.plot([1, 2])\np.show()"
        (shown,) = session.run(plot).results
        assert shown.image().startswith(b"\x89PNG")

        failed = session.run("1 / 0")
        assert failed.error is not None
        assert (failed.exit_code, failed.error.name) == (1, "ZeroDivisionError"), failed
        assert "1 / 0" in failed.error.traceback
        ended = session.run("import os\nos._exit(3)")
        assert (ended.exit_code, ended.state_lost) == (3, True), ended
        session.run("x = 1")
        session.restart()
        error = session.run("x").error
        assert error is not None
        assert error.name == "NameError", error
        assert session.info.stateful == "interpreter"


def raises() -> None:
    """Let programs fail."""
    with Client() as client:
        for code, kind, fields in (
            ("print(", InvalidSyntaxError, {}),
            (
                "print('so far', flush=True)\nwhile True: pass",
                DeadlineExceededError,
                {"timeout": 1},
            ),
            ("raise SystemExit(5)", ProgramFailedError, {"check": True}),
        ):
            raised: ProgramFailedError | None = None
            try:
                client.run(code, **fields)
            except kind as error:
                raised = error
            assert raised is not None, kind
            assert raised.result is not None
            if kind is DeadlineExceededError:
                assert raised.result.stdout == "so far\n"


async def first_of(client: AsyncClient, session: str) -> str:
    """Return the id of a session's first execution once it exists."""
    async with asyncio.timeout(60):
        while True:
            async for one in client.executions(session_id=session):
                return one.execution_id
            await asyncio.sleep(0.2)


async def asynchronous() -> None:
    """Use `AsyncClient`."""
    async with AsyncClient() as client:
        results = await asyncio.gather(*(client.run(f"print({n})") for n in range(5)))
        assert [one.stdout for one in results] == [f"{n}\n" for n in range(5)], results
        texts = [e.text async for e in client.stream("print('a')") if isinstance(e, Stdout)]
        assert "".join(texts) == "a\n", texts
        async with client.session("bash") as session:
            await session.upload({"a.txt": b"1"})
            assert (await session.run("cat a.txt")).stdout == "1"
        async with client.session("python") as session:
            task = asyncio.create_task(session.run("while True: pass", timeout=100))
            name = await first_of(client, session.id)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            try:
                await client.execution(name).wait(30)
            except ExecutionCancelledError:
                pass
            else:
                raise AssertionError("the cancelled task's program goes on")


blocking()
cells()
raises()
asyncio.run(asynchronous())
sys.stdout.write("done\n")

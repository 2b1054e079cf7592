"""`python bench/round_trips.py`: round trips of programs, plain and pre-started, as a table.

A hello world in each language next to one in Bash, Python programs that import large packages, and
cells of a session that keeps its interpreter. The variants of a row take turns, and before each
request the pools are full and the cluster is otherwise idle.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import interrupts
from access.client import SESSION, take_precedence
from access.installation import Installation, installation
from access.languages import hello, pool, prestarts
from figures.run import Figures
from figures.stats import Summary, summary
from plan import opened
from progress import BenchError, say
from report import printed
from rows import write
from world import Sizes

from cloche_api import meta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from access.client import Answer
    from world import World

_BASH = "bash"
_POOL = 2
_PLAIN = {"CLOCHE_BENCH": "plain"}
"""A variable that a waiting process may not be given any more, so that the program is started as
without one. It changes nothing else."""
_NUMPY = "import numpy\nprint(numpy.arange(4).sum())\n"
_PANDAS = "import pandas\nprint(pandas.DataFrame({'a': [1, 2, 3]}).a.sum())\n"
_PLOT = """\
import matplotlib.pyplot as plt
import numpy
import pandas
frame = pandas.DataFrame({"x": numpy.arange(50)})
frame["y"] = frame.x ** 2
plt.plot(frame.x, frame.y)
plt.savefig("plot.png")
print(frame.y.sum())
"""
_HEAD = (
    "| program | n | p50, ms | p90 | p99 | API writes | plain p50, ms | ÷ plain | ÷ bash |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Program:
    """A program, and the output that shows that it ran."""

    title: str
    language: str
    code: str
    stdout: str


_IMPORTS = (
    Program("import numpy", "python", _NUMPY, "6\n"),
    Program("import pandas", "python", _PANDAS, "6\n"),
    Program("pandas and a plot", "python", _PLOT, "40425\n"),
)


@dataclass
class Line:
    """A row of the table, in milliseconds."""

    title: str
    values: list[float] = field(default_factory=list)
    """With a waiting process, if the installation has one for the language."""
    plain: list[float] = field(default_factory=list)
    """Without it; empty if the installation has none."""
    bash: list[float] = field(default_factory=list)
    """A hello world in Bash, in turns with the others; empty if it is not compared."""

    def markdown(self, one_write: float) -> str:
        """Return the row. What was not measured is `-`."""
        of = summary(self.values)
        return (
            f"| {self.title} | {of.n} | {of.p50:.1f} | {of.p90:.1f} | {of.p99:.1f} "
            f"| {of.p50 / one_write:.1f} | {_p50(self.plain)} | {_ratio(of, self.plain)} "
            f"| {_ratio(of, self.bash)} |"
        )


def _p50(values: Sequence[float]) -> str:
    return f"{summary(values).p50:.1f}" if values else "-"


def _ratio(of: Summary, to: Sequence[float]) -> str:
    return f"{of.p50 / summary(to).p50:.2f}" if to else "-"


class Bench:
    """The measurements of one run."""

    def __init__(self, world: World, times: int, one_write: Callable[[], Awaitable[None]]) -> None:
        self._world = world
        self._times = times
        self._one_write = one_write

    async def program(self, one: Program, *, bash: Program | None, waits: bool) -> Line:
        """Measure a program, plain too if processes wait for it, in turns with one in Bash.

        Raises:
            BenchError: it has another result.
        """
        line = Line(one.title)
        cluster = self._world.cluster
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(pool(cluster, one.language, _POOL))
            if bash is not None and one.language != _BASH:
                await stack.enter_async_context(pool(cluster, _BASH, _POOL))
            for _ in range(self._times):
                await self._one_write()
                line.values.append(await self._round_trip(one))
                if waits:
                    line.plain.append(await self._round_trip(one, environment=_PLAIN))
                if bash is not None:
                    line.bash.append(await self._round_trip(bash))
        return line

    async def cells(self) -> list[Line]:
        """Measure a cell, and a program in the same kind of session. Empty without such sessions.

        Raises:
            BenchError: a cell has another result.
        """
        lines = []
        for title, asked, first, code, stdout in (
            ("a cell `x + 1`", {"stateful": "interpreter"}, "x = 1", "x + 1", ""),
            ("a program in a session", {}, "", "print(1 + 1)", "2\n"),
        ):
            line = Line(title)
            async with self._session(asked) as session:
                if session is None:
                    say("the installation has no sessions that keep their interpreter")
                    continue
                await self._in_session(session, first, "")
                if first:
                    await self._in_session(session, "print(x)", "1\n")
                for _ in range(self._times):
                    await self._one_write()
                    line.values.append(await self._in_session(session, code, stdout))
            lines.append(line)
        return lines

    async def _round_trip(self, one: Program, **fields: Any) -> float:
        await self._world.cluster.quiet()
        answer = await self._world.client.execute(one.language, one.stdout, code=one.code, **fields)
        return _milliseconds(answer, one.title)

    async def _in_session(self, session: str, code: str, stdout: str) -> float:
        client = self._world.client
        answer = await client.execute("python", stdout, code=code, session_id=session)
        return _milliseconds(answer, code)

    @contextlib.asynccontextmanager
    async def _session(self, asked: dict[str, str]) -> AsyncIterator[str | None]:
        """Provide a session; None if the installation ignores what was asked for."""
        client = self._world.client
        made = await client.request("POST", "/api/v1/sessions", {"language": "python"} | asked)
        name: str = made["session_id"]
        known = all(made.get(field) == value for field, value in asked.items())
        try:
            yield name if known else None
        finally:
            await client.request("DELETE", f"/api/v1/sessions/{name}")
            await client.request("DELETE", f"/api/v1/execute/session/{name}")


def _milliseconds(answer: Answer, what: str) -> float:
    if answer.failure is not None:
        raise BenchError(f"{what}: {answer.failure}")
    return 1000 * answer.seconds


async def _run(to: Installation, only: set[str], times: int) -> list[str]:
    figures = Figures(0)
    lines: list[Line] = []
    async with opened(to, figures, Sizes()) as world, write.writes(world) as one_write:
        found = (await world.cluster.rest.call("GET", world.cluster.runtimes))["items"]
        runtimes = {one["metadata"]["name"]: one for one in found if _is_own(one)}
        programs = [_hello(one) for one in runtimes.values()]
        bash = next((one for one in programs if one.language == _BASH), None)
        bench = Bench(world, times, one_write)
        try:
            for one in (*programs, *_IMPORTS):
                if one.language not in runtimes or (only and one.language not in only):
                    continue
                say(one.title)
                compared = bash if one in programs and one != bash else None
                waits = prestarts(runtimes[one.language])
                lines.append(await bench.program(one, bash=compared, waits=waits))
            if "python" in runtimes and (not only or "python" in only):
                say("cells")
                lines += await bench.cells()
        finally:
            selector = f"{meta.LABEL_SESSION}={SESSION}"
            await world.cluster.remove_all(world.cluster.executions, selector)
    if not lines:
        raise BenchError(f"None of these languages is installed: {', '.join(sorted(only))}.")
    unit = summary(figures["write"].values).p50
    return [*(line.markdown(unit) for line in lines), f"\none API write: p50 {unit:.1f} ms"]


def _is_own(runtime: dict[str, Any]) -> bool:
    """Return whether a runtime is one of this checkout, not one that an administrator added."""
    try:
        hello(runtime)
    except FileNotFoundError:
        return False
    return True


def _hello(runtime: dict[str, Any]) -> Program:
    name, example = runtime["metadata"]["name"], hello(runtime)
    return Program(f"hello, {name}", name, example.code, example.stdout)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="round_trips", description=__doc__)
    parser.add_argument("language", nargs="*", help="only these languages")
    parser.add_argument(
        "--times", type=int, default=20, help="requests of each variant (default %(default)s)"
    )
    given = parser.parse_args()
    take_precedence()
    interrupts.arm()
    return printed(
        lambda: [_HEAD, *interrupts.run(_run(installation(), set(given.language), given.times))]
    )


if __name__ == "__main__":
    sys.exit(main())

"""`python bench/etcd.py`: measure the size of etcd's database while keys write at their limits.

Three keys of three tenants send executions with the maximum input and output, each at the default
rate; a fourth runs a small program each second. The API server's metrics give the database's size
(`apiserver_storage_size_bytes`, which is etcd's `etcd_mvcc_db_total_size_in_bytes`).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import uvloop
from access.client import take_precedence
from access.installation import ROOT, installation
from access.server import SYSTEM
from figures.files import RESULTS, UNKEPT, about
from figures.stats import summary
from progress import BenchError, say

from cloche_api.keys import SECRET_NAME, new_key
from cloche_api.limits import MIB
from cloche_kube.client import MERGE_PATCH, Rest
from cloche_kube.errors import KubeError, NoClusterError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from access.installation import Installation

_OFFENDERS = 3
_SECONDS_APART = 60 / 100  # the default rate
_MOST = 1.6 * 1024 * MIB
_LOOK_SECONDS = 5.0
_DEADLINE_SECONDS = 60.0
_KEYS = f"/api/v1/namespaces/{SYSTEM}/secrets/{SECRET_NAME}"
_WHOLE_MINUTES = 15
_SIZE = re.compile(rb"^apiserver_storage_size_bytes\{[^}]*\} (\S+)$", re.MULTILINE)
_CODE = (
    "import sys\n"
    "sys.stdout.write('x' * 262144)\n"
    "sys.stderr.write('y' * 262144)\n"
    "open('o', 'w').write('z' * 100000)\n#"
)
_FLOOD = {
    "language": "python",
    "code": _CODE + "#" * (250_000 - len(_CODE)),
    "stdin": "i" * 250_000,
    "files": [{"path": "f", "content": "f" * 190_000}],
    "output_files": ["o"],
}
"""690 KB of input and 655 KB of output."""
_HELLO = {"language": "python", "code": "print(1)"}


@dataclass
class Seen:
    """The observed responses and database sizes."""

    offenders: list[Counter[str]] = field(default_factory=list)
    """Each key's responses by HTTP status."""
    refusals: set[str] = field(default_factory=set)
    """The details of the 429 responses to the writing keys."""
    modest: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    """Response times of the small programs."""
    sizes: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, and bytes."""

    def faults(self) -> list[str]:
        """Return the violated expectations."""
        most = max(size for _, size in self.sizes)
        found = []
        if most >= _MOST:
            found.append(
                f"the database grew to {most / MIB:.0f} MiB; the limit is {_MOST / MIB:.0f} MiB"
            )
        if set(self.modest) != {"200"}:
            found.append(
                f"the small programs got the responses {dict(self.modest)}, expected only 200"
            )
        if not any("bytes" in words for words in self.refusals):
            found.append(f"no request was refused because of its bytes: {sorted(self.refusals)}")
        return found


class Flood:
    """The keys, and what they send until `end`."""

    def __init__(self, session: aiohttp.ClientSession, rest: Rest, end: float) -> None:
        self._session = session
        self._rest = rest
        self._end = end
        self._under_way: set[asyncio.Task[None]] = set()
        self.seen = Seen()

    async def run(self, keys: list[str]) -> Seen:
        """Send all requests, and return what was observed.

        Raises:
            BenchError: the database's size is not available.
        """
        *offenders, modest = keys
        self.seen.offenders = [Counter() for _ in offenders]
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            group.create_task(self._modest(modest))
            for key, answers in zip(offenders, self.seen.offenders, strict=True):
                group.create_task(self._offend(key, answers))
        await asyncio.gather(*self._under_way)
        if not self.seen.sizes:
            raise BenchError("The API server does not report apiserver_storage_size_bytes.")
        return self.seen

    async def _offend(self, key: str, answers: Counter[str]) -> None:
        data = json.dumps(_FLOOD).encode()
        while time.monotonic() < self._end:
            task = asyncio.create_task(self._send(key, data, answers))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(_SECONDS_APART)

    async def _send(self, key: str, data: bytes, answers: Counter[str]) -> None:
        status, body, _ = await self._post("/api/v1/execute/async", key, data)
        answers[status] += 1
        if status == "429":
            self.seen.refusals.add(re.sub(r"\d+", "N", json.loads(body)["detail"]))

    async def _modest(self, key: str) -> None:
        data = json.dumps(_HELLO).encode()
        while time.monotonic() < self._end:
            status, _, seconds = await self._post("/api/v1/execute", key, data)
            self.seen.modest[status] += 1
            self.seen.milliseconds += [1000 * seconds] if status == "200" else []
            await asyncio.sleep(1)

    async def _post(self, path: str, key: str, data: bytes) -> tuple[str, bytes, float]:
        """Return a request's HTTP status (or its failure's name), body and duration in seconds."""
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        began = time.monotonic()
        try:
            async with self._session.post(path, data=data, headers=headers) as answer:
                return str(answer.status), await answer.read(), time.monotonic() - began
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__, b"", time.monotonic() - began

    async def _look(self) -> None:
        minute = -1
        while time.monotonic() < self._end:
            size, since = await _database_bytes(self._rest), time.monotonic() - self._began
            if size is not None:
                self.seen.sizes.append((since, size))
            if size is not None and int(since // 60) > minute:
                minute = int(since // 60)
                answers = ", ".join(str(dict(of)) for of in self.seen.offenders)
                say(f"{size / MIB:.0f} MiB; {answers}; small programs {dict(self.seen.modest)}")
            await asyncio.sleep(_LOOK_SECONDS)


async def _database_bytes(rest: Rest) -> float | None:
    """Return the size of etcd's database file in bytes, including unused space.

    None if the API server or etcd is too busy to answer.
    """
    try:
        async with rest.stream("/metrics", {}) as body:
            found = _SIZE.findall(await body.read())
    except KubeError:
        return None
    return max(map(float, found), default=None)


@asynccontextmanager
async def _keys(rest: Rest) -> AsyncIterator[list[str]]:
    """Create the keys, each with a separate tenant and the installation's limits."""
    names = [f"bench-etcd-{number}" for number in range(_OFFENDERS + 1)]
    made = {name: new_key(name) for name in names}
    data: dict[str, str | None] = {
        name: base64.b64encode(record.model_dump_json(by_alias=True).encode()).decode()
        for name, (_, record) in made.items()
    }
    await _write_keys(rest, data)
    try:
        yield [text for text, _ in made.values()]
    finally:
        await _write_keys(rest, dict.fromkeys(names))


async def _write_keys(rest: Rest, data: dict[str, str | None]) -> None:
    await rest.call("PATCH", _KEYS, body={"data": data}, content_type=MERGE_PATCH)


async def _known(session: aiohttp.ClientSession, key: str) -> None:
    """Wait until the gateway accepts the key.

    Raises:
        BenchError: it does not accept the key in time.
    """
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        async with session.get("/api/v1/executions", headers={"X-API-Key": key}) as answer:
            if answer.status == 200:  # noqa: PLR2004  HTTP's OK
                return
        await asyncio.sleep(0.1)
    raise BenchError(
        f"The gateway did not accept a new key within {_DEADLINE_SECONDS:.0f} s: see its log."
    )


async def run(to: Installation, minutes: float) -> Seen:
    """Create the keys, and measure for this number of minutes."""
    rest = await Rest.connect(to.kubeconfig)
    try:
        timeout = aiohttp.ClientTimeout(total=400)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            _keys(rest) as keys,
            aiohttp.ClientSession(to.url, connector=connector, timeout=timeout) as session,
        ):
            await _known(session, keys[-1])
            return await Flood(session, rest, time.monotonic() + 60 * minutes).run(keys)
    finally:
        await rest.close()


def _lines(seen: Seen, minutes: float) -> list[str]:
    sizes = [size / MIB for _, size in seen.sizes]
    lines = [
        (
            f"etcd's database: {sizes[0]:.0f} MiB at the start, "
            f"at most {max(sizes):.0f} MiB within {minutes:g} minutes"
        ),
        *(f"key {n}, responses: {dict(of)}" for n, of in enumerate(seen.offenders, 1)),
        *(f"refused with 429: {words}" for words in sorted(seen.refusals)),
        f"small programs, responses: {dict(seen.modest)}",
    ]
    if seen.milliseconds:
        found = summary(seen.milliseconds)
        lines.append(f"small programs, ms: p50 {found.p50:.0f}, p99 {found.p99:.0f}")
    return lines


def _keep(seen: Seen, minutes: float, *, whole: bool) -> None:
    directory = RESULTS if whole else UNKEPT
    directory.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        "run": about(minutes),
        "offenders": [dict(of) for of in seen.offenders],
        "refusals": sorted(seen.refusals),
        "modest": dict(seen.modest),
        "sizes": [[round(since), int(size)] for since, size in seen.sizes],
    }
    path = directory / "etcd-flood.json"
    path.write_text(json.dumps(result) + "\n", encoding="utf-8")
    text = "\n".join(_lines(seen, minutes))
    (directory / "etcd-flood.txt").write_text(f"{text}\n", encoding="utf-8")
    say(f"all values are in {path.relative_to(ROOT)}")


def main() -> int:
    """Run the flood, print the results, and report violated expectations."""
    parser = argparse.ArgumentParser(prog="etcd", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=_WHOLE_MINUTES, help="duration (default %(default)s)"
    )
    given = parser.parse_args()
    take_precedence()
    try:
        seen = uvloop.run(run(installation(), given.minutes))
    except (BenchError, KubeError, NoClusterError, aiohttp.ClientError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    _keep(seen, given.minutes, whole=given.minutes >= _WHOLE_MINUTES)
    sys.stdout.write("\n".join(_lines(seen, given.minutes)) + "\n")
    faults = seen.faults()
    for fault in faults:
        sys.stderr.write(f"error: {fault}\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())

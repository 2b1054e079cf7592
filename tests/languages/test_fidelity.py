"""A program cannot see whether it was started as usual or in a process that waited for it.

Each language has two runtimes for the test, one of them without `prestart`. Their Pods are reused,
because single use would take ten times as long, and each reset starts the waiting processes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from support.clients.installation_api import InstallationApi, installation_api
from support.clients.kubectl import InstallationKubectl
from support.clients.node_processes import has
from support.data.names import SANDBOXES
from support.data.selected import selected_params
from support.deadline import until
from support.fixtures.installation import Installation

from languages.pairs import PLAIN, WAITING, Pair, pairs_of, rooms, visible

_FILLED_SECONDS = 90
_REPEATS = 3
_LOADED = """
import sys
before = {{*sys.modules, *sys.builtin_module_names}}
import {}
print(*{{name.partition(".")[0] for name in sys.modules}} - before)
"""
_NOT_FILES = ("_cython", "cython_runtime", "_sysconfigdata_")
"""Beginnings of names that depend on the architecture or on a compiler."""


class Runtime:
    """A runtime of the test with one Pod, and the answers to its programs."""

    def __init__(self, kubectl: InstallationKubectl, name: str, stages: set[str]) -> None:
        self._kubectl = kubectl
        self.name = name
        self._stages = stages
        self.answers: dict[Pair, dict[str, Any]] = {}
        self.prestarted: dict[Pair, bool | None] = {}
        """Whether a process had waited for each of `stages`. None if no such stage was started."""
        self._order: list[Pair] = []

    def run(self, http: httpx.Client, pairs: list[Pair], *, later: bool = False) -> None:
        """Run the programs one after the other.

        `later`: wait for a process before each, because it starts some time after the Pod waits.
        """
        until(lambda: self._kubectl.pool_is_full(self.name), f"{self.name}'s Pod", _FILLED_SECONDS)
        for pair in pairs:
            if later:
                until(self._has_process, f"the process of {self.name}", _FILLED_SECONDS)
            answer = http.post("/api/v1/execute", json=pair.request | {"language": self.name})
            assert answer.status_code in {httpx.codes.OK, httpx.codes.BAD_REQUEST}, answer.text
            self.answers[pair] = answer.json()
            self._order.append(pair)
        self.prestarted = dict(zip(self._order, self._logged(), strict=True))

    def run_in_processes(self, http: httpx.Client, pairs: list[Pair], *, later: bool) -> None:
        """Run the programs until each that fits a process has had one.

        A program that comes at the moment of a reset is started without one.
        """
        self.run(http, pairs, later=later)
        for _ in range(_REPEATS):
            if not (left := [one for one in pairs if one.fits and self.prestarted[one] is False]):
                break
            self.run(http, left)

    def _has_process(self) -> bool:
        """Return whether a process of Python waits."""
        labels = f"cloche.dev/runtime={self.name}"
        pods = self._kubectl.json("get", "pods", "-n", SANDBOXES, "-l", labels)["items"]
        uids = [pod["metadata"]["uid"] for pod in pods]
        return any(has(uid, b"main.py") for uid in uids)

    def _logged(self) -> list[bool | None]:
        """Return whether each of the programs had a process that waited, in their order."""
        labels = f"cloche.dev/runtime={self.name}"
        log = self._kubectl("logs", "-n", SANDBOXES, "-l", labels, "--tail=-1")
        events = [json.loads(line) for line in log.splitlines()]
        found: dict[str, bool | None] = {}
        # More than one Pod may have run them.
        for event in sorted(events, key=lambda event: event.get("time", 0.0)):
            if event["event"] == "started":
                found.setdefault(event["execution"], None)
                if event["stage"] in self._stages:
                    had = found[event["execution"]] is not False and event["prestarted"]
                    found[event["execution"]] = had
        return list(found.values())


class Runtimes:
    """The runtimes of the test by room and PLAIN or WAITING, whose programs have ended."""

    def __init__(
        self,
        where: InstallationApi,
        kubectl: InstallationKubectl,
        http: httpx.Client,
        pairs: list[Pair],
    ) -> None:
        self._where = where
        self._kubectl = kubectl
        self._http = http
        self._pairs = pairs
        self._found: dict[str, Future[dict[str, Runtime]]] = {}

    def __call__(self, room: str) -> dict[str, Runtime]:
        """Return those of a room. Its first call runs the programs, and its failure is kept."""
        if room not in self._found:
            found = self._found[room] = Future()
            try:
                found.set_result(self._run(room))
            except Exception as error:  # noqa: BLE001  raised for each test of the room
                found.set_exception(error)
        return self._found[room].result()

    def _run(self, room: str) -> dict[str, Runtime]:
        language, _, names = room.partition("-")
        spec = self._where.runtime_like(language, pool={"size": 1, "reuse": "SameTenant"})
        prestart = spec.pop("prestart")
        enabled = names.split("+") if names else prestart["enabled"]
        specs = {PLAIN: spec, WAITING: spec | {"prestart": prestart | {"enabled": enabled}}}
        processes = [one for one in prestart["processes"] if one["name"] in enabled]
        stages = {one.get("stage", "Run").lower() for one in processes}
        later = any("when" in one for one in processes)
        name = f"fidelity-{room.replace('+', '-')}"
        found = {how: Runtime(self._kubectl, f"{name}-{how}", stages) for how in specs}
        pairs = [pair for pair in self._pairs if pair.room == room]
        try:
            for how, runtime in found.items():
                self._where.make_runtime(runtime.name, specs[how])
            with ThreadPoolExecutor(len(found)) as pool:
                running = [
                    pool.submit(found[PLAIN].run, self._http, pairs),
                    pool.submit(found[WAITING].run_in_processes, self._http, pairs, later=later),
                ]
                for one in running:
                    one.result()
        finally:
            for runtime in found.values():
                self._where.remove_runtime(runtime.name)
        return found


@pytest.fixture(scope="module")
def runtimes(
    request: pytest.FixtureRequest,
    installation: Installation,
    kubectl: InstallationKubectl,
    http: httpx.Client,
) -> Iterator[Callable[[str], dict[str, Runtime]]]:
    with installation_api(installation) as where:
        yield Runtimes(where, kubectl, http, selected_params(request, "pair"))


@pytest.mark.parametrize("pair", [p for one in rooms() for p in pairs_of(one)], ids=str)
def test_a_program_ends_in_the_same_way_if_its_process_waited_for_it(
    pair: Pair, runtimes: Callable[[str], dict[str, Runtime]]
) -> None:
    found = runtimes(pair.room)

    plain, waiting = (visible(found[how].answers[pair]) for how in (PLAIN, WAITING))
    different = {name: both for name, both in pair.differs.items() if name in plain}
    assert {name: (plain[name], waiting[name]) for name in different} == {
        name: (both[PLAIN], both[WAITING]) for name, both in different.items()
    }
    assert {name: value for name, value in waiting.items() if name not in different} == {
        name: value for name, value in plain.items() if name not in different
    }
    assert (found[PLAIN].prestarted[pair] or False) is False
    assert found[WAITING].prestarted[pair] in {None, pair.fits}


def test_the_list_of_imported_modules_is_that_of_the_loaded_python(
    kubectl: InstallationKubectl, http: httpx.Client
) -> None:
    spec = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]
    [loaded] = [one for one in spec["prestart"]["processes"] if one["name"] == "loaded"]
    names = loaded["environment"]["CLOCHE_PRELOAD"].replace(" ", ", ")

    code = _LOADED.format(names)
    answer = http.post("/api/v1/execute", json={"language": "python", "code": code})

    found = {name for name in answer.json()["stdout"].split() if not name.startswith(_NOT_FILES)}
    assert found == set(loaded["modules"])

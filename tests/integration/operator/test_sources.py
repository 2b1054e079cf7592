"""The source of an execution is deleted after the execution has ended, in any way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.deadline import until
from support.planes import ControlPlane
from support.stage import BOUND_SECONDS, Stage

from cloche_api.resources import source
from cloche_kube.client import Rest
from cloche_operator.kube.api import Kube


def sources(at: Stage) -> str:
    return at.executions.replace("sandboxexecutions", "sandboxsources")


def submit(at: Stage, name: str, **spec: Any) -> str:
    """Create a source and then its execution, like the gateway. Return the source's path."""
    given = {"execution": name, "code": "print(1)"}
    made = source.manifest(source.name_for(name), "acme", "r-1", given)
    of = made["metadata"]["name"]
    at.server.create(sources(at), made)
    at.submit(name, code=None, source={"name": of, "bytes": 100}, **spec)
    return f"{sources(at)}/{of}"


def until_gone(at: Stage, path: str) -> None:
    until(lambda: at.server.find(path) is None, BOUND_SECONDS, "the source to be deleted")


def test_a_cancelled_execution_loses_its_source(shared: Stage) -> None:
    of = submit(shared, "cancelled")
    shared.claimed("cancelled")
    assert shared.server.find(of)
    shared.cancel("cancelled")
    assert shared.ended("cancelled")["reason"] == "Cancelled"
    until_gone(shared, of)


def test_a_refused_execution_loses_its_source(shared: Stage) -> None:
    of = submit(shared, "cobol", language="cobol")
    assert shared.ended("cobol")["reason"] == "UnknownLanguage"
    until_gone(shared, of)


@pytest.mark.parametrize("moment", ["waiting", "claimed"])
def test_a_deleted_execution_loses_its_source(alone: Stage, moment: str) -> None:
    if moment == "waiting":
        alone.set_node("64Gi", ready=False)
    running = alone.start()
    of = submit(alone, "deleted")
    if moment == "claimed":
        alone.claimed("deleted")
    else:
        until(
            lambda: running.metric("cloche_operator_queued_executions") == 1,
            BOUND_SECONDS,
            "it to wait",
        )
    alone.server.delete(f"{alone.executions}/deleted")
    until_gone(alone, of)


def test_what_another_operator_takes_up_keeps_its_source_until_the_end(alone: Stage) -> None:
    first = alone.start()
    of = submit(alone, "taken-up")
    before = alone.claimed("taken-up")["podUID"]
    first.kill()
    alone.start()
    until(
        lambda: alone.status("taken-up").get("podUID") not in (None, before),
        2 * BOUND_SECONDS,
        "another Pod: nothing was sent to the first",
    )
    assert alone.server.find(of)
    alone.cancel("taken-up")
    alone.ended("taken-up")
    until_gone(alone, of)


def test_an_execution_of_another_ones_source_leaves_it_there(alone: Stage) -> None:
    alone.start()
    of = submit(alone, "victim")
    alone.claimed("victim")
    stolen = of.rpartition("/")[2]
    alone.submit("thief", code=None, source={"name": stolen, "bytes": 100}, language="cobol")
    alone.ended("thief")
    alone.server.delete(f"{alone.executions}/thief")
    # Its deletion would come before that of an execution that ends later, so wait for that one.
    later = submit(alone, "later", language="cobol")
    alone.ended("later")
    until_gone(alone, later)
    assert alone.server.find(of)


def test_the_listing_tells_whose_sources_there_are(
    alone: Stage, control_plane: ControlPlane
) -> None:
    paths = [submit(alone, name) for name in ("one", "two")]

    async def listed() -> list[tuple[str, str, str]]:
        rest = await Rest.connect(str(control_plane.kubeconfig))
        try:
            kube = Kube(rest, alone.namespace)
            await kube.delete_source("none-01")
            return [found async for found in kube.sources()]
        finally:
            await rest.close()

    found = asyncio.run(listed())
    assert [(f"{sources(alone)}/{name}", of) for name, of, _ in found] == [
        (paths[0], "one"),
        (paths[1], "two"),
    ]
    made = [alone.server.get(path)["metadata"]["creationTimestamp"] for path in paths]
    assert [created for _, _, created in found] == made

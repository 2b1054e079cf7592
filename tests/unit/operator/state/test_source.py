"""The input of an execution while it waits, and an input in a separate object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api.accounting.budget import ByteBudget
from cloche_api.accounting.size import object_bytes
from cloche_api.resources.phases import Reason
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.model.execution import with_spec
from cloche_operator.model.status import EndedError
from cloche_operator.state.source import Source

ALL = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes"
PATH = f"{ALL}/sandboxexecutions/hello"
SOURCE = "hello-0123abcd"
GIVEN: dict[str, Any] = {"code": "print(1)", "stdin": "in", "args": ["a"]}


class ApiServer:
    """An API server with one execution or none. It counts the requests."""

    def __init__(
        self, obj: ExecutionDict | None, sources: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.obj = obj
        self.sources = sources or {}
        self.asked = 0
        self.calls: list[str] = []
        one = f"{ALL}/sandboxsources/{{name}}"
        self.routes = [web.get(PATH, self._get), web.get(one, self._source)]
        self.routes.append(web.delete(one, self._delete))

    async def _source(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.calls.append(f"read {name}")
        if name not in self.sources:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response({"spec": self.sources[name]})

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.calls.append(f"delete {name}")
        if self.sources.pop(name, None) is None:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response({})

    async def _get(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.obj is None:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response(self.obj)


async def test_an_input_is_read_again_only_after_it_was_dropped(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    execution_object["spec"] |= {"code": "x" * 1000, "stdin": "in", "files": []}
    execution, spec = with_spec(execution_object)
    assert (execution.spec.code, execution.spec.stdin) == (None, None)
    budget, server = ByteBudget(10 * execution.size), ApiServer(execution_object)
    async with (
        answering(server.routes, tmp_path) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        source = Source(ctx.kube, budget, execution, spec)
        assert (await source.read() is spec, server.asked) == (True, 0)
        source.drop_if_large()
        assert (await source.read() is spec, server.asked) == (True, 0)
        source.drop()
        source.drop()
        assert budget.used == 0
        assert (await source.read(), server.asked) == (spec, 1)
        assert budget.used == 8 * execution.size
        source.drop()
        assert budget.used == 0


async def test_an_input_over_the_memory_budget_is_not_kept(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    execution, spec = with_spec(execution_object)
    budget, server = ByteBudget(10 * execution.size), ApiServer(execution_object)
    async with (
        answering(server.routes, tmp_path) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        first = Source(ctx.kube, budget, execution, spec)
        second = Source(ctx.kube, budget, execution, spec)
        assert budget.used == 8 * execution.size
        await first.read()
        first.drop()
        await second.read()
        assert server.asked == 1


@pytest.mark.parametrize("now", ["gone", "another"])
async def test_an_execution_deleted_while_it_waits_ends_as_deleted(
    tmp_path: Path, execution_object: ExecutionDict, now: str
) -> None:
    execution, spec = with_spec(execution_object)
    other = execution_object | {"metadata": execution_object["metadata"] | {"uid": "another"}}
    budget, server = ByteBudget(1000), ApiServer(None if now == "gone" else other)
    async with (
        answering(server.routes, tmp_path) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        source = Source(ctx.kube, budget, execution, spec)
        source.drop()
        with pytest.raises(EndedError) as ended:
            await source.read()
        source.drop()
    assert ended.value.reason is Reason.DELETED
    assert budget.used == 0


def apart(obj: ExecutionDict, source: str = SOURCE, timeout: int = 30) -> ExecutionDict:
    """Return the execution with its input in a separate object."""
    obj["spec"] = {
        "language": "python",
        "source": {"name": source, "bytes": 20_000},
        "timeoutSeconds": timeout,
    }
    return obj


@asynccontextmanager
async def prepared(
    directory: Path, obj: ExecutionDict, server: ApiServer
) -> AsyncIterator[tuple[Source, ByteBudget]]:
    """Yield the source of this execution, and the budget that it is charged to."""
    execution, spec = with_spec(obj)
    budget = ByteBudget(1_000_000)
    async with (
        answering(server.routes, directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        yield Source(ctx.kube, budget, execution, spec), budget
        assert budget.used == 0


@pytest.mark.parametrize("patterns", [[], ["*.png"]])
async def test_a_separate_input_is_read_once_during_the_claim(
    tmp_path: Path, execution_object: ExecutionDict, patterns: list[str]
) -> None:
    obj = apart(execution_object, timeout=7)
    if patterns:
        obj["spec"]["outputFiles"] = patterns
    server = ApiServer(obj, {SOURCE: {"execution": "hello", **GIVEN}})
    async with prepared(tmp_path, obj, server) as (source, budget):
        assert (budget.used, server.calls) == (0, [])
        async with source.read_ahead():
            pass
        read = await source.read()
        assert server.calls == [f"read {SOURCE}"]
        # Patterns are not kept while it waits: an execution with patterns is read again too.
        assert server.asked == len(patterns)
        assert budget.used == 8 * (20_000 + object_bytes(obj["spec"]))
        source.drop()
    assert (read.code, read.stdin, read.args) == ("print(1)", "in", ["a"])
    assert (read.timeout_seconds, read.output_files or []) == (7, patterns)


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({}, "no longer exists; submit the program again."),
        ({SOURCE: {"execution": "hello"}}, "cannot be read: "),
        ({SOURCE: {"execution": "hello", "code": None}}, "cannot be read: "),
    ],
)
async def test_an_execution_without_its_source_ends_as_source_lost(
    tmp_path: Path, execution_object: ExecutionDict, sources: dict[str, Any], words: str
) -> None:
    server = ApiServer(apart(execution_object), sources)
    async with prepared(tmp_path, execution_object, server) as (source, _):
        async with source.read_ahead():
            pass
        with pytest.raises(EndedError, match=words) as ended:
            await source.read()
        source.drop()
    assert ended.value.reason is Reason.SOURCE_LOST


async def test_another_executions_source_is_neither_read_nor_deleted(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    """Policies reject such an execution. Without them, it gets nothing from another's source."""
    others = "hello-1-0123abcd"
    sources = {others: {"execution": "hello-1", **GIVEN}}
    server = ApiServer(apart(execution_object, source=others), sources)
    async with prepared(tmp_path, execution_object, server) as (source, _):
        with pytest.raises(EndedError, match="does not belong to this execution") as ended:
            await source.read()
        source.drop()
        await source.remove()
    assert ended.value.reason is Reason.SOURCE_LOST
    assert server.calls == []


async def test_deleting_a_source_that_is_already_gone_succeeds(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server = ApiServer(apart(execution_object), {SOURCE: {"execution": "hello", **GIVEN}})
    async with prepared(tmp_path, execution_object, server) as (source, _):
        await source.remove()
        await source.remove()
    assert server.calls == 2 * [f"delete {SOURCE}"]
    assert server.sources == {}


async def test_an_execution_with_its_own_input_deletes_no_source(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server = ApiServer(execution_object)
    async with prepared(tmp_path, execution_object, server) as (source, _):
        async with source.read_ahead():
            pass
        await source.remove()
        source.drop()
    assert (server.calls, server.asked) == ([], 0)


async def test_a_failed_claim_releases_the_memory_of_the_input(
    tmp_path: Path, execution_object: ExecutionDict
) -> None:
    server = ApiServer(apart(execution_object), {SOURCE: {"execution": "hello", **GIVEN}})
    async with prepared(tmp_path, execution_object, server) as (source, budget):

        async def claim() -> None:
            async with source.read_ahead():
                while not budget.used:  # noqa: ASYNC110  there is no event for it
                    await asyncio.sleep(0)
                raise EndedError(Reason.CANCELLED, "It was cancelled.")

        with pytest.raises(EndedError, match="It was cancelled"):
            await claim()
        source.drop()
        assert budget.used == 0
        assert (await source.read()).stdin == "in"
        source.drop()

"""What becomes of an execution's input while it waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.operator_parts import answering, operator_parts

from cloche_api.budget import ByteBudget
from cloche_api.phases import Reason
from cloche_operator.execution import with_spec
from cloche_operator.outcome import EndedError
from cloche_operator.source import Source

PATH = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxexecutions/hello"


class ApiServer:
    """An API server with one execution, or none. It counts how often it was asked."""

    def __init__(self, obj: dict[str, Any] | None) -> None:
        self.obj = obj
        self.asked = 0
        self.routes = [web.get(PATH, self._get)]

    async def _get(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.obj is None:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response(self.obj)


async def test_an_input_is_read_again_only_once_it_was_dropped(
    tmp_path: Path, execution_object: dict[str, Any]
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


async def test_an_input_for_which_there_is_no_memory_is_not_kept(
    tmp_path: Path, execution_object: dict[str, Any]
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
async def test_an_execution_that_is_deleted_while_it_waits(
    tmp_path: Path, execution_object: dict[str, Any], now: str
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

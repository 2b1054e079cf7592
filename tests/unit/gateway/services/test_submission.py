"""The creation of an execution's objects, against a server in place of the API server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp import web
from support.fixtures.operator.parts import answering

from cloche_gateway.errors import BusyError, FailedError
from cloche_gateway.services import submission
from cloche_kube.client import Rest

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_gateway.context import Context

PATH = "/apis/cloche.dev/v1/namespaces/n/sandboxexecutions"
OBJ: dict[str, Any] = {
    "kind": "SandboxExecution",
    "metadata": {"name": "a", "annotations": {}, "labels": {}},
}


def refusal(code: int, reason: str) -> web.Response:
    return web.json_response({"code": code, "reason": reason, "message": "no"}, status=code)


async def created(directory: Path, *answers: web.Response) -> submission.Stored:
    left = list(answers)

    async def handler(_: web.Request) -> web.Response:
        return left.pop(0)

    async with answering([web.post(PATH, handler)], directory) as kubeconfig:
        rest = await Rest.connect(str(kubeconfig))
        context = SimpleNamespace(kube=rest, settings=SimpleNamespace(api_timeout_seconds=5))
        try:
            return await submission.create(cast("Context", context), PATH, OBJ)
        finally:
            await rest.close()


async def test_a_create_during_an_update_of_a_quota_is_repeated(tmp_path: Path) -> None:
    done = web.json_response({"metadata": {"uid": "u"}}, status=201)
    stored = await created(tmp_path, refusal(409, "Conflict"), done)
    assert (stored.uid, stored.fresh) == ("u", True)


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [(403, "Forbidden", BusyError), (404, "NotFound", FailedError), (405, "", FailedError)],
)
async def test_a_create_that_is_refused_is_not_repeated(
    tmp_path: Path, code: int, reason: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await created(tmp_path, refusal(code, reason))

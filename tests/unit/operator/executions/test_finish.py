"""Recording an end. The source may be deleted only if the execution is over."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from aiohttp import web
from support.fixtures.operator.parts import answering, operator_parts

from cloche_api.resources.phases import Phase, Reason
from cloche_api.resources.typed_dicts import ExecutionStatusDict
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.executions.status_writes import record
from cloche_operator.model.execution import from_object, now
from cloche_operator.model.status import EndedError, terminal, without_exit

PATH = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxexecutions/hello"


class ApiServer:
    """An API server that answers the write with `answer`, and has the execution `found` or none."""

    def __init__(self, answer: int, found: ExecutionDict | None) -> None:
        self._answer = answer
        self._found = found
        self.deleted = False
        self.routes = [
            web.patch(f"{PATH}/status", self._patch),
            web.get(PATH, self._get),
            web.delete(PATH, self._delete),
        ]

    async def _patch(self, _: web.Request) -> web.Response:
        body = {"metadata": {"resourceVersion": "18"}, "message": "it is refused"}
        return web.json_response(body, status=self._answer)

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(self._found or {}, status=200 if self._found else 404)

    async def _delete(self, _: web.Request) -> web.Response:
        self.deleted = True
        return web.json_response({})


def elsewhere(obj: ExecutionDict, status: ExecutionStatusDict) -> ExecutionDict:
    """Return the execution as another operator has written it."""
    other = copy.deepcopy(obj)
    other["metadata"]["resourceVersion"] = "18"
    other["status"] = {**other["status"], **status}
    return other


@pytest.mark.parametrize(
    ("answer", "status", "over"),
    [
        (200, None, True),
        (404, None, True),
        (409, None, True),
        (413, None, True),
        (409, {"phase": "Running", "podUID": "of-another"}, False),
        (409, {"phase": "Completed", "podUID": "of-another"}, False),
        (422, {}, False),
    ],
    ids=["written", "gone", "gone since", "no room", "claimed by another", "ended", "refused"],
)
async def test_a_recorded_execution_is_over_unless_another_operator_has_claimed_it(
    tmp_path: Path,
    execution_object: ExecutionDict,
    answer: int,
    status: ExecutionStatusDict | None,
    *,
    over: bool,
) -> None:
    found = None if status is None else elsewhere(execution_object, status)
    server, execution = ApiServer(answer, found), from_object(execution_object)
    made = without_exit(None, EndedError(Reason.CANCELLED, "It was cancelled."))
    final = terminal(execution, made, None, now())
    assert final["phase"] == Phase.CANCELLED
    async with (
        answering(server.routes, tmp_path) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        assert await record(ctx, execution, final) is over
    assert server.deleted is (answer == 413)

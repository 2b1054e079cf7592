"""A call is repeated until the API server answers, and a refusal is an answer."""

from __future__ import annotations

import pytest

from cloche_kube import retry
from cloche_kube.errors import NotFoundError, UnavailableError
from cloche_kube.retry import retry_until_available


class Call:
    """Fails with these errors, one after the other, and then returns `done`."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def test_a_call_is_repeated_until_the_api_server_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "_DELAY_MIN", 0.001)
    call = Call(UnavailableError("away"), UnavailableError("still away"))
    assert await retry_until_available(call) == "done"


async def test_a_refused_call_is_not_repeated() -> None:
    call = Call(NotFoundError(404, "NotFound", "it is gone"), UnavailableError("not reached"))
    with pytest.raises(NotFoundError):
        await retry_until_available(call)
    assert len(call.errors) == 1

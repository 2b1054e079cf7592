from __future__ import annotations

import uuid

import pytest

from cloche_gateway.models import ExecuteRequest
from cloche_gateway.requests import idempotency


def test_the_name_of_a_keyed_execution_is_a_fixed_uuid_of_tenant_and_key() -> None:
    # With another value, a request that is retried after an upgrade would run a second time.
    assert idempotency.name("acme", "order-1") == idempotency.name("acme", "order-1")
    made = uuid.UUID(idempotency.name("acme", "order-1"))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert str(made) == "c4273902-6fc6-8740-a98b-0516cb58efdb"


@pytest.mark.parametrize(("tenant", "key"), [("acme", "order-2"), ("globex", "order-1")])
def test_another_tenant_or_key_has_another_name(tenant: str, key: str) -> None:
    assert idempotency.name(tenant, key) != idempotency.name("acme", "order-1")


def test_a_fingerprint_ignores_order_and_null() -> None:
    one = ExecuteRequest(code="1", language="python", environment={"A": "1", "B": "2"})
    two = ExecuteRequest(environment={"B": "2", "A": "1"}, language="python", code="1", stdin=None)
    assert idempotency.fingerprint(one) == idempotency.fingerprint(two)


@pytest.mark.parametrize("change", [{"code": "2"}, {"timeout": 30}, {"stdin": ""}])
def test_a_fingerprint_differs_for_each_different_request(change: dict[str, object]) -> None:
    fields = {"code": "1", "language": "python"}
    one, other = (ExecuteRequest.model_validate(f) for f in (fields, fields | change))
    assert idempotency.fingerprint(one) != idempotency.fingerprint(other)

"""The name and hash of a request with an Idempotency-Key, and the source of a large execution."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import uuid
from typing import Any

import pytest

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.meta import ANNOTATION_REQUEST_ID, LABEL_TENANT
from cloche_api.resources.source import is_name_for
from cloche_gateway.models import ExecuteRequest
from cloche_gateway.requests import manifest

NAME = "550e8400-e29b-41d4-a716-446655440000"
REST: dict[str, Any] = {
    "language": "python",
    "timeoutSeconds": 30,
    "tenant": "acme",
    "concurrency": {"group": "first", "limit": 10},
    "outputFiles": ["*.png"],
}
GIVEN: dict[str, Any] = {
    "code": "print(1)",
    "args": ["a"],
    "stdin": "in",
    "environment": {"A": "b"},
    "files": [{"path": "a", "content": "b"}],
}


def execution(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": NAME, "annotations": {ANNOTATION_REQUEST_ID: "r-1"}},
        "spec": {**REST, **GIVEN, **spec},
    }


def of_size(size: int) -> dict[str, Any]:
    """Return an execution whose input has this size in bytes."""
    spare = size - object_bytes({**GIVEN, "code": ""})
    made = execution(code="#" * spare)
    assert object_bytes({field: made["spec"][field] for field in GIVEN}) == size
    return made


def test_a_small_execution_keeps_its_input() -> None:
    obj = of_size(limits.SOURCE_BYTES)
    before = copy.deepcopy(obj)
    assert manifest.separated(obj) is None
    assert obj == before


def test_the_input_of_a_large_execution_is_moved_into_a_source() -> None:
    obj = of_size(limits.SOURCE_BYTES + 1)
    given = {field: obj["spec"][field] for field in GIVEN}
    source = manifest.separated(obj)
    assert source is not None
    name = source["metadata"]["name"]
    assert is_name_for(name, NAME)
    assert source["metadata"]["labels"] == {LABEL_TENANT: "acme"}
    assert source["metadata"]["annotations"] == {ANNOTATION_REQUEST_ID: "r-1"}
    assert source["spec"] == {"execution": NAME, "tenant": "acme", **given}
    size = object_bytes(source["spec"])
    assert obj["spec"] == {**REST, "source": {"name": name, "bytes": size}}


def test_two_requests_never_share_a_source() -> None:
    """This also holds if both have one Idempotency-Key, and so one execution."""
    sources = [manifest.separated(of_size(limits.SOURCE_BYTES + 1)) for _ in range(2)]
    names = {source["metadata"]["name"] for source in sources if source}
    assert len(names) == 2


def test_a_source_has_only_the_given_fields() -> None:
    obj = execution(code="#" * limits.SOURCE_BYTES)
    for field in ("args", "stdin", "environment", "files"):
        del obj["spec"][field]
    source = manifest.separated(obj)
    assert source is not None
    assert source["spec"].keys() == {"execution", "tenant", "code"}


@pytest.mark.parametrize("language", ["c", "python"])
def test_a_source_is_never_larger_than_the_limit_of_an_execution(language: str) -> None:
    """The gateway checks only the size of the execution, before it separates the source."""
    obj = execution(language=language, timeoutSeconds=1, tenant="a")
    obj["spec"]["concurrency"] = {"group": "a", "limit": 1}
    del obj["spec"]["outputFiles"]
    obj["spec"]["stdin"] = "#" * (limits.SPEC_BYTES - object_bytes({**obj["spec"], "stdin": ""}))
    assert object_bytes(obj["spec"]) == limits.SPEC_BYTES
    source = manifest.separated(obj)
    assert source is not None
    assert object_bytes(source["spec"]) <= limits.SPEC_BYTES


def test_the_name_of_a_keyed_execution_is_a_fixed_uuid_of_tenant_and_key() -> None:
    # With another value, a request that is retried after an upgrade would run a second time.
    assert manifest.name_for("acme", "order-1") == manifest.name_for("acme", "order-1")
    made = uuid.UUID(manifest.name_for("acme", "order-1"))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert str(made) == "c4273902-6fc6-8740-a98b-0516cb58efdb"


@pytest.mark.parametrize(("tenant", "key"), [("acme", "order-2"), ("globex", "order-1")])
def test_another_tenant_or_key_has_another_name(tenant: str, key: str) -> None:
    assert manifest.name_for(tenant, key) != manifest.name_for("acme", "order-1")


def test_a_fingerprint_ignores_order_and_null() -> None:
    one = ExecuteRequest(code="1", language="python", environment={"A": "1", "B": "2"})
    two = ExecuteRequest(environment={"B": "2", "A": "1"}, language="python", code="1", stdin=None)
    assert manifest.fingerprint(one) == manifest.fingerprint(two)


def test_the_fingerprint_of_a_request_is_that_of_earlier_versions() -> None:
    fields = {"code": "1", "language": "python", "timeout": 30}
    expected = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    for seconds in (30, 30.0):
        request = ExecuteRequest.model_validate({**fields, "timeout": seconds})
        assert manifest.fingerprint(request) == expected


@pytest.mark.parametrize("change", [{"code": "2"}, {"timeout": 30}, {"stdin": ""}])
def test_a_fingerprint_differs_for_each_different_request(change: dict[str, object]) -> None:
    fields = {"code": "1", "language": "python"}
    one, other = (ExecuteRequest.model_validate(f) for f in (fields, fields | change))
    assert manifest.fingerprint(one) != manifest.fingerprint(other)


def test_two_session_ids_never_have_the_same_label() -> None:
    ids = ["a", "a ", "A", "user:1", "user:2", "", "sha256-", "sha256-x"]
    ids += [manifest.session_label(one) for one in ids]
    labels = {manifest.session_label(one) for one in ids}
    assert len(labels) == len(set(ids))
    assert all(re.fullmatch(limits.LABEL_VALUE, label) for label in labels)


def test_the_label_of_a_session_id_is_the_same_at_each_gateway() -> None:
    digest = hashlib.sha256(b"user:42/chat").hexdigest()
    assert manifest.session_label("user:42/chat") == f"sha256-{digest[:56]}"
    assert manifest.session_label("course-1") == "course-1"

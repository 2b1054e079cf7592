from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.resources.execution import ExecutionSpec
from cloche_gateway.cluster.keys import Caller
from cloche_gateway.cluster.languages import Amounts, Language
from cloche_gateway.errors import InvalidRequestError, TooLargeError
from cloche_gateway.requests import body, manifest, validation

MIB = limits.MIB
PYTHON = Language(
    name="python",
    aliases=("py",),
    file_name="main.py",
    image="cloche/runtime-python:dev",
    version="3.13",
    defaults=Amounts(Decimal(1), 512 * MIB, 100 * MIB),
    maximum=Amounts(Decimal(2), 2048 * MIB, 1024 * MIB),
)
CALLER = Caller("key", "acme", 100, 50, 3000, 500)


def spec(**fields: Any) -> dict[str, Any]:
    """Return the spec of the execution for a request, after the gateway's validation."""
    raw = json.dumps({"code": "", "language": "python", **fields}).encode()
    request = body.execute_request(raw)
    validation.check(request, PYTHON)
    made = manifest.execution("name", request, PYTHON, CALLER, "request")
    return dict(made["spec"])


def test_a_minimal_request_gets_the_default_spec() -> None:
    assert spec(code="x") == {
        "language": "python",
        "code": "x",
        "timeoutSeconds": 30,
        "tenant": "acme",
        "concurrency": {"group": "key", "limit": 50},
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "x" * limits.CODE_BYTES},
        {"stdin": "é" * (limits.STDIN_BYTES // 2)},
        {"environment": {"A": "x" * (limits.ENVIRONMENT_BYTES - 1)}},
        {"environment": {f"A{n}": "" for n in range(limits.ENVIRONMENT_ENTRIES)}},
        {"args": ["x" * limits.ARGS_BYTES]},
        {"args": [""] * limits.ARGS_ENTRIES},
        {"files": [{"path": "f", "content": "x" * limits.FILES_BYTES}]},
        {"files": [{"path": f"{n}", "content": ""} for n in range(limits.FILES_ENTRIES)]},
        {"files": [{"path": "a/" * 126 + "abc", "content": ""}]},
        {"files": [{"path": "a/b", "content": ""}, {"path": "a/c", "content": ""}]},
        {"files": [{"path": "a", "content": ""}, {"path": "ab", "content": ""}]},
        {"files": [{"path": "..a", "content": ""}, {"path": ".tmpx", "content": ""}]},
        {"session_id": "a" * 63},
        {"timeout": 1},
        {"timeout": 300.0},
        {"resources": {"cpu": 2, "memory_mb": 2048, "disk_mb": 1024}},
        {"resources": {"cpu": 0.01, "memory_mb": 32, "disk_mb": 1}},
        {"output_files": ["**/*.png", "[a-z]?.txt"]},
    ],
)
def test_a_field_at_its_limit_is_valid_for_gateway_and_resource(fields: dict[str, Any]) -> None:
    made = spec(**fields)
    ExecutionSpec.model_validate(made)
    assert object_bytes(made) <= limits.SPEC_BYTES


@pytest.mark.parametrize(
    ("asked", "amounts"),
    [
        ({"cpu": 0.1}, {"cpu": "100m"}),
        ({"cpu": 1.2345}, {"cpu": "1234m"}),
        ({"memory_mb": 100}, {"memory": "100Mi"}),
        ({"memory_mb": 99}, {"memory": "99Mi", "disk": "99Mi"}),
        ({"memory_mb": 99, "disk_mb": 5}, {"memory": "99Mi", "disk": "5Mi"}),
        ({"disk_mb": 512}, {"disk": "512Mi"}),
    ],
)
def test_requested_amounts_become_quantities(
    asked: dict[str, Any], amounts: dict[str, str]
) -> None:
    assert spec(resources=asked)["resources"] == amounts


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({"disk_mb": 513}, "resources.disk_mb: must be at most memory_mb (512)"),
        ({"disk_mb": 64, "memory_mb": 63}, "resources.disk_mb: must be at most memory_mb (63)"),
        ({"cpu": 0.009}, "resources.cpu: must be between 0.01 and 2"),
        ({"cpu": 2.0001}, "resources.cpu: must be between 0.01 and 2"),
        ({"cpu": 1e308}, "resources.cpu: must be between 0.01 and 2"),
        ({"memory_mb": 31}, "resources.memory_mb: must be between 32 and 2048"),
    ],
)
def test_an_amount_out_of_bounds_is_rejected(asked: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        spec(resources=asked)
    assert str(caught.value).startswith(rule)


@pytest.mark.parametrize("field", ["code", "stdin"])
@pytest.mark.parametrize("character", ["\0", "<", "&", "\u2028", "\x7f", "\ufffd", "𝄞"])
def test_characters_that_grow_in_etcd_count_with_their_stored_size(
    field: str, character: str
) -> None:
    size = {"\0": 6, "<": 6, "&": 6, "\u2028": 6, "\x7f": 1, "\ufffd": 3, "𝄞": 4}[character]
    most = min(limits.CODE_BYTES // len(character.encode()), (limits.SPEC_BYTES - 200) // size)
    assert object_bytes(spec(**{field: character * most})) <= limits.SPEC_BYTES
    with pytest.raises(TooLargeError, match=f"^{field}: "):
        spec(**{field: character * (most + 300)})


def test_the_error_for_a_large_request_names_the_largest_field() -> None:
    with pytest.raises(TooLargeError, match=r"^files: .* at most 700 KiB .* files has the most"):
        spec(
            code="x" * 200_000,
            stdin="x" * 200_000,
            files=[{"path": "a", "content": "y" * 400_000}],
        )


def test_the_error_for_many_unknown_fields_names_some_and_counts_the_rest() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        spec(**{f"field{n}": 1 for n in range(20)})
    text = str(caught.value)
    assert text.startswith("field0: unknown field; field1: unknown field; ")
    assert text.endswith("; and 15 more")


@pytest.mark.parametrize("path", ["a/" * 2_000_000, "/" * 4_000_000, "é" * 2_000_000, "../" * 100])
def test_a_long_path_is_rejected_before_it_is_split(path: str) -> None:
    for fields in ({"files": [{"path": path, "content": ""}]}, {"output_files": [path]}):
        with pytest.raises(TooLargeError, match="must be at most 255 characters"):
            spec(**fields)

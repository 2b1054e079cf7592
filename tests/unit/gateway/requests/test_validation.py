from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support.data import bodies

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.resources.execution import ExecutionSpec
from cloche_gateway.cluster.keys import Caller
from cloche_gateway.cluster.languages import Amounts, Language
from cloche_gateway.errors import InvalidRequestError, TooLargeError
from cloche_gateway.models import ExecuteRequest
from cloche_gateway.requests import manifest, validation

MIB = limits.MIB
PYTHON = Language(
    name="python",
    aliases=("py",),
    entries=("pytest", "unittest"),
    file_name="main.py",
    image="cloche/runtime-python:dev",
    version="3.13",
    compiled=False,
    minimum=Amounts(Decimal("0.01"), 32 * MIB, MIB),
    defaults=Amounts(Decimal(1), 512 * MIB, 100 * MIB),
    maximum=Amounts(Decimal(2), 2048 * MIB, 1024 * MIB),
)
_SECONDS = {"compileTimeoutSeconds": 20}
_MERGED = {"merge_output": True}
CALLER = Caller("key", "acme", 100, 50, 3000, 500)


def spec(**fields: Any) -> dict[str, Any]:
    """Return the spec of the execution for a request, after the gateway's validation."""
    raw = json.dumps({"code": "", "language": "python", **fields}).encode()
    request, _ = bodies.execute_request(raw)
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


def test_an_entry_of_the_language_is_in_the_spec() -> None:
    assert spec(entry="pytest")["entry"] == "pytest"


@pytest.mark.parametrize("entry", ["", "doctest", "PyTest"])
def test_the_error_for_another_entry_names_those_of_the_language(entry: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        spec(entry=entry)
    assert str(error.value) == "entry: must be one of the entries of python: pytest, unittest"


def test_an_entry_of_a_language_without_entries_is_rejected() -> None:
    request, _ = bodies.execute_request(b'{"code": "", "language": "python", "entry": "pytest"}')
    with pytest.raises(InvalidRequestError, match="must be absent, because python has no entries"):
        validation.check(request, replace(PYTHON, entries=()))


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ({"timeout": 5.0}, {"timeoutSeconds": 5}),
        ({"timeout": 0.1}, {"timeoutSeconds": 0.1}),
        ({"timeout": 0.5, "compile_timeout": 20}, _SECONDS | {"timeoutSeconds": 0.5}),
        ({"timeout": 280, "compile_timeout": 20.0}, _SECONDS | {"timeoutSeconds": 280}),
    ],
)
def test_a_whole_number_of_seconds_is_stored_as_an_integer(
    asked: dict[str, float], stored: dict[str, float]
) -> None:
    made = spec(**asked)
    found = {name: made[name] for name in sorted(made) if name.endswith("imeoutSeconds")}
    assert json.dumps(found) == json.dumps(stored)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [({}, None), ({"merge_output": None}, None), ({"merge_output": False}, None), (_MERGED, True)],
)
def test_merged_output_is_stored_only_if_it_is_asked_for(
    *, asked: dict[str, bool], stored: bool | None
) -> None:
    assert spec(**asked).get("mergeOutput") is stored


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
        {"session_id": "🪴" * limits.SESSION_ID_CHARACTERS},
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
        ({"cpu": 0.009}, "resources.cpu: must be between 0.01 and 2 for python, but is 0.009"),
        ({"cpu": 2.0001}, "resources.cpu: must be between 0.01 and 2"),
        ({"cpu": 1e308}, "resources.cpu: must be between 0.01 and 2"),
        (
            {"memory_mb": 31},
            "resources.memory_mb: must be between 32 and 2048 for python, but is 31",
        ),
        ({"disk_mb": 0}, "resources.disk_mb: must be between 1 and 1024 for python, but is 0"),
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


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("code", "x" * (limits.CODE_BYTES + 1), limits.CODE_BYTES),
        ("stdin", "x" * (limits.STDIN_BYTES + 1), limits.STDIN_BYTES),
        ("environment", {"A": "x" * limits.ENVIRONMENT_BYTES}, limits.ENVIRONMENT_BYTES),
        ("args", ["x" * (limits.ARGS_BYTES + 1)], limits.ARGS_BYTES),
        (
            "files",
            [{"path": "f", "content": "x" * (limits.FILES_BYTES + 1)}],
            limits.FILES_BYTES,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_the_message_about_a_size_has_the_limit(field: str, value: object, limit: int) -> None:
    words = f"^{field}: must be at most {limit // limits.KIB} KiB"
    with pytest.raises(TooLargeError, match=words):
        spec(**{field: value})


def test_the_error_for_a_large_request_names_the_largest_field() -> None:
    with pytest.raises(TooLargeError, match=r"^files: .* at most 700 KiB .* \d+ of them in files$"):
        spec(
            code="x" * 200_000,
            stdin="x" * 200_000,
            files=[{"path": "a", "content": "y" * 400_000}],
        )


def parsed(
    fields: dict[str, Any], *, strict: bool = False
) -> tuple[ExecuteRequest, tuple[str, ...]]:
    raw = json.dumps({"code": "", "language": "python", **fields}).encode()
    return bodies.execute_request(raw, strict=strict)


def test_the_strict_error_for_many_unknown_fields_names_some_and_counts_the_rest() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parsed({f"field{n}": 1 for n in range(20)}, strict=True)
    text = str(caught.value)
    assert text.startswith("field0: unknown field; field1: unknown field; ")
    assert text.endswith("; and 15 more")


NESTED: dict[str, Any] = {
    "colour": "red",
    "files": [{"path": "a", "content": "", "mode": 1}],
    "resources": {"cpu": 1, "gpu": 1},
}


def test_unknown_fields_on_each_level_are_ignored_and_named() -> None:
    request, warnings = parsed(NESTED)
    known = {"files": [{"path": "a", "content": ""}], "resources": {"cpu": 1}}
    assert request == parsed(known)[0]
    assert warnings == (
        "files[0].mode: unknown field, ignored",
        "resources.gpu: unknown field, ignored",
        "colour: unknown field, ignored",
    )


def test_a_request_without_unknown_fields_has_no_warnings() -> None:
    assert parsed({"environment": {"COLOUR": "red"}, "stdin": None})[1] == ()


def test_unknown_fields_of_a_strict_request_are_mistakes() -> None:
    with pytest.raises(
        InvalidRequestError,
        match=r"^files\[0\].mode: unknown field; resources.gpu: unknown field; "
        r"colour: unknown field$",
    ):
        parsed(NESTED, strict=True)


def test_warnings_are_bounded_in_number_and_length() -> None:
    _, warnings = parsed({f"{n:02}" + "🎈" * 1000: n for n in range(50)})
    assert warnings[0] == "00" + "🎈" * 98 + "…: unknown field, ignored"
    assert len(warnings) == 11
    assert warnings[-1] == "and 40 more unknown fields, ignored"
    assert len("".join(warnings).encode()) < 5 * 1024


def test_an_error_names_mistakes_before_unknown_fields() -> None:
    unknown: dict[str, Any] = {f"field{n}": 1 for n in range(5)}
    with pytest.raises(InvalidRequestError) as caught:
        parsed({"files": [unknown | {"path": "a"}], "timeout": 0})
    text = str(caught.value)
    assert text.startswith("timeout: must be between 0.1 and 300; files[0].field0: unknown field; ")
    assert text.endswith("; and 1 more")


def test_too_many_entries_are_reported_as_such_in_spite_of_unknown_fields() -> None:
    with pytest.raises(TooLargeError, match=r"^args: must have at most 128 entries$"):
        parsed({"colour": "red", "args": [""] * 129})


def test_the_name_of_an_unknown_field_must_be_unicode() -> None:
    with pytest.raises(InvalidRequestError, match="must not contain lone surrogates"):
        parsed({"\ud800": 1})


def test_ignored_fields_do_not_change_the_fingerprint() -> None:
    known = {"files": [{"path": "a", "content": ""}], "resources": {"cpu": 1}}
    one, other = (manifest.fingerprint(parsed(fields)[0]) for fields in (known, NESTED))
    assert one == other


def test_unknown_fields_of_a_session_are_ignored_and_named() -> None:
    raw = b'{"language": "python", "code": "1", "resources": {"gpu": 1}}'
    request, warnings = bodies.session_request(raw)
    assert request.language == "python"
    assert warnings == (
        "resources.gpu: unknown field, ignored",
        "code: unknown field, ignored",
    )
    with pytest.raises(InvalidRequestError, match=r"resources.gpu: unknown field; code: unknown"):
        bodies.session_request(raw, strict=True)


def test_each_item_of_a_batch_has_its_own_warnings() -> None:
    item = {"code": "", "language": "python"}
    raw = json.dumps([item, item | {"colour": "red"}]).encode()
    assert [item.warnings for item in bodies.batch(raw)] == [
        (),
        ("colour: unknown field, ignored",),
    ]
    assert [item.refused for item in bodies.batch(raw, strict=True)] == [
        None,
        "colour: unknown field",
    ]


@pytest.mark.parametrize("path", ["a/" * 2_000_000, "/" * 4_000_000, "é" * 2_000_000, "../" * 100])
def test_a_long_path_is_rejected_before_it_is_split(path: str) -> None:
    for fields in ({"files": [{"path": path, "content": ""}]}, {"output_files": [path]}):
        with pytest.raises(TooLargeError, match="must be at most 255 characters"):
            spec(**fields)

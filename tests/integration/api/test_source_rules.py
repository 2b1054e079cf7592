"""A SandboxSource is immutable and named after its execution."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients.api_server import CLOCHE, MERGE, ApiServer

from cloche_api.resources import source

KIB = 1024


@pytest.fixture
def sources(namespace: str) -> str:
    """The path of the sources in a namespace of the test's own."""
    return f"{CLOCHE}/{namespace}/sandboxsources"


def document(name: str = "one-0123abcd", **spec: Any) -> dict[str, Any]:
    fields = {"execution": "one", "tenant": "acme", "code": "print(1)"} | spec
    kept = {field: value for field, value in fields.items() if value is not None}
    return source.manifest(name, "acme", "r-1", kept)


@pytest.mark.parametrize("code", ["#" * 256 * KIB, "𝄞" * 64 * KIB], ids=["ASCII", "4 bytes"])
def test_a_source_with_the_largest_allowed_input_is_accepted(
    server: ApiServer, sources: str, code: str
) -> None:
    given = document(
        code=code,
        stdin="x" * 256 * KIB,
        args=["a" * 64 * KIB],
        environment={"A": "y" * (64 * KIB - 1)},
    )
    assert server.create(sources, given)["spec"] == given["spec"]


def test_the_spec_of_a_source_cannot_change(server: ApiServer, sources: str) -> None:
    server.create(sources, document())
    for spec in ({"code": "print(2)"}, {"stdin": "in"}, {"execution": "two"}, {"tenant": None}):
        changed = server.ask("PATCH", f"{sources}/one-0123abcd", {"spec": spec}, MERGE)
        assert (changed.status_code, "spec may not change" in changed.text) == (422, True), spec


@pytest.mark.parametrize("name", ["one", "two-0123abcd", "one-two-0123abcd", "one0123abcd"])
def test_a_source_not_named_after_its_execution_is_rejected(
    server: ApiServer, sources: str, name: str
) -> None:
    refused = server.ask("POST", sources, document(name))
    assert refused.status_code == 422
    assert "metadata.name must be spec.execution, a hyphen and a suffix" in refused.text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"execution": None}, "spec.execution: Required value"),
        ({"execution": ""}, "spec.execution: Invalid value"),
        ({"tenant": "a/b"}, "spec.tenant: Invalid value"),
        ({"code": "ü" * (128 * KIB + 1)}, "must be at most 256 KiB of UTF-8"),
        ({"files": [{"path": "../a", "content": ""}]}, "must be a relative path"),
        (
            {"code": "x" * 256 * KIB, "stdin": "y" * 256 * KIB, "args": ["z" * 64 * KIB] * 1}
            | {"files": [{"path": "f", "content": "z" * 200 * KIB}]},
            "must be at most 700 KiB together",
        ),
        ({"language": "python"}, 'unknown field "spec.language"'),
    ],
    ids=["no execution", "empty execution", "tenant", "code", "files", "all", "language"],
)
def test_an_invalid_source_is_rejected_and_the_field_named(
    server: ApiServer, sources: str, spec: dict[str, Any], words: str
) -> None:
    refused = server.ask("POST", f"{sources}?fieldValidation=Strict", document(**spec))
    assert refused.status_code in (400, 422)
    assert words in refused.json()["message"]

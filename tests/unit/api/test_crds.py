"""The generated CustomResourceDefinitions. tests/integration tests them with an API server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from cloche_api import limits
from cloche_api.crd import typed_dicts
from cloche_api.crd.__main__ import TYPED_DICTS, rendered
from cloche_api.crd.definitions import all_crds
from cloche_api.crd.schema import structural
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.execution_status import ExecutionStatus
from cloche_api.resources.runtime import RuntimeSpec, RuntimeStatus
from cloche_api.resources.session import SessionSpec, SessionStatus
from cloche_api.resources.source import SourceSpec
from cloche_api.resources.tombstone import TombstoneSpec

DIRECTORY = Path(__file__).parents[3] / "crds"


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for word, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(word), dict):
            yield from nodes(schema[word], path + suffix)


MODELS: list[tuple[type[BaseModel], str]] = [
    (ExecutionSpec, "SandboxExecution.spec"),
    (ExecutionStatus, "SandboxExecution.status"),
    (RuntimeSpec, "SandboxRuntime.spec"),
    (RuntimeStatus, "SandboxRuntime.status"),
    (SessionSpec, "SandboxSession.spec"),
    (SessionStatus, "SandboxSession.status"),
    (TombstoneSpec, "SandboxTombstone.spec"),
    (SourceSpec, "SandboxSource.spec"),
]
NODES = {path: node for model, kind in MODELS for path, node in nodes(structural(model), kind)}


def test_the_crd_files_match_the_models() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.yaml")}
    assert written == rendered(), "run `make crds`"


def test_the_typed_dicts_match_the_models() -> None:
    expected = typed_dicts.sources()
    written = {name: (TYPED_DICTS / name).read_text(encoding="utf-8") for name in expected}
    assert written == expected, "run `make crds`"


def test_the_crd_files_parse_as_the_definitions() -> None:
    read = [yaml.safe_load(text) for text in rendered().values()]
    assert read == [yaml.safe_load(yaml.safe_dump(crd)) for crd in all_crds()]


@pytest.mark.parametrize("path", NODES)
def test_each_schema_is_structural(path: str) -> None:
    node = NODES[path]
    words = {"$ref", "$defs", "title", "anyOf", "allOf", "oneOf", "const", "nullable"}
    assert not words & node.keys()
    assert node.get("default", 0) is not None
    if node.get("x-kubernetes-int-or-string"):
        assert "type" not in node
        return
    assert node["type"] in {"object", "array", "string", "integer", "number", "boolean"}
    assert ("properties" in node) != ("additionalProperties" in node) or node["type"] != "object"
    assert ("items" in node) == (node["type"] == "array")


@pytest.mark.parametrize("path", [p for p in NODES if ".spec" in p])
def test_each_string_list_and_map_of_a_spec_has_a_limit(path: str) -> None:
    node = NODES[path]
    bound = {"string": "maxLength", "array": "maxItems", "object": "maxProperties"}
    if "enum" in node or "properties" in node or node.get("type") not in bound:
        return
    if node.get("format") == "date-time":
        return
    assert bound[node["type"]] in node


@pytest.mark.parametrize("path", [p for p in NODES if p.startswith("SandboxSession.")])
def test_each_field_of_a_session_has_a_limit(path: str) -> None:
    node = NODES[path]
    if "enum" in node or "properties" in node or node.get("format") == "date-time":
        return
    bounds = {
        "string": {"maxLength"},
        "array": {"maxItems"},
        "object": {"maxProperties"},
        "integer": {"minimum"},
    }
    assert bounds.get(node.get("type", ""), set()) <= node.keys()


@pytest.mark.parametrize("path", [p for p in NODES if not p.endswith(("[]", "{}"))])
def test_each_field_has_a_description(path: str) -> None:
    assert NODES[path].get("description", "").strip()


@pytest.mark.parametrize("path", NODES)
def test_each_validation_rule_has_a_message(path: str) -> None:
    for rule in NODES[path].get("x-kubernetes-validations", []):
        allowed = {"rule", "message", "messageExpression", "reason", "fieldPath"}
        assert {"rule", "message"} <= set(rule) <= allowed
        assert rule["message"][0].islower()


def test_the_message_of_a_rule_about_a_size_has_the_size() -> None:
    found = 0
    for node in NODES.values():
        for rule in node.get("x-kubernetes-validations", []):
            if size := re.search(r"at most (\d+) KiB", rule["message"]):
                assert rule["rule"].endswith(f" <= {int(size[1]) * limits.KIB}")
                found += 1
    assert found > 5


@pytest.mark.parametrize("crd", all_crds(), ids=lambda crd: crd["spec"]["names"]["kind"])
def test_each_column_shows_a_field(crd: dict[str, Any]) -> None:
    (version,) = crd["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        node = version["schema"]["openAPIV3Schema"]
        for name in re.sub(r"\[.*?\]", "", column["jsonPath"]).strip(".").split("."):
            if name == "metadata":  # of Kubernetes, without a schema here
                break
            node = node["properties"][name]
            node = node.get("items", node)


def test_each_spec_field_except_cancel_is_immutable() -> None:
    schema = all_crds()[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = schema["properties"]["spec"]
    rule = spec["x-kubernetes-validations"][-1]
    for field in spec["properties"]:
        fixed = f"'{field} may not change once the execution exists'"
        assert (fixed in rule["messageExpression"]) is (field != "cancel")
        assert f"self.{field}" in rule["rule"]


@pytest.mark.parametrize(
    ("plural", "short"),
    [
        ("sandboxexecutions", "sbx"),
        ("sandboxruntimes", "sbr"),
        ("sandboxsessions", "sbs"),
        ("sandboxtombstones", "sbt"),
        ("sandboxsources", "sbxsrc"),
    ],
)
def test_a_crd_has_the_expected_names_version_and_subresources(plural: str, short: str) -> None:
    (crd,) = (crd for crd in all_crds() if crd["spec"]["names"]["plural"] == plural)
    assert crd["metadata"]["name"] == f"{plural}.cloche.dev"
    assert crd["spec"]["names"]["shortNames"] == [short]
    assert crd["spec"]["names"]["categories"] == ["cloche"]
    (version,) = crd["spec"]["versions"]
    assert version["name"] == "v1alpha1"
    scaled = {"scale"} if short == "sbr" else set()
    assert (
        set(version["subresources"])
        == (set() if short in ("sbt", "sbxsrc") else {"status"}) | scaled
    )

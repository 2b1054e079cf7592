"""Kubernetes structural schemas, generated from the models.

A structural schema is OpenAPI v3 without references, titles or null types
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

_DROPPED = ("title", "additionalProperties", "default")
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")  # within a paragraph


def structural(model: type[BaseModel]) -> dict[str, Any]:
    """Return the structural schema of a model, with its docstrings as descriptions."""
    schema = model.model_json_schema(by_alias=True)
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    node = _resolved(_without_null(node), definitions)
    if "description" in node:
        node = {**node, "description": _LINE_END.sub(" ", node["description"])}
    if node.get("x-kubernetes-int-or-string"):
        return {k: v for k, v in node.items() if k not in ("anyOf", "title", "default")}
    out = {k: v for k, v in node.items() if k not in (*_DROPPED, "$defs")}
    if node.get("default") is not None:
        out["default"] = node["default"]
    if "properties" in node:
        out["properties"] = {k: _convert(v, definitions) for k, v in node["properties"].items()}
    if "items" in node:
        out["items"] = _convert(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    if "exclusiveMinimum" in out:  # a flag in OpenAPI v3.0, and a number in JSON Schema
        out |= {"minimum": out["exclusiveMinimum"], "exclusiveMinimum": True}
    if out.get("type") == "integer":
        out["format"] = "int64"
    if out.get("type") == "number":
        out["format"] = "double"
    return out


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the node with its reference resolved. Keys next to the reference take precedence."""
    if "$ref" not in node:
        return node
    target = _resolved(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    return {**target, **{k: v for k, v in node.items() if k != "$ref"}}


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """Return the node without null: an optional field may be absent, but not null."""
    variants = [v for v in node.get("anyOf", []) if v.get("type") != "null"]
    if len(variants) != 1:
        return node
    rest = {k: v for k, v in node.items() if k != "anyOf"}
    return {**variants[0], **rest}

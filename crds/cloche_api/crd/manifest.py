"""The manifest of a CustomResourceDefinition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api.crd.schema import structural
from cloche_api.meta import GROUP, VERSION

if TYPE_CHECKING:
    from pydantic import BaseModel


def manifest(  # noqa: PLR0913  the parts of one manifest, all by name
    *,
    kind: str,
    plural: str,
    short: str,
    description: str,
    models: tuple[type[BaseModel], type[BaseModel] | None],
    validations: dict[str, Any],
    status_default: dict[str, Any] | None,
    selectable: list[str],
    columns: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the manifest. `models` are those of spec and status; None if there is no status."""
    parts = {"spec": structural(models[0])}
    if models[1] is not None:
        parts["status"] = structural(models[1])
    if status_default is not None:
        parts["status"]["default"] = status_default
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}} if "status" in parts else {},
        "additionalPrinterColumns": columns,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "description": description,
                "required": ["spec"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                    **parts,
                },
                **validations,
            }
        },
    }
    if selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "cloche"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["cloche"],
            },
            "versions": [version],
        },
    }


def column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    """Return a column of `kubectl get`: its name, JSONPath and type."""
    return {"name": name, "jsonPath": path, "type": kind, "priority": priority}


def properties(crd: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of spec and status."""
    (version,) = crd["spec"]["versions"]
    parts: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
    return parts


def write_whole(*parts: dict[str, Any]) -> None:
    """Make each part count as one field, with one writer.

    Otherwise metadata.managedFields, which records the writer of each field, is half of a small
    object and is sent with every response.
    """
    for part in parts:
        part["x-kubernetes-map-type"] = "atomic"

"""The CustomResourceDefinitions: schema, rules, columns and selectable fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api.execution import ExecutionSpec
from cloche_api.execution_status import ExecutionStatus
from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, VERSION
from cloche_api.model import rules
from cloche_api.phases import TERMINAL
from cloche_api.runtime import RuntimeSpec, RuntimeStatus
from cloche_api.schema import structural

if TYPE_CHECKING:
    from pydantic import BaseModel

_WIDE = 1  # kubectl shows a column of priority 1 with -o wide only


def execution_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of SandboxExecution."""
    return _crd(
        kind="SandboxExecution",
        plural=EXECUTIONS,
        short="sbx",
        description="SandboxExecution is one program that is run once, in a Pod of its own.",
        models=(ExecutionSpec, ExecutionStatus),
        validations=_execution_rules(),
        status_default={},  # so that one that nobody has seen yet shows as Pending
        selectable=[".spec.language", ".spec.session", ".spec.tenant", ".status.phase"],
        columns=[
            _column("Language", ".spec.language"),
            _column("Phase", ".status.phase"),
            _column("Reason", ".status.reason"),
            _column("Exit", ".status.exitCode", "integer"),
            _column("Duration", ".status.executionSeconds", "number"),
            _column("Tenant", ".spec.tenant", priority=_WIDE),
            _column("Session", ".spec.session", priority=_WIDE),
            _column("Pod", ".status.podName", priority=_WIDE),
            _column("Node", ".status.nodeName", priority=_WIDE),
            _column("Warm", ".status.warm", "boolean", priority=_WIDE),
            # A string, for a date is shown as an age: the operator's sweep reads this column.
            _column("Expires", ".status.expirationTime", priority=_WIDE),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def runtime_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of SandboxRuntime."""
    return _crd(
        kind="SandboxRuntime",
        plural=RUNTIMES,
        short="sbr",
        description="SandboxRuntime is a language that programs can be written in.",
        models=(RuntimeSpec, RuntimeStatus),
        validations={},
        status_default=None,
        selectable=[],
        columns=[
            _column("Image", ".spec.image"),
            _column("Version", ".spec.version"),
            _column("Pool", ".spec.pool.size", "integer"),
            _column("Ready", ".status.ready", "integer"),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def all_crds() -> list[dict[str, Any]]:
    """Every CustomResourceDefinition of Cloche."""
    return [execution_crd(), runtime_crd()]


def _execution_rules() -> dict[str, Any]:
    """An execution is written once: its spec by who asks, its end by the operator.

    The rules stand at the root, for a rule on a field is not asked when the field is added or
    removed.
    """
    fixed = [
        (
            (
                f"has(self.spec.{f}) == has(oldSelf.spec.{f}) && "
                f"(!has(self.spec.{f}) || self.spec.{f} == oldSelf.spec.{f})"
            ),
            f"spec.{f} may not change once the execution exists",
        )
        for f in structural(ExecutionSpec)["properties"]
        if f != "cancel"
    ]
    ended = ", ".join(f"'{phase}'" for phase in sorted(TERMINAL))
    return rules(
        *fixed,
        (
            (
                "!(has(oldSelf.spec.cancel) && oldSelf.spec.cancel) || "
                "(has(self.spec.cancel) && self.spec.cancel)"
            ),
            "spec.cancel can only become true",
        ),
        ("!has(oldSelf.status) || has(self.status)", "status cannot be removed"),
        (
            (
                "!(has(oldSelf.status) && has(oldSelf.status.phase) && "
                f"oldSelf.status.phase in [{ended}])"
                " || (has(self.status) && self.status == oldSelf.status)"
            ),
            "status cannot change once the execution has ended",
        ),
    )


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    return {"name": name, "jsonPath": path, "type": kind, "priority": priority}


def _crd(  # noqa: PLR0913  the parts of one manifest, all by name
    *,
    kind: str,
    plural: str,
    short: str,
    description: str,
    models: tuple[type[BaseModel], type[BaseModel]],
    validations: dict[str, Any],
    status_default: dict[str, Any] | None,
    selectable: list[str],
    columns: list[dict[str, Any]],
) -> dict[str, Any]:
    spec, status = (structural(model) for model in models)
    if status_default is not None:
        status["default"] = status_default
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
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
                    "spec": spec,
                    "status": status,
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

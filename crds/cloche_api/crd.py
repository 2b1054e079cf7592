"""The CustomResourceDefinitions: schema, rules, columns and selectable fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api import source
from cloche_api.execution import ExecutionSpec
from cloche_api.execution_status import ExecutionStatus
from cloche_api.meta import EXECUTIONS, GROUP, RUNTIMES, SESSIONS, SOURCES, TOMBSTONES, VERSION
from cloche_api.model import rules
from cloche_api.phases import TERMINAL
from cloche_api.runtime import RuntimeSpec, RuntimeStatus
from cloche_api.schema import structural
from cloche_api.session import SessionPhase, SessionSpec, SessionStatus
from cloche_api.source import SourceSpec
from cloche_api.tombstone import TombstoneSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import BaseModel

_WIDE = 1  # kubectl shows columns of priority 1 only with -o wide


def execution_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxExecution."""
    crd = _crd(
        kind="SandboxExecution",
        plural=EXECUTIONS,
        short="sbx",
        description="SandboxExecution runs one program once, in a sandbox Pod.",
        models=(ExecutionSpec, ExecutionStatus),
        validations=_execution_rules(),
        status_default={},  # so that an execution without a status shows as Pending
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
            _column("Bytes", ".status.storedBytes", "integer", priority=_WIDE),
            # A string, because a date is shown as an age. The operator's sweep reads this column.
            _column("Expires", ".status.expirationTime", priority=_WIDE),
            _column("TTL", ".spec.ttlSecondsAfterFinished", "integer", priority=_WIDE),
            # Likewise, for the gateway's list. A creation time has whole seconds.
            _column("Created", ".metadata.creationTimestamp", priority=_WIDE),
            _column("Queued", ".status.queuedTime", priority=_WIDE),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )
    properties = _properties(crd)
    properties["spec"]["x-kubernetes-validations"].append(_execution_spec_rule())
    _written_whole(properties["spec"], properties["status"])
    return crd


def runtime_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxRuntime."""
    return _crd(
        kind="SandboxRuntime",
        plural=RUNTIMES,
        short="sbr",
        description=(
            "SandboxRuntime is a language: its image, its commands, and its pool of waiting Pods."
        ),
        models=(RuntimeSpec, RuntimeStatus),
        validations={},
        status_default=None,
        selectable=[],
        columns=[
            _column("Image", ".spec.image"),
            _column("Version", ".spec.version"),
            _column("Pool", ".spec.pool.size", "integer"),
            _column("Ready", ".status.ready", "integer"),
            _column("Claimed", ".status.claimed", "integer"),
            _column("Wanted", ".status.wanted", "integer", priority=_WIDE),
            _column("Starting", ".status.starting", "integer", priority=_WIDE),
            _column("Reason", ".status.conditions[?(@.type=='Ready')].reason", priority=_WIDE),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def session_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxSession."""
    return _crd(
        kind="SandboxSession",
        plural=SESSIONS,
        short="sbs",
        description="SandboxSession is a Pod that keeps its files from one execution to the next.",
        models=(SessionSpec, SessionStatus),
        validations=_session_rules(),
        status_default={},
        selectable=[".spec.tenant", ".status.phase"],
        columns=[
            _column("Language", ".spec.language"),
            _column("Phase", ".status.phase"),
            _column("Reason", ".status.reason"),
            # A string, because a date is shown as an age, and this one is in the future.
            _column("Expires", ".status.expiresAt"),
            _column("Tenant", ".spec.tenant", priority=_WIDE),
            _column("Pod", ".status.podName", priority=_WIDE),
            _column("LastUsed", ".status.lastUsedTime", priority=_WIDE),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def tombstone_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxTombstone, which has no status."""
    return _crd(
        kind="SandboxTombstone",
        plural=TOMBSTONES,
        short="sbt",
        description=(
            "SandboxTombstone reserves the Idempotency-Key of an execution whose record was "
            "deleted. An execution with the name of a tombstone is not run."
        ),
        models=(TombstoneSpec, None),
        validations=rules(("self.spec == oldSelf.spec", "spec may not change")),
        status_default=None,
        selectable=[],
        columns=[
            _column("Tenant", ".spec.tenant"),
            # A string, because a date is shown as an age, and this one is in the future.
            _column("Expires", ".spec.expirationTime"),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def source_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxSource, which has no status."""
    crd = _crd(
        kind="SandboxSource",
        plural=SOURCES,
        short="sbxsrc",
        description=(
            "SandboxSource is the input of an execution (code, stdin, args, environment, files) if "
            "that is large. It is deleted when the execution has ended."
        ),
        models=(SourceSpec, None),
        validations=rules(("self.spec == oldSelf.spec", "spec may not change"), source.NAME_RULE),
        status_default=None,
        selectable=[],
        columns=[
            _column("Execution", ".spec.execution"),
            _column("Tenant", ".spec.tenant"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            # A string, because a date is shown as an age. The operator reads this column.
            _column("Created", ".metadata.creationTimestamp", priority=_WIDE),
        ],
    )
    _written_whole(_properties(crd)["spec"])
    return crd


def all_crds() -> list[dict[str, Any]]:
    """Return every CustomResourceDefinition of Cloche."""
    return [execution_crd(), runtime_crd(), session_crd(), tombstone_crd(), source_crd()]


def _properties(crd: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of spec and status."""
    (version,) = crd["spec"]["versions"]
    properties: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
    return properties


def _written_whole(*parts: dict[str, Any]) -> None:
    """Make each part count as one field, with one writer.

    Otherwise metadata.managedFields, which records the writer of each field, is half of a small
    object and is sent with every response.
    """
    for part in parts:
        part["x-kubernetes-map-type"] = "atomic"


def _execution_rules() -> dict[str, Any]:
    """Return the rules that make the end of an execution final."""
    return rules(*_final(TERMINAL, "the execution has ended"))


def _execution_spec_rule() -> dict[str, str]:
    """Return the rule that a spec never changes, except for its cancellation.

    It is one rule for all fields, on the spec, which always exists. A rule on a field is not
    evaluated when the field is added or removed. The rule is also evaluated at each write of the
    status. Nothing has changed then, as its first comparison shows; thirteen rules took a tenth of
    the API server's time.
    """
    spec = structural(ExecutionSpec)
    always = {*spec["required"], *(f for f, of in spec["properties"].items() if "default" in of)}
    same = "self.{0} == oldSelf.{0}"
    same_or_absent = f"has(self.{{0}}) == has(oldSelf.{{0}}) && (!has(self.{{0}}) || {same})"
    fixed = {
        f: "(" + (same if f in always else same_or_absent).format(f) + ")"
        for f in spec["properties"]
        if f != "cancel"
    }
    cancel = "(!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel))"
    which = "'cancel can only become true'"
    for field, unchanged in reversed(fixed.items()):
        which = f"!{unchanged} ? '{field} may not change once the execution exists' : {which}"
    allowed = " && ".join([*fixed.values(), cancel])
    return {
        "rule": f"self == oldSelf || ({allowed})",
        "message": "spec may not change once the execution exists, except cancel",
        "messageExpression": f"'spec.' + ({which})",
    }


def _session_rules() -> dict[str, Any]:
    """Return the rules of a session: its spec never changes, and its end is final."""
    return rules(
        ("self.spec == oldSelf.spec", "spec may not change once the session exists"),
        *_final({SessionPhase.ENDED}, "the session has ended"),
    )


def _final(phases: Collection[str], what: str) -> list[tuple[str, str]]:
    """Return the rules that a status is never removed, and never changes after these phases."""
    ended = ", ".join(f"'{phase}'" for phase in sorted(phases))
    return [
        ("!has(oldSelf.status) || has(self.status)", "status cannot be removed"),
        (
            (
                "!(has(oldSelf.status) && has(oldSelf.status.phase) && "
                f"oldSelf.status.phase in [{ended}])"
                " || (has(self.status) && self.status == oldSelf.status)"
            ),
            f"status cannot change once {what}",
        ),
    ]


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    return {"name": name, "jsonPath": path, "type": kind, "priority": priority}


def _crd(  # noqa: PLR0913  the parts of one manifest, all by name
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

"""The CustomResourceDefinitions: models, rules, columns and selectable fields."""

from __future__ import annotations

from typing import Any

from cloche_api.crd.manifest import column, manifest, properties, write_whole
from cloche_api.crd.rules import execution_rules, execution_spec_rule, session_rules
from cloche_api.meta import EXECUTIONS, RUNTIMES, SESSIONS, SOURCES, TOMBSTONES
from cloche_api.resources.base import rules
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.execution_status import ExecutionStatus
from cloche_api.resources.runtime import RuntimeSpec, RuntimeStatus
from cloche_api.resources.session import SessionSpec, SessionStatus
from cloche_api.resources.source import NAME_RULE, SourceSpec
from cloche_api.resources.tombstone import TombstoneSpec

_WIDE = 1  # kubectl shows columns of priority 1 only with -o wide


def execution_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxExecution."""
    crd = manifest(
        kind="SandboxExecution",
        plural=EXECUTIONS,
        short="sbx",
        description="SandboxExecution runs one program once, in a sandbox Pod.",
        models=(ExecutionSpec, ExecutionStatus),
        validations=execution_rules(),
        status_default={},  # so that an execution without a status shows as Pending
        selectable=[".spec.language", ".spec.session", ".spec.tenant", ".status.phase"],
        columns=[
            column("Language", ".spec.language"),
            column("Phase", ".status.phase"),
            column("Reason", ".status.reason"),
            column("Exit", ".status.exitCode", "integer"),
            column("Seconds", ".status.executionSeconds", "number"),
            column("Tenant", ".spec.tenant", priority=_WIDE),
            column("Session", ".spec.session", priority=_WIDE),
            # The gateway's list shows it instead of Session, which is derived from it.
            column("SessionID", ".spec.sessionID", priority=_WIDE),
            column("Action", ".spec.action", priority=_WIDE),
            column("Pod", ".status.podName", priority=_WIDE),
            # The operator reads this column and the next to find the Pods that may have programs.
            column("WaitingPod", ".spec.waitingPod.name", priority=_WIDE),
            column("Refused", ".status.waitingPodRefused", "boolean", priority=_WIDE),
            column("Node", ".status.nodeName", priority=_WIDE),
            column("Warm", ".status.warm", "boolean", priority=_WIDE),
            column("Bytes", ".status.storedBytes", "integer", priority=_WIDE),
            # A string, because a date is shown as an age. The operator's sweep reads this column.
            column("Expires", ".status.expirationTime", priority=_WIDE),
            column("TTL", ".spec.ttlSecondsAfterFinished", "integer", priority=_WIDE),
            # Likewise, for the gateway's list. A creation time has whole seconds.
            column("Created", ".metadata.creationTimestamp", priority=_WIDE),
            column("Queued", ".status.queuedTime", priority=_WIDE),
            # The same as Seconds. The gateway's list reads this column, also of older versions.
            column("Duration", ".status.executionSeconds", "number", priority=_WIDE),
            column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )
    parts = properties(crd)
    parts["spec"]["x-kubernetes-validations"].append(execution_spec_rule())
    write_whole(parts["spec"], parts["status"])
    return crd


def runtime_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxRuntime, whose pool can be scaled."""
    crd = manifest(
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
            column("Image", ".spec.image"),
            column("Version", ".spec.version"),
            column("Pool", ".spec.pool.size", "integer"),
            column("Ready", ".status.ready", "integer"),
            column("Claimed", ".status.claimed", "integer"),
            column("Wanted", ".status.wanted", "integer", priority=_WIDE),
            column("Starting", ".status.starting", "integer", priority=_WIDE),
            column("Reason", ".status.conditions[?(@.type=='Ready')].reason", priority=_WIDE),
            column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )
    (version,) = crd["spec"]["versions"]
    version["subresources"]["scale"] = {
        "specReplicasPath": ".spec.pool.size",
        "statusReplicasPath": ".status.ready",
        "labelSelectorPath": ".status.selector",
    }
    return crd


def session_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxSession."""
    return manifest(
        kind="SandboxSession",
        plural=SESSIONS,
        short="sbs",
        description="SandboxSession is a Pod that keeps its files from one execution to the next.",
        models=(SessionSpec, SessionStatus),
        validations=session_rules(),
        status_default={},
        selectable=[".spec.tenant", ".status.phase"],
        columns=[
            column("Language", ".spec.language"),
            column("Phase", ".status.phase"),
            column("Reason", ".status.reason"),
            # A string, because a date is shown as an age, and this one is in the future.
            column("Expires", ".status.expiresAt"),
            column("Tenant", ".spec.tenant", priority=_WIDE),
            column("Pod", ".status.podName", priority=_WIDE),
            column("LastUsed", ".status.lastUsedTime", priority=_WIDE),
            column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def tombstone_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxTombstone, which has no status."""
    return manifest(
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
            column("Tenant", ".spec.tenant"),
            # A string, because a date is shown as an age, and this one is in the future.
            column("Expires", ".spec.expirationTime"),
            column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def source_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of SandboxSource, which has no status."""
    crd = manifest(
        kind="SandboxSource",
        plural=SOURCES,
        short="sbxsrc",
        description=(
            "SandboxSource is the input of an execution (code, stdin, args, environment, files) if "
            "that is large. It is deleted when the execution has ended."
        ),
        models=(SourceSpec, None),
        validations=rules(("self.spec == oldSelf.spec", "spec may not change"), NAME_RULE),
        status_default=None,
        selectable=[],
        columns=[
            column("Execution", ".spec.execution"),
            column("Tenant", ".spec.tenant"),
            column("Age", ".metadata.creationTimestamp", "date"),
            # A string, because a date is shown as an age. The operator reads this column.
            column("Created", ".metadata.creationTimestamp", priority=_WIDE),
        ],
    )
    write_whole(properties(crd)["spec"])
    return crd


def all_crds() -> list[dict[str, Any]]:
    """Return every CustomResourceDefinition of Cloche."""
    return [execution_crd(), runtime_crd(), session_crd(), tombstone_crd(), source_crd()]

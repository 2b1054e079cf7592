"""Statuses as JSON. Generated from the models by `make crds`. Do not edit."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class OutputFileDict(TypedDict):
    """A file that matched `outputFiles`."""

    path: str
    """Path relative to the working directory."""
    contentBase64: str
    """Content in base64."""


class OmittedFileDict(TypedDict):
    """A file that matched `outputFiles` and was left out."""

    path: str
    """Path relative to the working directory. Bytes that are not UTF-8 are replaced by U+FFFD."""
    size: int
    """Size in bytes."""
    reason: str
    """TooLarge (for all files together), NoSpaceLeft (after the files before it), TooMany,
    PathTooLong or NameNotUTF8."""


class ListedFileDict(TypedDict):
    """A file that an action has written, found or removed."""

    path: str
    """Path relative to the working directory. Bytes that are not UTF-8 are replaced by U+FFFD."""
    size: int
    """Size in bytes."""
    modifiedTime: str
    """Time of its last modification, which a program can set to any time."""


class CellResultDict(TypedDict):
    """Something that a cell shows, as the cell says."""

    kind: str
    """Result for the value of the last expression, otherwise Display."""
    data: dict[str, str]
    """Representations by MIME type. Images except SVG are in base64, and JSON is a text."""


class CellErrorDict(TypedDict):
    """The exception that ended a cell, as the cell says."""

    name: str
    """Its class."""
    value: str
    """Its message."""
    traceback: str
    """The lines in which the language reports it."""


class UsageDict(TypedDict):
    """Resources that the program or the compiler used, as far as they were measured."""

    cpuSeconds: NotRequired[float]
    """CPU time of all its processes in seconds."""
    maxMemoryBytes: NotRequired[int]
    """Peak of the container's memory in bytes, if it was reached meanwhile. If something before
    used more, the peak of the largest process."""


class UsedResourcesDict(TypedDict):
    """CPU, memory and disk, each with a value."""

    cpu: str | int
    """CPU in cores."""
    memory: str | int
    """Memory, including the files in the working directory."""
    disk: str | int
    """Size limit of the working directory."""


class ConditionDict(TypedDict):
    """A Kubernetes condition (metav1.Condition)."""

    type: str
    """Type of the condition in CamelCase."""
    status: str
    """Status of the condition: True, False or Unknown."""
    reason: str
    """Reason for the last transition in CamelCase."""
    message: str
    """Details of the last transition in human-readable form."""
    lastTransitionTime: str
    """Last time at which the condition changed from one status to another."""
    observedGeneration: NotRequired[int]
    """The metadata.generation that the condition was set for."""


class ExecutionStatusDict(TypedDict):
    """Observed state of the execution."""

    phase: NotRequired[str]
    """Pending, Running, or a terminal phase: Completed, TimedOut, Cancelled or Error."""
    reason: NotRequired[str]
    """Reason for the phase in CamelCase."""
    message: NotRequired[str]
    """Details in human-readable form."""
    exitCode: NotRequired[int]
    """Exit code of the program, or 128+n if signal n ended it."""
    signal: NotRequired[int]
    """Number of the signal that ended the program, if any."""
    stdout: NotRequired[str]
    """Standard output of the program. Bytes that are not UTF-8 are replaced by U+FFFD."""
    stderr: NotRequired[str]
    """Standard error of the program, decoded like `stdout`."""
    stdoutTruncated: NotRequired[bool]
    """Whether `stdout` contains less than the program wrote."""
    stderrTruncated: NotRequired[bool]
    """Whether `stderr` contains less than the program wrote."""
    outputOrder: NotRequired[list[int]]
    """The order of `stdout` and `stderr`: lengths of their pieces in characters (Unicode code
    points), alternately of `stdout` and `stderr`. What follows the last piece has no recorded
    order. Absent if all of `stdout` was written first, or one of them is empty."""
    stdoutBytes: NotRequired[int]
    """Bytes that the program wrote to standard output, including those that were not kept."""
    stderrBytes: NotRequired[int]
    """Bytes that the program wrote to standard error, including those that were not kept."""
    files: NotRequired[list[OutputFileDict]]
    """Files that matched `outputFiles`."""
    filesTruncated: NotRequired[bool]
    """Whether matching files are missing because they exceeded a limit."""
    filesOmitted: NotRequired[list[OmittedFileDict]]
    """Files that are missing, with their sizes: the first 100, with names of 8 KiB together."""
    listedFiles: NotRequired[list[ListedFileDict]]
    """Files that an action has written, found or removed."""
    results: NotRequired[list[CellResultDict]]
    """What a cell of a session that keeps its interpreter shows. Absent for other programs."""
    resultsTruncated: NotRequired[bool]
    """Whether results or representations of them are missing because they exceeded a limit."""
    error: NotRequired[CellErrorDict]
    """The exception that ended a cell."""
    stateLost: NotRequired[bool]
    """Whether the interpreter of the session ended in this cell or since the one before, so that
    what earlier cells defined is lost. Absent for other programs."""
    queuedTime: NotRequired[str]
    """Time at which the operator first saw the execution."""
    claimedTime: NotRequired[str]
    """Time at which the operator took the execution from the queue."""
    startTime: NotRequired[str]
    """Time at which the supervisor started the program."""
    completionTime: NotRequired[str]
    """Time at which the execution ended."""
    recordedTime: NotRequired[str]
    """Time at which the operator recorded the end."""
    expirationTime: NotRequired[str]
    """Time at which the execution is deleted, unless its storage is needed earlier."""
    storedBytes: NotRequired[int]
    """Size of spec and status in etcd in bytes. Set when the execution has ended."""
    executionSeconds: NotRequired[float]
    """Wall time of the program in seconds, measured in the Pod."""
    compileSeconds: NotRequired[float]
    """Wall time of the compiler in seconds."""
    checkSeconds: NotRequired[float]
    """Wall time in seconds of the syntax check after a failed run."""
    usage: NotRequired[UsageDict]
    """Resources that the program used, without the compiler. Absent if the supervisor ended without
    a report."""
    compileUsage: NotRequired[UsageDict]
    """Resources that the compiler used."""
    resources: NotRequired[UsedResourcesDict]
    """Resource limits of the program."""
    runtimeGeneration: NotRequired[int]
    """The metadata.generation of the SandboxRuntime that the program ran with."""
    waitingPodRefused: NotRequired[bool]
    """Whether the operator has refused `spec.waitingPod`, because the execution has to wait. That
    Pod does not get the program, unless it is claimed."""
    podName: NotRequired[str]
    """Name of the Pod that runs or ran the program."""
    podUID: NotRequired[str]
    """UID of the Pod."""
    nodeName: NotRequired[str]
    """Name of the node of the Pod."""
    warm: NotRequired[bool]
    """Whether the Pod was waiting in a pool when the execution was claimed."""
    conditions: NotRequired[list[ConditionDict]]
    """Conditions of the execution. `Finished` is True when the phase is terminal."""


class WaitingPodDict(TypedDict):
    """A Pod that waits in the pool of a runtime."""

    name: str
    """Name of the Pod."""
    uid: str
    """UID of the Pod."""


class RuntimeStatusDict(TypedDict):
    """Observed state of the runtime and its pool."""

    wanted: NotRequired[int]
    """Number of Pods that should be waiting."""
    ready: NotRequired[int]
    """Number of Pods that are waiting."""
    claimed: NotRequired[int]
    """Number of Pods that run an execution or belong to a session."""
    starting: NotRequired[int]
    """Number of Pods that are starting."""
    selector: NotRequired[str]
    """The labels of its waiting Pods, for autoscalers (the scale subresource)."""
    hits: NotRequired[int]
    """Number of executions that found a waiting Pod, since the leading operator started."""
    misses: NotRequired[int]
    """Number of executions that found no waiting Pod although the pool has Pods with their
    resources, since the leading operator started."""
    healthFailures: NotRequired[int]
    """Number of Pods that failed while they were waiting, since the leading operator started."""
    waitingPods: NotRequired[list[WaitingPodDict]]
    """Pods of the pool that the gateway may name in an execution: those that wait, and those that
    will wait again. A large pool shows only some of them."""
    observedGeneration: NotRequired[int]
    """The metadata.generation that the status was set for."""
    conditions: NotRequired[list[ConditionDict]]
    """Conditions of the runtime. `Ready` is False if its Pods cannot run programs, with the reason.
    `StorageAvailable` is False if the stored executions leave no space for more. `AliasesUnique` is
    False if another runtime has one of the aliases. `LocalhostAvailable` is False if programs
    cannot use 127.0.0.1, with the reason."""


class SessionStatusDict(TypedDict):
    """Observed state of the session."""

    phase: NotRequired[str]
    """Pending until the Pod can run programs, then Ready, finally Ended."""
    reason: NotRequired[str]
    """Reason for the phase in CamelCase."""
    message: NotRequired[str]
    """Details in human-readable form."""
    podName: NotRequired[str]
    """Name of the Pod that keeps the files."""
    podUID: NotRequired[str]
    """UID of the Pod."""
    nodeName: NotRequired[str]
    """Name of the node of the Pod."""
    resources: NotRequired[UsedResourcesDict]
    """Resource limits of the Pod, which the programs share."""
    runtimeGeneration: NotRequired[int]
    """The metadata.generation of the SandboxRuntime that the Pod was created from."""
    observedGeneration: NotRequired[int]
    """The metadata.generation of the session whose times the operator has taken over."""
    lastUsedTime: NotRequired[str]
    """Time at which an execution last ran in the session. It is updated with a delay of some
    seconds."""
    expiresAt: NotRequired[str]
    """Time at which the session ends if it is not used before: after the idle timeout or at the end
    of the lifetime."""
    conditions: NotRequired[list[ConditionDict]]
    """Conditions of the session. `Ready` is True while executions can run in it."""

"""Resources and specs as JSON. Generated from the models by `make crds`. Do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from cloche_api.resources.metadata import ObjectMeta
    from cloche_api.resources.typed_dicts import (
        ExecutionStatusDict,
        RuntimeStatusDict,
        SessionStatusDict,
        UsedResourcesDict,
        WaitingPodDict,
    )


class FileDict(TypedDict):
    """A file to create in the working directory before the program starts."""

    path: str
    """Path relative to the working directory."""
    content: NotRequired[str]
    """Content as text, written as UTF-8."""
    contentBase64: NotRequired[str]
    """Content in base64, for binary files."""


class SourceReferenceDict(TypedDict):
    """Reference to the SandboxSource with the input of an execution."""

    name: str
    """Name of the SandboxSource."""
    bytes: int
    """Size of the spec of the SandboxSource in etcd in bytes."""


class ResourceAmountsDict(TypedDict):
    """CPU, memory and disk for a program."""

    cpu: NotRequired[str | int]
    """CPU in cores, for example 1 or 500m."""
    memory: NotRequired[str | int]
    """Memory, for example 512Mi. Files in the working directory count as memory."""
    disk: NotRequired[str | int]
    """Size limit of the working directory, for example 100Mi. The working directory is in memory,
    so `disk` must not be more than `memory`."""


class ConcurrencyDict(TypedDict):
    """The concurrency limit of a group of executions and sessions."""

    group: str
    """Name of the group within the tenant: the name of the API key."""
    limit: int
    """Maximum number of executions and sessions at the same time."""


class ExecutionSpecDict(TypedDict):
    """The program to run."""

    args: NotRequired[list[str]]
    """Command-line arguments of the program."""
    stdin: NotRequired[str]
    """Standard input of the program."""
    environment: NotRequired[dict[str, str]]
    """Environment variables of the program. They take precedence over those of the runtime."""
    files: NotRequired[list[FileDict]]
    """Files to create in the working directory before the program starts."""
    language: str
    """Name or alias of a SandboxRuntime."""
    code: NotRequired[str]
    """Source code of the program. Required unless `source` or `action` is set."""
    action: NotRequired[str]
    """What to do with the files of the session instead of running a program: WriteFiles writes
    `files`. ReadFiles returns the files that match `outputFiles`, ListFiles their sizes and times,
    and RemoveFiles removes them. Restart starts the interpreter of the session anew. Requires a
    `session`."""
    entry: NotRequired[str]
    """Name of the entry of the SandboxRuntime that runs the program, for example pytest. If absent,
    the program is run directly."""
    source: NotRequired[SourceReferenceDict]
    """Reference to the SandboxSource with code, stdin, args, environment and files, which must then
    be absent here. Only the gateway may set it."""
    outputFiles: NotRequired[list[str]]
    """Glob patterns of the files to return, relative to the working directory or below /tmp,
    /workspace, /mnt/data or /home/user."""
    timeoutSeconds: NotRequired[float]
    """Time limit in seconds for compiling and running, or for running alone if
    `compileTimeoutSeconds` is set. Time in the queue does not count."""
    compileTimeoutSeconds: NotRequired[float]
    """Time limit in seconds for compiling. That of the runtime's compiler also applies, and
    compiling and running end after 300 seconds together. Without a compiler it has no effect."""
    mergeOutput: NotRequired[bool]
    """Whether the program writes standard output and standard error to one stream, `stdout` of the
    status, in the order written. Absent means false."""
    resources: NotRequired[ResourceAmountsDict]
    """CPU, memory and disk for the program. Defaults to those of the runtime."""
    session: NotRequired[str]
    """Name of the SandboxSession (sbs-…) to run in. Any other value is a label by which related
    executions can be found. Only the gateway may set it."""
    sessionID: NotRequired[str]
    """The `session_id` of the HTTP request, if that is not a valid label value. `session` is then
    derived from it. Only the gateway may set it."""
    tenant: NotRequired[str]
    """Tenant that owns the execution. Only the gateway may set it."""
    concurrency: NotRequired[ConcurrencyDict]
    """Concurrency limit that the execution counts towards. Only the gateway may set it."""
    waitingPod: NotRequired[WaitingPodDict]
    """The Pod of the pool, or of the session, that may get the program without a further claim. The
    operator sends the program to this Pod at once, or claims a Pod in the status. Only the gateway
    may set it."""
    ttlSecondsAfterFinished: NotRequired[int]
    """Seconds for which the execution is kept after it has ended."""
    cancel: NotRequired[bool]
    """Set to true to cancel the execution. It cannot be set back to false."""


class SourceTextDict(TypedDict):
    """How to change source files that the language's tools would not accept as they were saved."""

    files: NotRequired[list[str]]
    """Glob patterns of the names of source files among the files of an execution, in any folder,
    for example *.java. The source itself always counts."""
    byteOrderMark: NotRequired[str]
    """`Remove` removes a UTF-8 byte order mark."""
    lineEnds: NotRequired[str]
    """`Unix` writes CR LF as LF in a file in which most lines end with CR LF."""


class CompileDict(TypedDict):
    """How to compile the source."""

    command: list[str]
    """Command line of the compiler, run in the working directory."""
    timeoutSeconds: NotRequired[int]
    """Time limit of the compiler in seconds. The timeout of the execution also applies."""


class CommandDict(TypedDict):
    """A command line, run in the working directory without a shell."""

    command: list[str]
    """The program and its arguments."""


class EntryDict(TypedDict):
    """Another way to run a program, which an execution chooses by its name."""

    name: str
    """Name of the entry, for example pytest."""
    compile: NotRequired[CompileDict]
    """How to compile the source. Defaults to that of the runtime."""
    run: CommandDict
    """How to run the program. The arguments of the execution are appended."""


class FailureMessagesDict(TypedDict):
    """Lines by which the language's own tools report why they failed."""

    outOfMemory: NotRequired[list[str]]
    """Lines that mean that memory ran out."""
    diskFull: NotRequired[list[str]]
    """Lines that mean that the working directory is full, besides those of the C library."""
    compilerFailed: NotRequired[list[str]]
    """Lines that mean that the compiler or the syntax check itself failed and did not decide
    whether the code is valid."""


class PlaceholderDict(TypedDict):
    """A file in the place of the source, for an interpreter that opens it before it waits."""

    content: NotRequired[str]
    """Its content."""
    replacement: NotRequired[str]
    """`NewFile` removes it and creates the source as a new file. `InPlace` writes the source into
    it."""


class SourceLinesDict(TypedDict):
    """Lines of the files of an execution."""

    suffixes: list[str]
    """The ends of the names of the files that are searched, for example .py."""
    lines: list[str]
    """Lines without the blanks around them. `*` matches any text."""


class WaitingProcessDict(TypedDict):
    """A process that is started while the Pod waits, and becomes the program of an execution."""

    name: str
    """Name of the process, for `enabled`."""
    stage: NotRequired[str]
    """`Run` for the program, `Compile` for the compiler."""
    command: list[str]
    """Command line of the process. It is for commands that begin with the same words; the rest of
    their words are the arguments."""
    environment: NotRequired[dict[str, str]]
    """Environment variables of the process while it waits, in addition to those of every program.
    It removes them itself."""
    deniedEnvironment: NotRequired[list[str]]
    """Names of environment variables that are read at the start, for example PYTHON*. An execution
    that sets one of them to another value is started without the process."""
    deniedPaths: NotRequired[list[str]]
    """Paths of files that are read at the start, for example .local/lib/python*. An execution with
    such a file, or with one below such a directory, is started without the process."""
    modules: NotRequired[list[str]]
    """Names of the modules that the process has imported. An execution with a file or a directory
    of such a name, with any suffix, is started without the process."""
    placeholder: NotRequired[PlaceholderDict]
    """A file in the place of the source while the process waits. Absent if it needs none."""
    when: NotRequired[SourceLinesDict]
    """The process is only used for executions with one of these lines."""
    unless: NotRequired[SourceLinesDict]
    """The process is not used for executions with one of these lines."""


class PrestartDict(TypedDict):
    """Processes that are started in the Pods of the pool before there is an execution."""

    enabled: NotRequired[list[str]]
    """Names of the processes that are started. Empty: none."""
    processes: NotRequired[list[WaitingProcessDict]]
    """Processes that can be started. The first that fits an execution is used."""


class RuntimeResourcesDict(TypedDict):
    """Minimum, default and maximum resources of an execution."""

    minimum: NotRequired[ResourceAmountsDict]
    """Minimum resources that an execution may specify, where the language does not start with
    less."""
    defaults: NotRequired[UsedResourcesDict]
    """Resources of an execution that does not specify them."""
    maximum: NotRequired[UsedResourcesDict]
    """Maximum resources that an execution may specify."""


class PoolDict(TypedDict):
    """The pool of Pods that wait for executions of this runtime."""

    size: NotRequired[int]
    """Number of Pods to keep waiting."""
    reuse: NotRequired[str]
    """`Never` runs one execution in each Pod. `SameTenant` lets a Pod run further executions of the
    same tenant."""
    maxExecutionsPerPod: NotRequired[int]
    """Maximum number of executions in a Pod if `reuse` is `SameTenant`."""


class TolerationDict(TypedDict):
    """A Kubernetes toleration."""

    key: NotRequired[str]
    """Key of the taint."""
    operator: NotRequired[str]
    """Exists or Equal."""
    value: NotRequired[str]
    """Value of the taint."""
    effect: NotRequired[str]
    """Effect of the taint. If absent, all effects are tolerated."""
    tolerationSeconds: NotRequired[int]
    """Seconds for which a NoExecute taint is tolerated."""


class RuntimeSpecDict(TypedDict):
    """A language: its image, its commands, its resources and its pool."""

    image: str
    """Container image that contains the supervisor."""
    imagePullPolicy: NotRequired[str]
    """Image pull policy."""
    version: NotRequired[str]
    """Version of the language in the image. It is only displayed."""
    aliases: NotRequired[list[str]]
    """Other names of the language."""
    fileName: str
    """File name of the source in the working directory, for example main.py."""
    source: NotRequired[SourceTextDict]
    """How to change source files before they are written. If absent, they are not changed."""
    compile: NotRequired[CompileDict]
    """How to compile the source. Absent if the language has no compiler."""
    run: CommandDict
    """How to run the program. The arguments of the execution are appended."""
    entries: NotRequired[list[EntryDict]]
    """Other ways to run a program, for example the test frameworks of the language."""
    cells: NotRequired[CommandDict]
    """Command of the interpreter that runs the cells of a session which keeps its interpreter.
    Absent if the language has none."""
    syntaxCheck: NotRequired[CommandDict]
    """Command that checks the syntax of the source after a failed run. If it fails, the code is
    invalid."""
    failureMessages: NotRequired[FailureMessagesDict]
    """Lines by which the language's own tools report why they failed."""
    environment: NotRequired[dict[str, str]]
    """Environment variables of every program. Those of the execution take precedence."""
    prestart: NotRequired[PrestartDict]
    """Processes that are started in the Pods of the pool before there is an execution."""
    resources: NotRequired[RuntimeResourcesDict]
    """Minimum, default and maximum resources of an execution."""
    pool: NotRequired[PoolDict]
    """The pool of waiting Pods."""
    runtimeClassName: NotRequired[str]
    """RuntimeClass of the Pods. Defaults to that of the installation."""
    nodeSelector: NotRequired[dict[str, str]]
    """Labels that a node must have to run the Pods."""
    tolerations: NotRequired[list[TolerationDict]]
    """Tolerations of the Pods."""


class SessionSpecDict(TypedDict):
    """The session to create."""

    language: str
    """Name or alias of the SandboxRuntime of all executions in the session."""
    tenant: NotRequired[str]
    """Tenant that owns the session. Only the gateway may set it."""
    resources: NotRequired[ResourceAmountsDict]
    """CPU, memory and disk for the programs. Defaults to those of the runtime."""
    stateful: NotRequired[str]
    """`Interpreter` runs each execution as a cell in one interpreter, which keeps names and imports
    from one to the next. Requires `cells` of the runtime. If absent, only files last."""
    concurrency: NotRequired[ConcurrencyDict]
    """Concurrency limit that the session counts towards. Only the gateway may set it."""
    idleTimeoutSeconds: NotRequired[int]
    """Seconds without an execution after which the session ends."""
    lifetimeSeconds: NotRequired[int]
    """Seconds after which the session ends, used or not, from the moment that it is ready."""


class SourceSpecDict(TypedDict):
    """The input of an execution."""

    args: NotRequired[list[str]]
    """Command-line arguments of the program."""
    stdin: NotRequired[str]
    """Standard input of the program."""
    environment: NotRequired[dict[str, str]]
    """Environment variables of the program. They take precedence over those of the runtime."""
    files: NotRequired[list[FileDict]]
    """Files to create in the working directory before the program starts."""
    execution: str
    """Name of the SandboxExecution that the source belongs to. No other execution can use it."""
    tenant: NotRequired[str]
    """Tenant that owns the execution."""
    code: NotRequired[str]
    """Source code of the program. Absent if the execution writes files and runs no program."""


class TombstoneSpecDict(TypedDict):
    """The reserved Idempotency-Key."""

    tenant: NotRequired[str]
    """Tenant that owned the execution."""
    requestSHA256: str
    """Hash of the request: the annotation cloche.dev/request-sha256 of the execution."""
    expirationTime: str
    """Time at which the key may be used again."""


class ExecutionDict(TypedDict):
    """A SandboxExecution, as the API server returns it."""

    metadata: ObjectMeta
    spec: ExecutionSpecDict
    status: NotRequired[ExecutionStatusDict]


class RuntimeDict(TypedDict):
    """A SandboxRuntime, as the API server returns it."""

    metadata: ObjectMeta
    spec: RuntimeSpecDict
    status: NotRequired[RuntimeStatusDict]


class SessionDict(TypedDict):
    """A SandboxSession, as the API server returns it."""

    metadata: ObjectMeta
    spec: SessionSpecDict
    status: NotRequired[SessionStatusDict]


class SourceDict(TypedDict):
    """A SandboxSource, as the API server returns it."""

    metadata: ObjectMeta
    spec: SourceSpecDict


class TombstoneDict(TypedDict):
    """A SandboxTombstone, as the API server returns it."""

    metadata: ObjectMeta
    spec: TombstoneSpecDict

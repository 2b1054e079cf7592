"""Names that every part of Cloche must spell alike: group, kinds, labels, annotations."""

from __future__ import annotations

GROUP = "cloche.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

EXECUTIONS = "sandboxexecutions"
RUNTIMES = "sandboxruntimes"
SESSIONS = "sandboxsessions"
TOMBSTONES = "sandboxtombstones"
SOURCES = "sandboxsources"

SESSION_PREFIX = "sbs-"
"""How the name of every SandboxSession of the gateway's begins. An execution whose `spec.session`
begins so runs in that session; any other `spec.session` is only a label."""

LABEL_TENANT = f"{GROUP}/tenant"
"""On an execution and its source: the tenant whose key asked for it, as `spec.tenant` says."""
LABEL_SESSION = f"{GROUP}/session"
"""On an execution: the session it was filed under, as `spec.session` says. On a Pod: the uid of
the SandboxSession whose files it keeps."""
LABEL_EXECUTION = f"{GROUP}/execution"
"""On a Pod of one execution: the uid of the SandboxExecution that it runs."""
LABEL_RUNTIME = f"{GROUP}/runtime"
"""On a Pod: the name of the SandboxRuntime whose image it runs."""
LABEL_STATE = f"{GROUP}/state"
"""On a Pod: whether it waits for work (`STATE_WAITING`) or has got some (`STATE_CLAIMED`)."""
STATE_WAITING = "waiting"
STATE_CLAIMED = "claimed"
CONTAINER = "sandbox"
"""The one container of such a Pod: its log holds the supervisor's events (docs/design/protocol.md)."""
LABEL_COMPONENT = "app.kubernetes.io/component"
"""`sandbox` on every Pod that runs a program of somebody else's."""
ANNOTATION_REQUEST_ID = f"{GROUP}/request-id"
"""On an execution and its source: the X-Request-ID of the HTTP request that asked for it."""
ANNOTATION_REQUEST_SHA256 = f"{GROUP}/request-sha256"
"""On an execution that came with an Idempotency-Key: what was asked for, hashed."""
LABEL_SANDBOX_NAMESPACE = f"{GROUP}/installation"
"""On a sandbox namespace: the namespace of the release whose operator runs its executions."""

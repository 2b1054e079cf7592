"""Names that all parts of Cloche share: group, kinds, labels, annotations."""

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
"""The prefix of the name of every SandboxSession of the gateway. An execution whose `spec.session`
has this prefix runs in that session. Any other `spec.session` is only a label."""

LABEL_TENANT = f"{GROUP}/tenant"
"""On an execution and its source: the tenant of the API key, as in `spec.tenant`."""
LABEL_SESSION = f"{GROUP}/session"
"""On an execution: its session, as in `spec.session`. On a Pod: the uid of the SandboxSession whose
files it keeps."""
LABEL_EXECUTION = f"{GROUP}/execution"
"""On a Pod of one execution: the uid of the SandboxExecution that it runs."""
LABEL_RUNTIME = f"{GROUP}/runtime"
"""On a Pod: the name of the SandboxRuntime whose image it runs."""
LABEL_STATE = f"{GROUP}/state"
"""On a Pod: whether it waits for work (`STATE_WAITING`) or is claimed (`STATE_CLAIMED`)."""
STATE_WAITING = "waiting"
STATE_CLAIMED = "claimed"
CONTAINER = "sandbox"
"""The only container of a Pod. Its log has the supervisor's events (docs/design/protocol.md)."""
LABEL_COMPONENT = "app.kubernetes.io/component"
"""`sandbox` on every Pod that runs a client's program."""
ANNOTATION_REQUEST_ID = f"{GROUP}/request-id"
"""On an execution and its source: the X-Request-ID of the HTTP request that created them."""
ANNOTATION_REQUEST_SHA256 = f"{GROUP}/request-sha256"
"""On an execution with an Idempotency-Key: the hash of the request."""
ANNOTATION_JUDGE0 = f"{GROUP}/judge0"
"""On an execution made through the API of Judge0: what its answer needs besides spec and status."""
LABEL_SANDBOX_NAMESPACE = f"{GROUP}/installation"
"""On a sandbox namespace: the namespace of the release whose operator runs its executions."""

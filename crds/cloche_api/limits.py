"""The limits of one execution, in bytes unless the name says otherwise.

An object is at most 1.5 MiB in etcd, counted as serialised JSON. Half of it goes to the spec and
half to the status, less what metadata takes; `size.py` counts as the API server serialises.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

CODE_BYTES = 256 * KIB
STDIN_BYTES = 256 * KIB
ENVIRONMENT_BYTES = 64 * KIB
ENVIRONMENT_ENTRIES = 128
ARGS_BYTES = 64 * KIB
ARGS_ENTRIES = 128
FILES_BYTES = 512 * KIB
FILES_ENTRIES = 64
FILE_PATH_CHARACTERS = 255
OUTPUT_FILES_ENTRIES = 64
OUTPUT_FILES_BYTES = 256 * KIB
"""Of the files brought back, all together, before base64."""
STDOUT_BYTES = 256 * KIB
STDERR_BYTES = 256 * KIB
SPEC_BYTES = 700 * KIB
"""Of the whole spec as the API server serialises it."""
SOURCE_BYTES = 16 * KIB
"""What a program is given is an object of its own (SandboxSource) if it takes more than this. To
keep it in the execution costs two more revisions of it, up to 32 KiB of etcd; an object of its own
costs three calls of the API server (create, get, delete). Most programs are smaller."""
STATUS_BYTES = 700 * KIB
"""Of the whole status as the API server serialises it."""

TIMEOUT_SECONDS_DEFAULT = 30
TIMEOUT_SECONDS_MAX = 300
TTL_SECONDS_DEFAULT = 3600
TTL_SECONDS_MAX = 86_400
"""A day: what clients may ask for. Records are kept for as long as there is room, and no longer."""

SESSION_IDLE_SECONDS_DEFAULT = 600
SESSION_LIFETIME_SECONDS_DEFAULT = 3600
SESSION_SECONDS_MAX = 86_400
"""A day: a session holds a Pod, whether it is used or not."""

ENVIRONMENT_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""POSIX' portable environment variable names, lower case included."""
LABEL_VALUE = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
"""What Kubernetes takes as a label's value, the empty one excepted: sessions and tenants."""
LANGUAGE_NAME = r"^[A-Za-z0-9][A-Za-z0-9+#._-]{0,62}$"
"""A language as people write it: python, c++, C#, node."""

CONCURRENCY_MAX = 100_000
"""The largest limit of executions that run at a time: more than any queue holds."""

"""The limits of one execution, in bytes unless the name says otherwise.

An object is at most 1.5 MiB in etcd, as serialised JSON. Half of it is for the spec and half for
the status, less what the metadata takes. `size.py` counts as the API server serialises.
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
"""All returned files together, before base64."""
OUTPUT_ORDER_ENTRIES = 256
"""Recorded pieces of standard output and standard error. Their lengths take 2 KiB of JSON."""
OMITTED_FILES_ENTRIES = 100
OMITTED_FILES_BYTES = 8 * KIB
"""The names of all files that were left out, as JSON."""
RESULTS_ENTRIES = 32
"""Results of a cell: what it displays, and the value of its last expression."""
RESULTS_BYTES = 384 * KIB
"""All results of a cell, as JSON."""
RESULT_TEXTS = 16
"""Representations of one result."""
ERROR_NAME_CHARACTERS, ERROR_VALUE_CHARACTERS, ERROR_TRACEBACK_CHARACTERS = 256, 4096, 32_800
"""The exception that ended a cell."""
LISTED_FILES_ENTRIES = 1000
"""Files in the list of a session's files."""
LISTED_FILES_BYTES = 128 * KIB
"""Their paths, as JSON."""
OMITTED_REASONS = ("TooLarge", "NoSpaceLeft", "TooMany", "PathTooLong", "NameNotUTF8")
"""Why a file was left out: its size or the files before it, their number, or its name."""
STDOUT_BYTES = 256 * KIB
STDERR_BYTES = 256 * KIB
SPEC_BYTES = 700 * KIB
"""The whole spec, as the API server serialises it."""
SOURCE_BYTES = 16 * KIB
"""A larger input is stored in a separate object (SandboxSource). Keeping an input in the execution
costs two more revisions of it, up to 32 KiB of etcd. A separate object costs three calls to the API
server (create, get, delete). Most programs are smaller."""
STATUS_BYTES = 700 * KIB
"""The whole status, as the API server serialises it."""

TIMEOUT_SECONDS_DEFAULT = 30
TIMEOUT_SECONDS_MIN = 0.1
"""The shortest for clients: a program has started by then on a node that is not overloaded."""
TIMEOUT_SECONDS_MAX = 300
"""The longest time of a program together with its compiler."""
TTL_SECONDS_DEFAULT = 3600
TTL_SECONDS_MAX = 86_400
"""A day: the maximum for clients. Records are removed earlier if there is no room for them."""

SESSION_IDLE_SECONDS_DEFAULT = 600
SESSION_LIFETIME_SECONDS_DEFAULT = 3600
SESSION_SECONDS_MAX = 86_400
"""A day. A session holds a Pod even if it is not used."""

ENVIRONMENT_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""Portable names of environment variables (POSIX), with lower case allowed."""
LABEL_VALUE = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
"""A Kubernetes label value that is not empty, for sessions and tenants."""
SESSION_ID_CHARACTERS = 256
"""The `session_id` of a request: a label of any characters."""
LANGUAGE_NAME = r"^[A-Za-z0-9][A-Za-z0-9+#._-]{0,62}$"
"""A language as users write it: python, c++, C#, node."""
ENTRY_NAME = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"
"""An entry of a language, such as pytest."""

CONCURRENCY_MAX = 100_000
"""The largest concurrency limit: more than any queue holds."""

WAITING_PODS = 50
"""Pods that the status of a runtime shows, 5 KiB: more than start or are used between two writes of
the status."""

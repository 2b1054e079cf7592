"""SandboxSource: the input of a program, if it is large.

The API server writes a whole object to etcd at each change of its status. An execution changes its
status at the claim and at the end, so its input would be written three times. A large input is
therefore a separate object, which is written once (docs/decisions/separate-source.md).

The gateway creates the source first and then the execution that names it, so an execution that
exists has its source. Only the gateway may create a source, and a source never changes. Its name
begins with that of the execution, so that no other execution can name it. The operator deletes a
source once the end of its execution is recorded, or if it has got no execution.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from cloche_api import limits
from cloche_api.meta import ANNOTATION_REQUEST_ID, API_VERSION, LABEL_TENANT
from cloche_api.resources.base import Resource, rules
from cloche_api.resources.input import SIZE_RULE, Code, Input

if TYPE_CHECKING:
    from cloche_api.resources.typed_objects import ExecutionSpecDict, SourceReferenceDict

NAME_CHARACTERS = 253
_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"  # of any object
_SUFFIX_BYTES = 4  # random: requests with the same Idempotency-Key use the same execution name
NAME_RULE = (
    (
        "self.metadata.name.startsWith(self.spec.execution + '-') && "
        "!self.metadata.name.substring(self.spec.execution.size() + 1).contains('-')"
    ),
    "metadata.name must be spec.execution, a hyphen and a suffix without hyphens",
)
"""`is_name_for` as a rule for the whole object."""


class SourceReference(Resource):
    """Reference to the SandboxSource with the input of an execution."""

    name: str = Field(pattern=_NAME, max_length=NAME_CHARACTERS)
    """Name of the SandboxSource."""
    bytes: int = Field(ge=0, le=limits.SPEC_BYTES)
    """Size of the spec of the SandboxSource in etcd in bytes."""


class SourceSpec(Input):
    """The input of an execution. All fields are immutable."""

    model_config = ConfigDict(json_schema_extra=rules(SIZE_RULE))

    execution: str = Field(min_length=1, max_length=NAME_CHARACTERS)
    """Name of the SandboxExecution that the source belongs to. No other execution can use it."""
    tenant: str | None = Field(default=None, pattern=limits.LABEL_VALUE, max_length=63)
    """Tenant that owns the execution."""
    code: Code | None = None
    """Source code of the program. Absent if the execution writes files and runs no program."""


def name_for(execution: str) -> str:
    """Return a new name for a source of this execution. It is unique."""
    return f"{execution}-{secrets.token_hex(_SUFFIX_BYTES)}"


def is_name_for(name: str, execution: str) -> bool:
    """Return whether a source with this name belongs to the execution with that name."""
    return name.rpartition("-")[0] == execution


def bytes_of(spec: ExecutionSpecDict) -> int:
    """Return the bytes of the SandboxSource of an execution with this spec; 0 without one."""
    source: SourceReferenceDict | None = spec.get("source")
    return 0 if source is None else source["bytes"]


def manifest(name: str, tenant: str, request_id: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the SandboxSource with this name and spec, for a request of a tenant."""
    return {
        "apiVersion": API_VERSION,
        "kind": "SandboxSource",
        "metadata": {
            "name": name,
            "labels": {LABEL_TENANT: tenant},
            "annotations": {ANNOTATION_REQUEST_ID: request_id},
        },
        "spec": spec,
    }

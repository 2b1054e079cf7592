"""Variants that weaken a sandbox Pod, and helpers to define them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from support.data.sandbox_pods import (
    Change,
    Pod,
    container,
    container_context,
    context,
    metadata,
    mount,
    spec,
)


@dataclass(frozen=True)
class Variant:
    """A change that weakens a Pod, and the field that the policy's message names.

    `before`: the message of Pod Security `restricted`, which is evaluated before the policy.
    `invalid`: the API server's message in every namespace, before admission.
    `mended`: the namespace's LimitRange reverts the change.
    """

    change: Change
    field: str
    before: str = ""
    invalid: str = ""
    mended: bool = False


def one(
    change: Callable[..., Change],
    where: str,
    *,
    before: str = "",
    invalid: str = "",
    **fields: Any,
) -> Variant:
    """Change one field, which the message names."""
    (field,) = fields
    return Variant(change(**fields), f"{where}.{field}", before, invalid)


of_metadata = partial(one, metadata, "metadata")
of_spec = partial(one, spec, "spec")
of_container = partial(one, container, "spec.containers[0]")
of_context = partial(one, context, "spec.securityContext")
of_own_context = partial(one, container_context, "spec.containers[0].securityContext")


def of_mount(*, at: int = 0, **fields: Any) -> Variant:
    """Change the mount with this index."""
    return Variant(mount(at=at, **fields), "spec.containers[0].volumeMounts")


def added(where: Callable[[Pod], list[Any]], item: dict[str, Any]) -> Change:
    """Append an item to a list."""
    return lambda pod: where(pod).append(item)


def both(*changes: Change) -> Change:
    """Apply all changes."""

    def make(pod: Pod) -> None:
        for change in changes:
            change(pod)

    return make

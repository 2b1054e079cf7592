"""What a way to weaken a sandbox Pod is, and how one is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from support.sandbox_pods import (
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
    """A change for the worse, and the field that the policy names.

    `before`: what Pod Security `restricted` says, which is asked before the policy.
    `invalid`: what the API server says in every namespace, before anybody is asked.
    `mended`: the namespace's LimitRange undoes it.
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
    """One field that is changed, and named."""
    (field,) = fields
    return Variant(change(**fields), f"{where}.{field}", before, invalid)


of_metadata = partial(one, metadata, "metadata")
of_spec = partial(one, spec, "spec")
of_container = partial(one, container, "spec.containers[0]")
of_context = partial(one, context, "spec.securityContext")
of_own_context = partial(one, container_context, "spec.containers[0].securityContext")


def of_mount(**fields: Any) -> Variant:
    """Another mount."""
    return Variant(mount(**fields), "spec.containers[0].volumeMounts")


def added(where: Callable[[Pod], list[Any]], item: dict[str, Any]) -> Change:
    """Put one more into a list."""
    return lambda pod: where(pod).append(item)


def both(*changes: Change) -> Change:
    """Make all of them."""

    def make(pod: Pod) -> None:
        for change in changes:
            change(pod)

    return make

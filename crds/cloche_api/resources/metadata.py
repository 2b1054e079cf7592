"""The metadata of objects as JSON, as far as Cloche reads and writes it."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class OwnerReference(TypedDict):
    """A reference to the object with which this object is deleted (metav1.OwnerReference)."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: NotRequired[bool]


class ObjectMeta(TypedDict):
    """The metadata of an object that the API server has stored (metav1.ObjectMeta)."""

    name: str
    uid: str
    resourceVersion: str
    creationTimestamp: str
    """RFC 3339, in whole seconds."""
    generation: NotRequired[int]
    labels: NotRequired[dict[str, str]]
    annotations: NotRequired[dict[str, str]]
    ownerReferences: NotRequired[list[OwnerReference]]
    finalizers: NotRequired[list[str]]
    deletionTimestamp: NotRequired[str]
    """Set while the object is being deleted."""

"""Choose the cluster to install into: a pure function of observed facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloche_cluster.errors import ClusterError


class Wish(StrEnum):
    """The values of `CLUSTER=`."""

    AUTO = "auto"
    CURRENT = "current"
    KIND = "kind"
    MINIKUBE = "minikube"
    EMBEDDED = "embedded"


class Kind(StrEnum):
    """The kinds of cluster that Cloche is installed into."""

    KIND = "kind"
    MINIKUBE = "minikube"
    EMBEDDED = "embedded"
    FOREIGN = "foreign"


OWN_NAME = "cloche"
"""The name of a kind cluster or minikube profile that Cloche creates."""

EMBEDDED_CONTEXT = "kubernetes-admin@cloche"
"""The context of the embedded cluster in its kubeconfig."""


@dataclass(frozen=True)
class Facts:
    """The observed state of the machine.

    `context` is kubectl's current context; `answers` is whether its API server responds.
    `kind_clusters` and `minikube_profiles` are what those tools list; None if the tool is not
    installed. `embedded_server` is whether the context's server is the embedded cluster's.
    """

    context: str | None = None
    answers: bool = False
    embedded_server: bool = False
    docker_answers: bool = False
    kind_clusters: tuple[str, ...] | None = None
    minikube_profiles: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Target:
    """The chosen cluster. `name` is the name in kind or minikube, or the context.

    `exists` is False if kind or minikube must create it first.
    """

    kind: Kind
    name: str
    context: str | None
    exists: bool = True


def kind_of_context(facts: Facts) -> Target | None:
    """Return the current context's cluster. The name alone does not identify kind or minikube."""
    context = facts.context
    if context is None:
        return None
    if context == EMBEDDED_CONTEXT and facts.embedded_server:
        return Target(Kind.EMBEDDED, OWN_NAME, context)
    name = context.removeprefix("kind-")
    if name != context and name in (facts.kind_clusters or ()):
        return Target(Kind.KIND, name, context)
    if context in (facts.minikube_profiles or ()):
        return Target(Kind.MINIKUBE, context, context)
    return Target(Kind.FOREIGN, context, context)


def choose(wish: Wish, facts: Facts) -> Target:
    """Choose the cluster. Raises ClusterError, with what to do, if the wish cannot be met.

    A foreign cluster is chosen only for `current`.
    """
    current = kind_of_context(facts) if facts.answers else None
    match wish:
        case Wish.EMBEDDED:
            return _embedded()
        case Wish.CURRENT:
            return _current(current, facts)
        case Wish.KIND:
            return _of_kind(current, facts)
        case Wish.MINIKUBE:
            return _of_minikube(current, facts)
        case Wish.AUTO:
            return _automatic(current, facts)


def _automatic(current: Target | None, facts: Facts) -> Target:
    if current and current.kind is not Kind.FOREIGN:
        return current
    if facts.docker_answers and facts.kind_clusters is not None:
        return _of_kind(None, facts)
    return _embedded()


def _embedded() -> Target:
    return Target(Kind.EMBEDDED, OWN_NAME, EMBEDDED_CONTEXT)


def _current(current: Target | None, facts: Facts) -> Target:
    if current:
        return current
    if facts.context is None:
        raise ClusterError(
            "CLUSTER=current: kubectl has no current context: set one (kubectl config use-context)"
        )
    raise ClusterError(
        f"CLUSTER=current: the API server of context {facts.context} does not respond: start it, "
        "or set another context (kubectl config use-context)"
    )


def _of_kind(current: Target | None, facts: Facts) -> Target:
    if current and current.kind is Kind.KIND:
        return current
    if facts.kind_clusters is None:
        raise ClusterError("CLUSTER=kind: kind is not installed: install it")
    if not facts.docker_answers:
        raise ClusterError("CLUSTER=kind: Docker does not respond: start it")
    return Target(Kind.KIND, OWN_NAME, f"kind-{OWN_NAME}", OWN_NAME in facts.kind_clusters)


def _of_minikube(current: Target | None, facts: Facts) -> Target:
    if current and current.kind is Kind.MINIKUBE:
        return current
    if facts.minikube_profiles is None:
        raise ClusterError("CLUSTER=minikube: minikube is not installed: install it")
    exists = OWN_NAME in facts.minikube_profiles
    return Target(Kind.MINIKUBE, OWN_NAME, OWN_NAME, exists)

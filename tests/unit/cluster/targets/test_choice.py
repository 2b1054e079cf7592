from __future__ import annotations

import pytest

from cloche_cluster.errors import ClusterError
from cloche_cluster.targets.choice import Facts, Kind, Target, Wish, choose

KIND = Facts(context="kind-dev", answers=True, docker_answers=True, kind_clusters=("dev", "other"))
MINIKUBE = Facts(context="minikube", answers=True, minikube_profiles=("minikube",))
FOREIGN = Facts(context="production", answers=True)
EMBEDDED = Facts(context="kubernetes-admin@cloche", answers=True, embedded_server=True)


def test_cluster_auto_selects_a_kind_or_minikube_context_that_answers() -> None:
    assert choose(Wish.AUTO, KIND) == Target(Kind.KIND, "dev", "kind-dev")
    assert choose(Wish.AUTO, MINIKUBE) == Target(Kind.MINIKUBE, "minikube", "minikube")


def test_cluster_auto_creates_a_kind_cluster_where_docker_and_kind_are_available() -> None:
    target = choose(Wish.AUTO, Facts(docker_answers=True, kind_clusters=()))
    assert target == Target(Kind.KIND, "cloche", "kind-cloche", exists=False)


@pytest.mark.parametrize(
    "facts",
    [
        Facts(),
        Facts(docker_answers=True),
        Facts(kind_clusters=("dev",)),
        Facts(context="kind-dev", answers=False, kind_clusters=("dev",)),
        FOREIGN,
        EMBEDDED,
    ],
)
def test_cluster_auto_selects_the_embedded_cluster_otherwise(facts: Facts) -> None:
    assert choose(Wish.AUTO, facts).kind is Kind.EMBEDDED


def test_a_context_that_does_not_answer_is_not_selected() -> None:
    facts = Facts(context="kind-dev", answers=False, docker_answers=True, kind_clusters=("dev",))
    assert choose(Wish.AUTO, facts) == Target(Kind.KIND, "cloche", "kind-cloche", exists=False)


def test_a_context_that_is_only_named_like_kind_or_minikube_is_foreign() -> None:
    pretended = Facts(context="kind-production", answers=True, kind_clusters=("dev",))
    assert choose(Wish.AUTO, pretended).kind is Kind.EMBEDDED
    assert choose(Wish.CURRENT, pretended).kind is Kind.FOREIGN
    elsewhere = Facts(context="kubernetes-admin@cloche", answers=True, embedded_server=False)
    assert choose(Wish.CURRENT, elsewhere).kind is Kind.FOREIGN


@pytest.mark.parametrize("wish", [wish for wish in Wish if wish is not Wish.CURRENT])
def test_only_cluster_current_selects_a_foreign_cluster(wish: Wish) -> None:
    facts = Facts(
        context="production", answers=True, docker_answers=True,
        kind_clusters=(), minikube_profiles=(),
    )  # fmt: skip
    assert choose(wish, facts).kind is not Kind.FOREIGN
    assert choose(wish, facts).context != "production"


def test_cluster_current_selects_any_context_that_answers() -> None:
    assert choose(Wish.CURRENT, FOREIGN) == Target(Kind.FOREIGN, "production", "production")
    assert choose(Wish.CURRENT, KIND).kind is Kind.KIND
    assert choose(Wish.CURRENT, EMBEDDED).kind is Kind.EMBEDDED


def test_a_forced_tool_prefers_the_context_of_its_own_kind() -> None:
    assert choose(Wish.KIND, KIND).name == "dev"
    assert choose(Wish.MINIKUBE, MINIKUBE).name == "minikube"
    mixed = Facts(
        context="kind-dev", answers=True, docker_answers=True,
        kind_clusters=("dev",), minikube_profiles=("cloche",),
    )  # fmt: skip
    assert choose(Wish.MINIKUBE, mixed) == Target(Kind.MINIKUBE, "cloche", "cloche")


@pytest.mark.parametrize(
    ("wish", "facts", "said"),
    [
        (Wish.CURRENT, Facts(), "no current context"),
        (Wish.CURRENT, Facts(context="gone"), "gone does not respond"),
        (Wish.KIND, Facts(docker_answers=True), "kind is not installed"),
        (Wish.KIND, Facts(kind_clusters=()), "Docker does not respond"),
        (Wish.MINIKUBE, Facts(docker_answers=True), "minikube is not installed"),
    ],
)
def test_an_unavailable_cluster_choice_is_an_error_with_the_reason(
    wish: Wish, facts: Facts, said: str
) -> None:
    with pytest.raises(ClusterError, match=said):
        choose(wish, facts)

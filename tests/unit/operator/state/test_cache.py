"""The caches of Pods, user IDs and runtimes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pydantic
import pytest
from support.data import api_pods

from cloche_api.resources.metadata import ObjectMeta
from cloche_api.resources.phases import Reason
from cloche_api.resources.typed_objects import RuntimeDict
from cloche_operator.kube.api import Kube
from cloche_operator.model.pod import Pod
from cloche_operator.model.status import EndedError
from cloche_operator.state.cache import Pods, Runtimes

BOUND_SECONDS = 5.0


def pod(name: str, uid: str = "1", user: int | None = None, **status: Any) -> Pod:
    context = {} if user is None else {"securityContext": {"runAsUser": user}}
    return api_pods.pod(status, context, name=name, uid=uid)


USERS = range(40_000, 50_000)


def test_a_new_pod_gets_the_lowest_free_user_id() -> None:
    pods = Pods(USERS)
    pods.seen(pod("a", user=40_000))
    pods.seen(pod("b", user=40_002))
    pods.seen(pod("c"))
    assert [pods.take_user() for _ in range(3)] == [40_001, 40_003, 40_004]


def test_a_user_id_is_free_again_once_pod_and_run_have_ended() -> None:
    pods = Pods(USERS)
    assert pods.take_user() == 40_000
    pods.seen(pod("a", user=40_000))
    pods.give_user_back(40_000)
    assert pods.take_user() == 40_001, "the Pod still lives"
    pods.seen(pod("a", user=40_000), deleted=True)
    assert pods.take_user() == 40_000
    pods.give_user_back(40_000)
    pods.give_user_back(40_000)


def test_taking_a_user_id_when_all_are_taken_is_an_error() -> None:
    pods = Pods(USERS)
    users = [pods.take_user() for _ in USERS]
    assert (users[0], users[-1], len(set(users))) == (40_000, 49_999, 10_000)
    with pytest.raises(EndedError) as ended:
        pods.take_user()
    assert ended.value.reason is Reason.UNSCHEDULABLE
    pods.give_user_back(45_000)
    assert pods.take_user() == 45_000


def test_a_cached_pod_is_found_by_name_and_uid() -> None:
    pods = Pods(USERS)
    pods.seen(pod("a", "1"))
    assert pods.get("a", "1") == pod("a", "1")
    assert pods.get("a", "2") is None
    assert pods.get("b", "1") is None


def test_the_deletion_of_an_older_pod_keeps_the_newer_one_of_the_name() -> None:
    pods = Pods(USERS)
    pods.seen(pod("a", "2"))
    pods.seen(pod("a", "1"), deleted=True)
    assert pods.get("a", "2") is not None
    pods.seen(pod("a", "2"), deleted=True)
    assert list(pods) == []
    pods.seen(pod("a", "2"), deleted=True)


async def test_a_waiter_for_a_pod_is_woken_only_by_that_pod() -> None:
    pods = Pods(USERS)
    async with asyncio.timeout(BOUND_SECONDS):
        waiting = [asyncio.create_task(pods.changed(name, BOUND_SECONDS)) for name in "aab"]
        await asyncio.sleep(0)
        pods.seen(pod("a"))
        await asyncio.gather(*waiting[:2])
        assert not waiting[2].done()
        pods.seen(pod("b"), deleted=True)
        await waiting[2]
    assert pods._waiting == {}


async def test_a_wait_for_a_pod_times_out() -> None:
    pods = Pods(USERS)
    async with asyncio.timeout(BOUND_SECONDS):
        await pods.changed("a", 0.001)
    assert pods._waiting == {}


def test_unscheduled_pods_are_tracked() -> None:
    pods = Pods(USERS)
    condition = {"type": "PodScheduled", "status": "False", "message": "full"}
    lacking = pod("a", conditions=[condition])
    placed = pod("a", conditions=[condition | {"status": "True"}])
    pods.seen(pod("b"))
    for last, deleted in ((placed, False), (lacking, True)):
        pods.seen(lacking)
        assert pods.without_node == [lacking]
        pods.seen(last, deleted=deleted)
        assert pods.without_node == []


def metadata(name: str) -> ObjectMeta:
    return {
        "name": name,
        "uid": f"uid of {name}",
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }


def runtime(name: str, *aliases: str) -> RuntimeDict:
    return {
        "metadata": metadata(name),
        "spec": {
            "image": "i",
            "fileName": "main",
            "run": {"command": ["run"]},
            "aliases": list(aliases),
        },
    }


class Installed:
    """A fake of the API server's list of runtimes."""

    def __init__(self, *objects: RuntimeDict) -> None:
        self.objects = list(objects)
        self.lists = 0

    async def list_runtimes(self) -> list[RuntimeDict]:
        self.lists += 1
        return self.objects


def runtimes(*objects: RuntimeDict) -> tuple[Runtimes, Installed]:
    installed = Installed(*objects)
    return Runtimes(cast("Kube", installed)), installed


def test_only_installed_runtimes_become_labels_of_metrics() -> None:
    known, installed = runtimes()
    known.seen(runtime("python", "py"))
    labels = [known.label(text) for text in ("python", "PY", "cobol", "x" * 63)]
    assert labels == ["python", "python", "other", "other"]
    assert installed.lists == 0, "a label needs no request"


@pytest.mark.parametrize(
    ("language", "found"),
    [
        ("python", "python"),
        ("Python", "python"),
        ("PY", "python"),
        ("py3", "python"),
        ("c++", "cpp"),
        ("C++", "cpp"),
        ("C#", "csharp"),
        ("r", "r"),  # a name has precedence over an alias
        ("R", "r"),
        ("node", "deno"),  # of two runtimes with the same alias, the first by name
    ],
)
async def test_a_language_is_found_by_name_or_alias_in_any_case(language: str, found: str) -> None:
    known, _ = runtimes(
        runtime("python", "py", "Py3", "r"),
        runtime("cpp", "C++"),
        runtime("csharp", "c#"),
        runtime("javascript", "node"),
        runtime("deno", "node"),
        runtime("r"),
    )
    assert (await known.find(language)).name == found


async def test_the_error_for_an_unknown_language_names_the_installed_ones() -> None:
    known, installed = runtimes(runtime("python"), runtime("bash"))
    with pytest.raises(EndedError) as ended:
        await known.find("cobol")
    assert ended.value.reason is Reason.UNKNOWN_LANGUAGE
    assert ended.value.message == (
        "spec.language: there is no SandboxRuntime for 'cobol'; installed: bash, python"
    )
    assert installed.lists == 1, "the API server was asked before it was denied"


async def test_the_error_for_an_unknown_entry_names_those_of_the_language() -> None:
    python = runtime("python", "py")
    python["spec"]["entries"] = [{"name": "pytest", "run": {"command": ["pytest"]}}]
    known, _ = runtimes(python, runtime("bash"))
    assert (await known.find("py", "pytest")).name == "python"
    with pytest.raises(EndedError) as ended:
        await known.find("py", "doctest")
    assert ended.value.reason is Reason.UNKNOWN_LANGUAGE
    assert ended.value.message == (
        "spec.entry: the language has no entry 'doctest'; entries: pytest"
    )
    with pytest.raises(EndedError, match="no entry 'pytest'; entries: it has none"):
        await known.find("bash", "pytest")


async def test_the_error_without_any_runtime_says_none_is_installed() -> None:
    known, _ = runtimes()
    with pytest.raises(EndedError, match="installed: none"):
        await known.find("python")


async def test_a_cached_language_is_found_without_a_request() -> None:
    known, installed = runtimes()
    known.seen(runtime("python"))
    assert (await known.find("python")).generation == 1
    assert installed.lists == 0


async def test_a_deleted_runtime_is_unknown() -> None:
    known, _ = runtimes()
    known.seen(runtime("python", "py"))
    known.seen(runtime("python", "py"), deleted=True)
    known.seen(runtime("python", "py"), deleted=True)
    with pytest.raises(EndedError):
        await known.find("py")


async def test_an_invalid_runtime_does_not_hide_the_others() -> None:
    broken = cast("RuntimeDict", {"metadata": metadata("broken"), "spec": {"image": "i"}})
    known, _ = runtimes(broken, runtime("python"))
    assert (await known.find("python")).name == "python"
    with pytest.raises(pydantic.ValidationError):
        known.seen(broken)


def test_a_late_event_of_an_older_pod_with_the_same_name_is_ignored() -> None:
    pods = Pods(USERS)
    new = api_pods.pod(uid="new", resourceVersion="20")
    old = api_pods.pod(uid="old", resourceVersion="9")
    pods.seen(new)
    pods.seen(old)
    assert pods.get("sbx-1", "new") is new
    pods.seen(old, deleted=True)
    assert pods.get("sbx-1", "new") is new
    newest = api_pods.pod(uid="newest", resourceVersion="21")
    pods.seen(newest)
    assert pods.get("sbx-1", "newest") is newest

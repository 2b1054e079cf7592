"""The assignment of waiting Pods to executions, and the number of missing Pods."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from support.deadline import settled

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.runtime import RuntimeSpec
from cloche_operator.pods.sandbox import Sandbox
from cloche_operator.pools.pool import Pool
from cloche_operator.pools.runtime_status import runtime_status
from cloche_operator.pools.throttle import Need
from cloche_operator.state.cache import Runtime

BOUND_SECONDS = 5.0


def runtime(size: int = 2, reuse: str = "Never", executions: int = 3, **spec: Any) -> Runtime:
    fields = {"image": "i", "fileName": "main.py", "run": {"command": ["x"]}}
    pool = {"size": size, "reuse": reuse, "maxExecutionsPerPod": executions}
    model = RuntimeSpec.model_validate({**fields, "pool": pool, **spec})
    return Runtime("python", "uid", 1, model)


class FakePod:
    """The part of a Sandbox that a pool uses."""

    def __init__(self, of: Pool) -> None:
        self.uid = self.name = f"pod-{id(self)}"
        self.shape = of.shape
        self.runs = 0
        self.age = 0.0
        self.spent = False
        self.prestarted = True


def put(pool: Pool, tenant: str | None = None) -> Sandbox:
    made = cast("Sandbox", FakePod(pool))
    if tenant is not None:
        pool._tenants[made] = tenant
    pool.put(made)
    return made


def test_a_pool_hands_out_its_oldest_pod_first() -> None:
    pool = Pool(runtime())
    first, second = put(pool), put(pool)
    assert pool.missing == 0
    assert [pool.take(""), pool.take("a"), pool.take("a")] == [first, second, None]
    assert pool.missing == 2


def test_the_status_selects_the_waiting_pods_for_autoscalers() -> None:
    status = runtime_status(Pool(runtime()), {}, full=False)
    assert status["selector"] == "cloche.dev/runtime=python,cloche.dev/state=waiting"


def test_a_spent_pod_is_not_handed_out() -> None:
    pool = Pool(runtime())
    spent, fresh = put(pool), put(pool)
    cast("FakePod", spent).spent = True
    assert pool.take("a") is fresh
    assert list(pool.surplus()) == [spent]


def test_pods_over_the_size_or_of_another_shape_are_surplus() -> None:
    pool = Pool(runtime(3))
    for _ in range(3):
        put(pool)
    pool.runtime = runtime(1)
    assert len(list(pool.surplus())) == 2
    pool.runtime = runtime(1, image="newer")
    assert len(list(pool.surplus())) == 1
    assert pool.missing == 1
    pool.runtime = runtime(0, image="newer")
    assert pool.missing == 0


def test_a_changed_size_or_alias_does_not_change_the_shape() -> None:
    assert Pool(runtime(1, aliases=["py"])).shape == Pool(runtime(5, version="3")).shape
    assert Pool(runtime(1)).shape != Pool(runtime(1, environment={"A": "b"})).shape


@pytest.mark.parametrize(
    ("cpu", "memory", "fits"), [("1000m", "0.5Gi", True), ("1", "512Mi", True), ("1", "1Gi", False)]
)
def test_only_equal_limits_fit_a_pool(cpu: str, memory: str, fits: bool) -> None:  # noqa: FBT001
    used = UsedResources(cpu=cpu, memory=memory, disk="100Mi")
    assert Pool(runtime()).fits(used) is fits


def test_a_busy_tenant_leaves_half_of_the_pods_to_others() -> None:
    pool = Pool(runtime(size=4))
    for _ in range(4):
        put(pool)
    assert pool.take("rare")
    put(pool)
    taken = 0
    pool.running["many"] += 1
    while pool.take("many"):
        taken += 1
        pool.running["many"] += 1
    assert (taken, len(pool.waiting)) == (2, 2)
    pool.starting = 2
    assert not pool.has_pod_on_the_way("many"), "it starts its own"
    assert pool.has_pod_on_the_way("rare")
    assert pool.take("rare")


def test_a_tenant_can_use_all_pods_when_no_other_is_active() -> None:
    now = 0.0
    pool = Pool(runtime(size=4), lambda: now)
    assert pool.take("gone") is None
    now = 61.0
    for _ in range(4):
        put(pool)
    for _ in range(4):
        pool.running["many"] += 1
        assert pool.take("many")


def test_a_burst_of_one_tenant_does_not_hide_the_others() -> None:
    pool = Pool(runtime(size=4))
    pool.take("rare")
    for _ in range(100):
        pool.running["many"] += 1
        pool.take("many")
    for _ in range(2):
        put(pool)
    assert pool.take("many") is None
    assert pool.take("rare")


async def test_a_tenant_in_line_is_active_however_long_it_waits() -> None:
    now = 0.0
    pool = Pool(runtime(size=2), lambda: now)
    assert pool.take("rare") is None
    waiting = asyncio.create_task(pool.stand_in_line("rare", BOUND_SECONDS))
    await settled()
    now = 61.0
    pool.running["many"] += 2
    assert not pool.has_pod_on_the_way("many")
    put(pool)
    assert await waiting


def test_a_pod_is_reused_only_by_its_tenant() -> None:
    pool = Pool(runtime(2, "SameTenant"))
    put(pool)
    lent = pool.take("a")
    assert lent is not None
    assert pool.missing == 1, "the lent one comes back"
    assert pool.comes_back(lent)
    pool.put(lent)
    assert pool.take("b") is None
    assert pool.take("") is None
    assert pool.take("a") is lent


def test_an_execution_whose_pod_is_in_use_gets_the_one_that_its_user_names() -> None:
    """So the Pods that gateways count as used are those that are in use."""
    pool = Pool(runtime(4, "SameTenant"))
    first, second, third, fourth = (put(pool, "a") for _ in range(4))
    assert pool.take("a", third.uid) is third
    assert pool.take_instead("a", third.uid) is first  # nothing is known about its user
    assert pool.take_instead("a", first.uid) is second  # its user names the third, which is in use
    pool.put(third)
    assert pool.take_instead("a", second.uid) is third
    pool.put(first)
    pool.put(second)
    assert pool.take_instead("a", third.uid) is second
    assert pool.take_instead("a", "gone") is fourth
    assert pool.take_instead("a", "gone") is first
    assert pool.take_instead("a", "gone") is None


def test_the_pod_of_an_execution_without_a_tenant_is_never_reused() -> None:
    pool = Pool(runtime(1, "SameTenant"))
    put(pool)
    taken = pool.take("")
    assert taken is not None
    assert not pool.comes_back(taken)
    assert pool.missing == 1


def test_a_tenants_used_pod_is_preferred_to_an_older_fresh_one() -> None:
    pool = Pool(runtime(2, "SameTenant"))
    put(pool)
    used = put(pool, "a")
    assert pool.take("a") is used


def test_a_pod_does_not_return_after_its_last_allowed_execution() -> None:
    pool = Pool(runtime(1, "SameTenant"))
    put(pool)
    for _ in range(2):
        lent = pool.take("a")
        assert lent is not None
        assert pool.comes_back(lent)
        cast("FakePod", lent).runs += 1
        pool.put(lent)
    last = pool.take("a")
    assert last is not None
    assert not pool.comes_back(last)


def test_an_old_spent_or_outdated_pod_does_not_return_to_its_pool() -> None:
    pool = Pool(runtime(1, "SameTenant"))
    put(pool)
    lent = pool.take("a")
    assert lent is not None
    pod = cast("FakePod", lent)
    pod.age = 3601.0
    assert not pool.comes_back(lent)
    pod.age = 0.0
    pod.spent = True
    assert not pool.comes_back(lent)
    pod.spent = False
    pool.runtime = runtime(1, "SameTenant", image="newer")
    assert not pool.comes_back(lent)
    pool.runtime = runtime(1)
    assert not pool.comes_back(lent)


def test_an_idle_pod_of_another_tenant_is_evicted() -> None:
    pool = Pool(runtime(2, "SameTenant"))
    one, two = put(pool, "a"), put(pool, "b")
    assert pool.evict_other_tenant("b") is one
    assert pool.evict_other_tenant("b") is None
    assert list(pool.waiting) == [two]


async def test_a_free_pod_goes_to_the_first_waiter() -> None:
    pool = Pool(runtime(1))
    pool.starting = 2
    assert pool.has_pod_on_the_way("a")
    first = asyncio.create_task(pool.stand_in_line("a", BOUND_SECONDS))
    second = asyncio.create_task(pool.stand_in_line("b", BOUND_SECONDS))
    await asyncio.sleep(0)
    assert not pool.has_pod_on_the_way("c"), "as many stand in line as Pods are on their way"
    assert pool.need is Need.URGENT
    made = put(pool)
    assert await first is made
    pool.fail_last_waiter()
    assert await second is None
    assert not pool.waiting


async def test_a_free_pod_goes_to_the_tenant_with_the_fewest_pods() -> None:
    pool = Pool(runtime(1))
    pool.starting = 4
    line = [
        asyncio.create_task(pool.stand_in_line(tenant, BOUND_SECONDS), name=f"{tenant}{n}")
        for n, tenant in enumerate("aaab")
    ]
    order: list[str] = []
    for task in line:
        task.add_done_callback(lambda done: order.append(done.get_name()))
    await settled()
    assert pool.has_pod_on_the_way("c"), "one of a waits longer instead"
    assert not pool.has_pod_on_the_way("a")
    for _ in line:
        put(pool)
        await settled()
    assert order == ["a0", "b3", "a1", "a2"]


async def test_a_tenants_pod_is_not_given_to_a_waiter_of_another_tenant() -> None:
    pool = Pool(runtime(1, "SameTenant"))
    put(pool)
    lent = pool.take("a")
    assert lent is not None
    assert not pool.has_pod_on_the_way("b")
    no_tenant = asyncio.create_task(pool.stand_in_line("", BOUND_SECONDS))
    other = asyncio.create_task(pool.stand_in_line("b", BOUND_SECONDS))
    same = asyncio.create_task(pool.stand_in_line("a", BOUND_SECONDS))
    await asyncio.sleep(0)
    pool.put(lent)
    assert await same is lent
    for waiting in (no_tenant, other):
        assert not waiting.done()
        waiting.cancel()
    await asyncio.gather(no_tenant, other, return_exceptions=True)


async def test_a_wait_for_a_pod_ends_at_its_timeout() -> None:
    pool = Pool(runtime(1))
    assert await pool.stand_in_line("a", 0) is None
    made = put(pool)
    assert list(pool.waiting) == [made]


async def test_a_pod_given_to_a_cancelled_waiter_stays_in_the_pool() -> None:
    pool = Pool(runtime(1))
    left = asyncio.create_task(pool.stand_in_line("a", BOUND_SECONDS))
    await asyncio.sleep(0)
    left.cancel()
    made = put(pool)
    await asyncio.gather(left, return_exceptions=True)
    assert list(pool.waiting) == [made]


def test_concurrent_failures_of_a_proved_pool_do_not_make_it_unready() -> None:
    """If Pods of the runtime have run before, one failing node may end all starts on it."""
    proved, untried = Pool(runtime(4)), Pool(runtime(4))
    proved.proved = True
    assert [proved.failed() for _ in range(4)] == [False] * 4
    assert untried.failed()


def test_a_worn_pod_stays_until_its_successor_is_ready() -> None:
    pool = Pool(runtime(1, "SameTenant", executions=8))
    put(pool)
    lent = pool.take("a")
    assert lent is not None
    cast("FakePod", lent).runs = 6
    assert pool.missing == 0
    cast("FakePod", lent).runs = 7
    assert pool.missing == 1
    assert pool.comes_back(lent)
    pool.put(lent)
    assert not list(pool.surplus())
    successor = put(pool)
    assert list(pool.surplus()) == [lent]
    assert list(pool.waiting) == [successor]
    assert pool.missing == 0


def test_an_emptier_pool_has_a_more_urgent_need() -> None:
    pool = Pool(runtime(8))
    needs = [pool.need]
    for _ in range(8):
        put(pool)
        needs.append(pool.need)
    assert needs[0] is Need.URGENT
    assert needs[1:4] == [Need.SHORT, Need.LOW, Need.LOW]
    assert set(needs[4:]) == {Need.LITTLE}


def with_process() -> Runtime:
    process = {"name": "x", "command": ["x"]}
    return runtime(prestart={"enabled": ["x"], "processes": [process]})


async def test_a_pod_that_is_about_to_wait_gets_the_frame_of_its_runtime() -> None:
    assert Pool(runtime()).prestart_frame is None
    pool = Pool(with_process())
    assert pool.prestart_frame == pool.runtime.prestart_frame is not None
    waiting = asyncio.create_task(pool.stand_in_line("a", BOUND_SECONDS))
    await settled()
    assert pool.prestart_frame is None
    put(pool)
    assert await waiting
    assert pool.prestart_frame is not None


def test_pods_wait_without_processes_after_three_losses_in_a_row() -> None:
    now = 1000.0
    pool = Pool(with_process(), lambda: now)
    for _ in range(2):
        pool.lost(put(pool))
    assert pool.take("a")  # a Pod with processes is still there, so they are not the cause
    for _ in range(3):
        assert pool.prestart_frame
        pool.lost(put(pool))
    assert pool.prestart_frame is None
    assert pool.health_failures == 5
    now += 601
    assert pool.prestart_frame


def test_losses_of_pods_without_processes_do_not_count() -> None:
    pool = Pool(with_process())
    for _ in range(5):
        made = put(pool)
        cast("FakePod", made).prestarted = False
        pool.lost(made)
    assert pool.prestart_frame


def test_another_prestart_replaces_the_waiting_pods() -> None:
    pool = Pool(runtime())
    old = put(pool)
    pool.runtime = with_process()
    assert list(pool.surplus()) == [old]

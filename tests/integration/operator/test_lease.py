"""The operators' Lease on a real API server: which operator leads, and when the fence is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from support.clients.api_server import ApiServer
from support.fixtures.control_planes import ControlPlane

from cloche_kube.client import Rest
from cloche_operator.kube.api import Kube
from cloche_operator.settings import Settings
from cloche_operator.state.lease import Lease, LeaseLostError

SECONDS = 3.0
"""Duration of a Lease: short, because tests wait for its end, but enough for a busy machine."""


@pytest.fixture
async def operator(
    control_plane: ControlPlane, namespace: str
) -> AsyncIterator[Callable[[str], Lease]]:
    """Return a function that makes the view that an operator with a given name has of the Lease."""
    rest = await Rest.connect(str(control_plane.kubeconfig))
    kube = Kube(rest, namespace)
    yield lambda name: Lease(kube, Settings(identity=name, lease_seconds=SECONDS))
    await rest.close()


async def test_the_fence_closes_before_another_operator_can_lead(
    operator: Callable[[str], Lease],
) -> None:
    first, second = operator("first"), operator("second")
    await first.acquire()
    assert first.holds
    await second.acquire()
    assert second.holds
    assert not first.holds


async def test_a_replaced_leader_loses_the_lease_at_its_next_renewal(
    operator: Callable[[str], Lease], server: ApiServer, namespace: str
) -> None:
    lease = operator("first")
    await lease.acquire()
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/cloche-operator"
    server.merge(path, {"spec": {"holderIdentity": "second"}})
    with pytest.raises(LeaseLostError, match="second"):
        await lease.keep()
    assert not lease.holds


async def test_a_leader_whose_lease_was_deleted_ends_before_another_operator_can_lead(
    operator: Callable[[str], Lease], server: ApiServer, namespace: str
) -> None:
    first, second = operator("first"), operator("second")
    await first.acquire()
    server.delete(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/cloche-operator")
    following = asyncio.create_task(second.acquire())
    with pytest.raises(LeaseLostError, match="deleted"):
        await first.keep()
    assert not following.done()
    await following
    assert (first.holds, second.holds) == (False, True)


async def test_a_released_lease_can_be_acquired_at_once(
    operator: Callable[[str], Lease], server: ApiServer, namespace: str
) -> None:
    first, second = operator("first"), operator("second")
    await first.acquire()
    await first.release()
    assert not first.holds
    await second.acquire()
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/cloche-operator"
    spec = server.get(path)["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("second", 1)

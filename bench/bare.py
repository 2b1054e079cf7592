"""The physical limit: a Pod of the same shape, driven over attach by a bare loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloche_api.execution import ExecutionSpec
from cloche_api.phases import Phase
from cloche_api.rest import Rest, UnavailableError
from cloche_operator.attach import Attachment, attach
from cloche_operator.execution import Execution
from cloche_operator.frame import HELLO, frame
from cloche_operator.pods import LAST_UID, PodPlan, cold_pod
from cloche_operator.resources import used_resources
from cloche_operator.transcript import Transcript

if TYPE_CHECKING:
    from cloche_operator.kube import Kube
    from cloche_operator.observed import Runtime
    from cloche_operator.settings import Settings

_TRY_SECONDS = 0.025


async def bare_pod(
    rest: Rest, kube: Kube, settings: Settings, runtime: Runtime, code: str
) -> tuple[float, Transcript]:
    """Seconds from creating the Pod to its result, and the result; the Pod is deleted after."""
    execution = _execution(runtime.name, code)
    used = used_resources(None, runtime.spec.resources)
    plan = PodPlan(execution, runtime.name, runtime.spec, used, LAST_UID)
    manifest = cold_pod(plan, settings)
    del manifest["metadata"]["ownerReferences"]  # there is no execution: this is the bare Pod
    transcript = Transcript(execution.uid)
    began = time.perf_counter()
    pod = await kube.create_pod(manifest)
    attachment = await _attached(rest, kube, pod["metadata"]["name"])
    await attachment.send(HELLO + frame(execution.uid, execution.spec, runtime.spec, used))
    while not transcript.ended and (data := await attachment.read()) is not None:
        transcript.feed(data)
    seconds = time.perf_counter() - began
    await attachment.close()
    await _remove(kube, pod)
    return seconds, transcript


async def _attached(rest: Rest, kube: Kube, name: str) -> Attachment:
    while True:
        try:
            return await attach(rest, kube, name)
        except UnavailableError:
            await asyncio.sleep(_TRY_SECONDS)


async def _remove(kube: Kube, pod: dict[str, Any]) -> None:
    """Delete the Pod and wait until it is gone, so that the next is alone on the node."""
    await kube.delete_pod(pod["metadata"]["name"], pod["metadata"]["uid"])
    while await kube.get_pod(pod["metadata"]["name"]):
        await asyncio.sleep(_TRY_SECONDS)


def _execution(language: str, code: str) -> Execution:
    return Execution(
        name="bare",
        uid=str(uuid.uuid4()),
        resource_version="",
        created=datetime.now(UTC),
        deleted=False,
        spec=ExecutionSpec(language=language, code=code),
        phase=Phase.PENDING,
        pod_name=None,
        pod_uid=None,
        queued_time=None,
        claimed_time=None,
        memory=None,
    )

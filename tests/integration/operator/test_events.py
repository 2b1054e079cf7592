"""What `kubectl describe` shows of an execution that the installation made fail."""

from __future__ import annotations

from support.deadline import until
from support.fixtures.control_planes import ControlPlane
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster, container

NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}


def test_describe_shows_why_an_execution_and_its_runtime_failed(
    control_plane: ControlPlane, shared: FakeCluster
) -> None:
    shared.submit("refused", language="cobol")
    assert shared.ended("refused")["reason"] == "UnknownLanguage"
    uid = shared.submit("unpulled")
    shared.bind(uid)
    shared.write_pod_status(uid, container(NO_IMAGE))
    message = shared.ended("unpulled")["message"]
    for kind, name in (("sandboxruntime", "python"), ("sandboxexecution", "unpulled")):

        def described(kind: str = kind, name: str = name) -> bool:
            shown = control_plane.kubectl("describe", kind, name, "-n", shared.namespace)
            _, _, events = shown.partition("\nEvents:")
            return "ImagePullFailed" in events and message in " ".join(events.split())

        until(described, f"an Event of {kind} {name}", BOUND_SECONDS)
    events = shared.server.get(f"/apis/events.k8s.io/v1/namespaces/{shared.namespace}/events")
    regarding = [event["regarding"]["name"] for event in events["items"]]
    assert "refused" not in regarding, "the request is the cause, and Events are posted in order"

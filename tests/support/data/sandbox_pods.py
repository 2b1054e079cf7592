"""Sandbox Pods as the operator creates them, and variants with changes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

from support.data.manifests import PYTHON

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.runtime import RuntimeSpec
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.model.execution import from_object
from cloche_operator.model.pod_manifest import PodShape, cold_pod, session_pod, waiting_pod
from cloche_operator.model.pod_types import PodManifest
from cloche_operator.settings import Settings

Pod = dict[str, Any]
Change = Callable[[Pod], None]

USER = 40_007
SETTINGS = Settings()
USED = UsedResources(cpu="1", memory="512Mi", disk="100Mi")


def shape(uid: str = "of-the-runtime", **spec: Any) -> PodShape:
    """Return the shape of Pods of a runtime with that uid."""
    return PodShape("python", uid, RuntimeSpec.model_validate(PYTHON | spec), USED)


def cold(uid: str = "of-the-execution", settings: Settings = SETTINGS, **runtime: Any) -> Pod:
    """Return the Pod of an execution with that uid, whose name is `hello`."""
    execution: ExecutionDict = {
        "metadata": {
            "name": "hello",
            "uid": uid,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"language": "python", "code": "print(1)"},
    }
    return _plain(cold_pod(shape(**runtime), USER, from_object(execution), settings))


def waiting(uid: str = "of-the-runtime", name: str = "sbx-python-1") -> Pod:
    """Return a Pod of the pool."""
    return _plain(waiting_pod(shape(uid), USER, name, SETTINGS))


def of_session() -> Pod:
    """Return the Pod of a session."""
    return _plain(session_pod(shape(), USER, ("sbs-1", "of-the-session"), 3600, SETTINGS))


def changed(pod: Pod, *changes: Change) -> Pod:
    """Return a copy of the Pod with changes."""
    made = copy.deepcopy(pod)
    for change in changes:
        change(made)
    return made


def metadata(**fields: Any) -> Change:
    """Change fields of the metadata; None removes one."""
    return lambda pod: _merge(pod["metadata"], fields)


def spec(**fields: Any) -> Change:
    """Change fields of the spec; None removes one."""
    return lambda pod: _merge(pod["spec"], fields)


def container(**fields: Any) -> Change:
    """Change fields of the container; None removes one."""
    return lambda pod: _merge(pod["spec"]["containers"][0], fields)


def mount(*, at: int = 0, **fields: Any) -> Change:
    """Change fields of the container's mount with this index."""
    return lambda pod: _merge(pod["spec"]["containers"][0]["volumeMounts"][at], fields)


def volume(source: dict[str, Any], *, name: str = "workspace", at: int = 0) -> Change:
    """Replace the volume of this name and index with one of another source."""

    def replace(pod: Pod) -> None:
        pod["spec"]["volumes"][at] = {"name": name} | source

    return replace


def context(**fields: Any) -> Change:
    """Change fields of the Pod's securityContext."""
    return spec(securityContext=fields)


def container_context(**fields: Any) -> Change:
    """Change fields of the container's securityContext."""
    return container(securityContext=fields)


def _plain(pod: PodManifest) -> Pod:
    """Return the Pod as a dict whose fields may be changed to anything."""
    return cast("Pod", pod)


def _merge(into: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value

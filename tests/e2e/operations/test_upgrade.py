"""A newer schema is applied while executions of the older one run."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.fixtures.executions import Execute, Finished, RunningPod, Submit

from cloche_api.crd.definitions import execution_crd

COUNT = 5


def older_schema() -> dict[str, Any]:
    """Today's schema as it was before some of its fields and columns came."""
    crd = copy.deepcopy(execution_crd())
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    for name in ("outputFiles", "args"):
        del schema["properties"]["spec"]["properties"][name]
    del schema["properties"]["spec"]["x-kubernetes-validations"]
    schema["x-kubernetes-validations"] = [
        rule
        for rule in schema["x-kubernetes-validations"]
        if not any(f"spec.{name}" in rule["rule"] for name in ("outputFiles", "args"))
    ]
    del schema["properties"]["status"]["properties"]["checkSeconds"]
    return crd


def apply(kubectl: InstallationKubectl, crd: dict[str, Any]) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(crd))
    name = f"crd/{crd['metadata']['name']}"
    kubectl("wait", "--for=condition=Established", name, "--timeout=30s")


@pytest.fixture
def before(kubectl: InstallationKubectl) -> Any:
    """The cluster with the older schema; today's schema is restored afterwards in any case."""
    apply(kubectl, older_schema())
    yield
    apply(kubectl, execution_crd())


@pytest.mark.usefixtures("before")
def test_running_executions_survive_a_schema_upgrade(
    kubectl: InstallationKubectl,
    submit: Submit,
    finished: Finished,
    running_pod: RunningPod,
    execute: Execute,
) -> None:
    ended = submit("print('old')")
    old_status = finished(ended)
    names = [submit("import time\ntime.sleep(6)\nprint('through')") for _ in range(COUNT)]
    for name in names:
        running_pod(name)

    apply(kubectl, execution_crd())

    ends = [finished(name) for name in names]
    assert [(end["reason"], end["stdout"]) for end in ends] == [("Exited", "through\n")] * COUNT
    assert kubectl.execution(ended)["status"] == old_status
    answer = execute("import sys\nprint(sys.argv[1])", args=["new field"])
    assert answer["stdout"] == "new field\n"
    shown = kubectl("get", "sbx", ended, "-n", SANDBOXES, "-o", "wide")
    assert "EXPIRES" in shown

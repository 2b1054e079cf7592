"""Variants that weaken a sandbox Pod's container: privileges and resources."""

from __future__ import annotations

from support.data.policy_cases import Variant, added, both, of_container, of_own_context, of_spec
from support.data.sandbox_pods import Change, container, container_context, spec

_PROBE = {"exec": {"command": ["true"]}}
_RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_SIDE = {"name": "side", "image": "x:1", "securityContext": _RESTRICTED}
_RULES = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]
_CAPABILITIES = "spec.containers[0].securityContext.capabilities"
_RESOURCES = "spec.containers[0].resources"

CONTAINERS = {
    "a second container": Variant(
        added(lambda pod: pod["spec"]["containers"], _SIDE), "spec.containers"
    ),
    "another container name": Variant(container(name="shell"), "spec.containers"),
    "init container": of_spec(initContainers=[_SIDE]),
    "sidecar": of_spec(initContainers=[_SIDE | {"restartPolicy": "Always"}]),
    "ephemeral container": of_spec(ephemeralContainers=[_SIDE], invalid="spec.ephemeralContainers"),
    "a shell as command": of_container(command=["sh"]),
    "an interpreter without -I": of_container(command=["python3", "/opt/cloche"]),
    "no command": of_container(command=None),
    "args": of_container(args=["-c"]),
    "env": of_container(env=[{"name": "PYTHONPATH", "value": "/workspace"}]),
    "env of a Secret": of_container(
        env=[{"name": "X", "valueFrom": {"secretKeyRef": {"name": "x", "key": "x"}}}]
    ),
    "envFrom": of_container(envFrom=[{"secretRef": {"name": "x"}}]),
    "port": of_container(ports=[{"containerPort": 80}]),
    "hostPort": of_container(ports=[{"containerPort": 80, "hostPort": 80}], before="hostPort"),
    "livenessProbe": of_container(livenessProbe=_PROBE),
    "readinessProbe": of_container(readinessProbe=_PROBE),
    "startupProbe": of_container(startupProbe=_PROBE),
    "postStart": of_container(lifecycle={"postStart": _PROBE}),
    "preStop": of_container(lifecycle={"preStop": _PROBE}),
    "container that restarts": of_container(restartPolicy="Always"),
    "container that restarts by rules": Variant(
        container(restartPolicy="Never", restartPolicyRules=_RULES),
        "spec.containers[0].restartPolicy",
    ),
    "stdin off": of_container(stdin=False),
    "stdinOnce off": of_container(stdinOnce=False),
    "tty": of_container(tty=True),
    "another workingDir": of_container(workingDir="/"),
    "no workingDir": of_container(workingDir=None),
    "termination message in the workspace": of_container(terminationMessagePath="/workspace/log"),
    "default termination message": of_container(terminationMessagePath=None),
    "termination message from the log": of_container(
        terminationMessagePolicy="FallbackToLogsOnError"
    ),
}

PRIVILEGES = {
    "privilege escalation": of_own_context(
        allowPrivilegeEscalation=True, before="allowPrivilegeEscalation"
    ),
    "default privilege escalation": of_own_context(
        allowPrivilegeEscalation=None, before="allowPrivilegeEscalation"
    ),
    "privileged": of_own_context(privileged=True, invalid="privileged"),
    "writable root file system": of_own_context(readOnlyRootFilesystem=False),
    "default root file system": of_own_context(readOnlyRootFilesystem=None),
    "default capabilities": Variant(
        container_context(capabilities={"drop": None}),
        f"{_CAPABILITIES}.drop",
        before="unrestricted capabilities",
    ),
    "dropped capabilities in addition to ALL": Variant(
        container_context(capabilities={"drop": ["ALL", "CHOWN"]}), f"{_CAPABILITIES}.drop"
    ),
    "capability": Variant(
        container_context(capabilities={"add": ["SYS_ADMIN"]}),
        f"{_CAPABILITIES}.add",
        before="unrestricted capabilities",
    ),
    "capability that restricted allows": Variant(
        container_context(capabilities={"add": ["NET_BIND_SERVICE"]}), f"{_CAPABILITIES}.add"
    ),
    "container as root": of_own_context(runAsUser=0, before="runAsUser=0"),
    "container's user": of_own_context(runAsUser=50_000),
    "container's group": of_own_context(runAsGroup=0),
    "container may be root": of_own_context(runAsNonRoot=False, before="runAsNonRoot"),
    "container without seccomp": of_own_context(
        seccompProfile={"type": "Unconfined"}, before="seccompProfile"
    ),
    "localhost seccomp profile of the container": of_own_context(
        seccompProfile={"type": "Localhost", "localhostProfile": "x.json"}
    ),
    "unmasked /proc": Variant(
        both(spec(hostUsers=False), container_context(procMount="Unmasked")),
        "spec.containers[0].securityContext.procMount",
        before="procMount",
    ),
    "container without AppArmor": of_own_context(
        appArmorProfile={"type": "Unconfined"}, before="forbidden AppArmor profile"
    ),
    "localhost AppArmor profile of the container": of_own_context(
        appArmorProfile={"type": "Localhost", "localhostProfile": "x"}
    ),
    "container's SELinux type": of_own_context(
        seLinuxOptions={"type": "spc_t"}, before="seLinuxOptions"
    ),
    "container's SELinux level": of_own_context(seLinuxOptions={"level": "s0:c1"}),
    "Windows options of the container": of_own_context(windowsOptions={"runAsUserName": "x"}),
}


def _limits(**limits: str | None) -> Variant:
    """Remove a limit, together with its request, which would imply it."""
    change = container(resources={"limits": limits, "requests": dict.fromkeys(limits)})
    return Variant(change, f"{_RESOURCES}.limits", mended=True)


def _extended(resource: str) -> Change:
    return container(resources={"limits": {resource: "1"}, "requests": {resource: "1"}})


_CLAIMS = spec(resourceClaims=[{"name": "x", "resourceClaimName": "x"}])

RESOURCES = {
    "no limit on cpu": _limits(cpu=None),
    "no limit on memory": _limits(memory=None),
    "no limit on disk": _limits(**{"ephemeral-storage": None}),
    "device": Variant(_extended("example.com/gpu"), f"{_RESOURCES}.limits"),
    "resource claim": Variant(_CLAIMS, "spec.resourceClaims"),
    "resource claim of the container": Variant(
        both(_CLAIMS, container(resources={"claims": [{"name": "x"}]})), f"{_RESOURCES}.claims"
    ),
    "limits of the Pod": of_spec(resources={"limits": {"cpu": "2", "memory": "2Gi"}}),
}

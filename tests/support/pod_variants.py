"""Each way to weaken a sandbox Pod: the change, the field that the policy names, who is faster.

`before`: what Pod Security `restricted` says, which is asked before the policy where it is enforced.
`invalid`: what the API server says of it in every namespace, before anybody is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from support.sandbox_pods import (
    Change,
    Pod,
    container,
    container_context,
    context,
    metadata,
    mount,
    spec,
    volume,
)

_PROBE = {"exec": {"command": ["true"]}}
_SIDE = {"name": "side", "image": "x:1"}
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
_COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True)
class Variant:
    """A change for the worse. `mended`: the namespace's LimitRange undoes it."""

    change: Change
    field: str
    before: str = ""
    invalid: str = ""
    mended: bool = False


def _annotation(name: str, value: str = "x", before: str = "") -> Variant:
    return Variant(metadata(annotations={name: value}), "metadata.annotations", before)


def _metadata() -> dict[str, Variant]:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}
    names = (
        "io.katacontainers.config.hypervisor.kernel_params",
        "dev.gvisor.flag.network",
        "dev.gvisor.spec.mount.tmp.type",
        "io.kubernetes.cri-o.Devices",
        "io.kubernetes.cri-o.userns-mode",
        "cpu-quota.crio.io",
        "seccomp-profile.kubernetes.cri-o.io/sandbox",
        "io.kubernetes.cri.untrusted-workload",
        "devices.nri.io/container.sandbox",
        "cdi-devices.nri.io",
        "ulimits.nri.containerd.io/container.sandbox",
        "run.oci.keep_original_groups",
        "org.systemd.property.SuccessAction",
        "io.containers.trace-syscall",
        "cdi.k8s.io/x",
        "rdt.resources.beta.kubernetes.io/pod",
        "k8s.v1.cni.cncf.io/networks",
        "v1.multus-cni.io/default-network",
        "cni.projectcalico.org/ipAddrs",
        "ovn.kubernetes.io/logical_switch",
        "k8s.ovn.org/routing-namespaces",
        "ipam.antrea.io/ippools",
        "policy.cilium.io/no-track-port",
        "networking.gke.io/interfaces",
    )
    app_armor = "container.apparmor.security.beta.kubernetes.io/sandbox"
    return {f"annotation {name}": _annotation(name) for name in names} | {
        "annotation of AppArmor": _annotation(app_armor, "unconfined", "forbidden AppArmor"),
        "no label": Variant(metadata(labels={_COMPONENT: None}), "metadata.labels"),
        "another label": Variant(metadata(labels={_COMPONENT: "x"}), "metadata.labels"),
        "no owner": Variant(metadata(ownerReferences=None), "metadata.ownerReferences"),
        "another owner": Variant(metadata(ownerReferences=[owner]), "metadata.ownerReferences"),
        "finalizer": Variant(metadata(finalizers=["x.example.com/y"]), "metadata.finalizers"),
    }


def _container() -> dict[str, Variant]:
    def of(field: str, *values: object, name: str = "") -> dict[str, Variant]:
        where = f"spec.containers[0].{field}"
        return {
            f"{name or field} {value}": Variant(container(**{field: value}), where)
            for value in values
        }

    def side(pod: Pod) -> None:
        pod["spec"]["containers"].append(_SIDE | {"securityContext": _RESTRICTED})

    host_port = Variant(
        container(ports=[{"containerPort": 80, "hostPort": 80}]),
        "spec.containers[0].ports",
        before="hostPort",
    )
    init = [_SIDE | {"securityContext": _RESTRICTED}]
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]
    return {
        "a second container": Variant(side, "spec.containers"),
        "another name": Variant(container(name="shell"), "spec.containers"),
        "init container": Variant(spec(initContainers=init), "spec.initContainers"),
        "sidecar": Variant(
            spec(initContainers=[init[0] | {"restartPolicy": "Always"}]), "spec.initContainers"
        ),
        "ephemeral container": Variant(
            spec(ephemeralContainers=[_SIDE]),
            "spec.ephemeralContainers",
            invalid="spec.ephemeralContainers",
        ),
        "hostPort": host_port,
        "restart rules": Variant(
            container(restartPolicy="Never", restartPolicyRules=rules),
            "spec.containers[0].restartPolicy",
        ),
        **of("command", ["sh"], ["python3", "/opt/cloche"], None),
        **of("args", ["-c"]),
        **of("env", [{"name": "PYTHONPATH", "value": "/workspace"}], name="literal env"),
        **of("envFrom", [{"secretRef": {"name": "x"}}]),
        **of("ports", [{"containerPort": 80}]),
        **of("livenessProbe", _PROBE),
        **of("readinessProbe", _PROBE),
        **of("startupProbe", _PROBE),
        **of("lifecycle", {"postStart": _PROBE}),
        **of("restartPolicy", "Always", "Never"),
        **of("stdin", False),
        **of("stdinOnce", False),
        **of("tty", True),
        **of("workingDir", "/", None),
        **of("terminationMessagePath", "/workspace/log", None),
        **of("terminationMessagePolicy", "FallbackToLogsOnError"),
    }


def _resources() -> dict[str, Variant]:
    where = "spec.containers[0].resources"
    limits = f"{where}.limits"
    device = {"example.com/gpu": "1"}
    claim = [{"name": "x", "resourceClaimName": "x"}]
    return {
        "no limit on cpu": Variant(_limits(cpu=None), limits, mended=True),
        "no limit on memory": Variant(_limits(memory=None), limits, mended=True),
        "no limit on disk": Variant(_limits(**{"ephemeral-storage": None}), limits, mended=True),
        "a device": Variant(container(resources={"limits": device, "requests": device}), limits),
        "a claim of the container": Variant(
            _both(spec(resourceClaims=claim), container(resources={"claims": [{"name": "x"}]})),
            f"{where}.claims",
        ),
        "a claim": Variant(spec(resourceClaims=claim), "spec.resourceClaims"),
        "limits of the Pod": Variant(
            spec(resources={"limits": {"cpu": "2", "memory": "2Gi"}}), "spec.resources"
        ),
    }


def _limits(**limits: str | None) -> Change:
    """Change limits, and take away requests that would say the same."""
    requests = dict.fromkeys(limits)
    return container(resources={"limits": limits, "requests": requests})


def _both(*changes: Change) -> Change:
    def make(pod: Pod) -> None:
        for change in changes:
            change(pod)

    return make


def _privilege() -> dict[str, Variant]:
    def pod(field: str, value: object, before: str = "") -> Variant:
        return Variant(context(**{field: value}), f"spec.securityContext.{field}", before)

    def own(field: str, value: object, before: str = "") -> Variant:
        where = f"spec.containers[0].securityContext.{field}"
        return Variant(container_context(**{field: value}), where, before)

    capabilities = "spec.containers[0].securityContext.capabilities"
    unmasked = _both(spec(hostUsers=False), container_context(procMount="Unmasked"))
    hosted = {"hostProcess": True}
    return {
        "privilege escalation": own("allowPrivilegeEscalation", True, "allowPrivilegeEscalation"),
        "privileged": Variant(
            container_context(privileged=True, allowPrivilegeEscalation=None),
            "spec.containers[0].securityContext.privileged",
            invalid="privileged",
        ),
        "writable root": own("readOnlyRootFilesystem", False),
        "nothing said of the root": own("readOnlyRootFilesystem", None),
        "no drop": Variant(
            container_context(capabilities={"drop": None}),
            f"{capabilities}.drop",
            before="unrestricted capabilities",
        ),
        "a drop beside ALL": Variant(
            container_context(capabilities={"drop": ["ALL", "CHOWN"]}), f"{capabilities}.drop"
        ),
        "a capability": Variant(
            container_context(capabilities={"add": ["SYS_ADMIN"]}),
            f"{capabilities}.add",
            before="unrestricted capabilities",
        ),
        "a capability that restricted allows": Variant(
            container_context(capabilities={"add": ["NET_BIND_SERVICE"]}), f"{capabilities}.add"
        ),
        "the container's root": own("runAsUser", 0, "runAsUser=0"),
        "the container's user": own("runAsUser", 20_000),
        "the container's group": own("runAsGroup", 0),
        "the container may be root": own("runAsNonRoot", False, "runAsNonRoot"),
        "the container's seccomp": own("seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        "the container's own seccomp": own(
            "seccompProfile", {"type": "Localhost", "localhostProfile": "x.json"}
        ),
        "unmasked /proc": Variant(
            unmasked, "spec.containers[0].securityContext.procMount", before="procMount"
        ),
        "the container's AppArmor": own(
            "appArmorProfile", {"type": "Unconfined"}, "forbidden AppArmor profile"
        ),
        "the container's SELinux": own("seLinuxOptions", {"type": "spc_t"}, "seLinuxOptions"),
        "the container's SELinux level": own("seLinuxOptions", {"level": "s0:c1"}),
        "the container's Windows": own("windowsOptions", {"runAsUserName": "x"}),
        "may be root": pod("runAsNonRoot", False, "runAsNonRoot"),
        "root": pod("runAsUser", 0, "runAsUser=0"),
        "no user": pod("runAsUser", None),
        "a system's user": pod("runAsUser", 9_999),
        "a user beyond": pod("runAsUser", 20_000),
        "another group": pod("runAsGroup", 10_008),
        "root's group": pod("runAsGroup", 0),
        "seccomp": pod("seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        "no seccomp": pod("seccompProfile", None, "seccompProfile"),
        "a seccomp profile of the node's": Variant(
            context(seccompProfile={"type": "Localhost", "localhostProfile": "x.json"}),
            "spec.securityContext.seccompProfile",
        ),
        "groups": pod("supplementalGroups", [0]),
        "fsGroup": pod("fsGroup", 0),
        "a sysctl": pod("sysctls", [{"name": "kernel.msgmax", "value": "1"}], "sysctls"),
        "a sysctl that restricted allows": pod(
            "sysctls", [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
        ),
        "AppArmor": pod("appArmorProfile", {"type": "Unconfined"}, "forbidden AppArmor profile"),
        "an AppArmor profile of the node's": pod(
            "appArmorProfile", {"type": "Localhost", "localhostProfile": "x"}
        ),
        "SELinux": pod("seLinuxOptions", {"user": "system_u"}, "seLinuxOptions"),
        "SELinux level": pod("seLinuxOptions", {"level": "s0:c1"}),
        "Windows": pod("windowsOptions", {"runAsUserName": "x"}),
        "a process of a Windows node": Variant(
            _both(context(windowsOptions=hosted), spec(hostNetwork=True)),
            "spec.securityContext.windowsOptions",
            invalid="hostProcess",
        ),
    }


def _files() -> dict[str, Variant]:
    mounts = "spec.containers[0].volumeMounts"
    token = {"sources": [{"serviceAccountToken": {"path": "token"}}]}
    second = {"name": "more", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}

    def two(pod: Pod) -> None:
        pod["spec"]["volumes"].append(second)

    def again(pod: Pod) -> None:
        pod["spec"]["containers"][0]["volumeMounts"].append(
            {"name": "workspace", "mountPath": "/opt/cloche"}
        )

    kinds = {
        "configMap": {"name": "x"},
        "secret": {"secretName": "x"},
        "projected": token,
        "downwardAPI": {"items": []},
        "persistentVolumeClaim": {"claimName": "x"},
        "image": {"reference": "x:1"},
        "csi": {"driver": "x.example.com"},
    }
    return {f"volume {kind}": Variant(volume(**{kind: of}), "spec.volumes")
            for kind, of in kinds.items()} | {
        "hostPath": Variant(
            volume(hostPath={"path": "/"}), "spec.volumes", before='"hostPath"'
        ),
        "a directory on the disk": Variant(
            volume(emptyDir={"sizeLimit": "1Mi"}), "spec.volumes"
        ),
        "a directory without a limit": Variant(
            volume(emptyDir={"medium": "Memory"}), "spec.volumes"
        ),
        "huge pages": Variant(
            volume(emptyDir={"medium": "HugePages", "sizeLimit": "1Mi"}), "spec.volumes",
        ),
        "a second volume": Variant(two, "spec.volumes"),
        "a second mount": Variant(again, mounts),
        "mounted elsewhere": Variant(mount(mountPath="/opt/cloche"), mounts),
        "a part": Variant(mount(subPath="x"), mounts),
        "a part by expression": Variant(mount(subPathExpr="x"), mounts),
        "propagation": Variant(mount(mountPropagation="HostToContainer"), mounts),
        "propagation both ways": Variant(
            mount(mountPropagation="Bidirectional"), mounts, invalid="mountPropagation"
        ),
        "a disk": Variant(
            container(volumeDevices=[{"name": "workspace", "devicePath": "/dev/x"}]),
            "spec.containers[0].volumeDevices", invalid="volumeDevices",
        ),
        "a token": Variant(
            spec(automountServiceAccountToken=True), "spec.automountServiceAccountToken"
        ),
        "a token by default": Variant(
            spec(automountServiceAccountToken=None), "spec.automountServiceAccountToken"
        ),
    }  # fmt: skip


def _surroundings() -> dict[str, Variant]:
    def of(field: str, value: object, before: str = "", invalid: str = "") -> Variant:
        return Variant(spec(**{field: value}), f"spec.{field}", before, invalid)

    control_plane = "node-role.kubernetes.io/control-plane"
    return {
        "hostNetwork": of("hostNetwork", True, "hostNetwork=true"),
        "hostPID": of("hostPID", True, "hostPID=true"),
        "hostIPC": of("hostIPC", True, "hostIPC=true"),
        "shared processes": of("shareProcessNamespace", True),
        "hostAliases": of("hostAliases", [{"ip": "10.96.0.1", "hostnames": ["k"]}]),
        "dnsPolicy": of("dnsPolicy", "ClusterFirst"),
        "a name server": Variant(
            spec(dnsConfig={"nameservers": ["10.96.0.10"]}), "spec.dnsConfig.nameservers"
        ),
        "search domains": Variant(
            spec(dnsConfig={"searches": ["svc.cluster.local"]}), "spec.dnsConfig.searches"
        ),
        "resolver's options": Variant(
            spec(dnsConfig={"options": [{"name": "ndots"}]}), "spec.dnsConfig.options"
        ),
        "service links": of("enableServiceLinks", True),
        "service links by default": of("enableServiceLinks", None),
        "another service account": of("serviceAccountName", "other"),
        "restarts": of("restartPolicy", "Always"),
        "no deadline": of("activeDeadlineSeconds", None),
        "a long goodbye": of("terminationGracePeriodSeconds", 30),
        "a node": of("nodeName", "control-plane-1"),
        "another scheduler": of("schedulerName", "mine"),
        "a scheduling gate": of("schedulingGates", [{"name": "example.com/wait"}]),
        "Windows' own": of("os", {"name": "windows"}, invalid="spec.securityContext"),
        "an operating system": of("os", {"name": "linux"}),
        "every taint": of("tolerations", [{"operator": "Exists"}]),
        "the control plane": of("tolerations", [{"key": control_plane, "operator": "Exists"}]),
        "the master": of(
            "tolerations", [{"key": "node-role.kubernetes.io/master", "operator": "Exists"}]
        ),
        "the system's priority": of("priorityClassName", "system-node-critical"),
    }


VARIANTS: dict[str, Variant] = {
    **_metadata(),
    **_container(),
    **_resources(),
    **_privilege(),
    **_files(),
    **_surroundings(),
}

"""Variants that weaken a sandbox Pod's metadata, users, volumes and other fields."""

from __future__ import annotations

from support.data.policy_cases import (
    Variant,
    added,
    both,
    of_context,
    of_metadata,
    of_mount,
    of_spec,
)
from support.data.sandbox_pods import context, metadata, spec, volume

_OTHER_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}
_TOKEN = {"sources": [{"serviceAccountToken": {"path": "token"}}]}

ANNOTATIONS = (
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

METADATA = {name: of_metadata(annotations={name: "x"}) for name in ANNOTATIONS} | {
    "annotation of AppArmor": of_metadata(
        annotations={"container.apparmor.security.beta.kubernetes.io/sandbox": "unconfined"},
        before="forbidden AppArmor",
    ),
    "no owner": of_metadata(ownerReferences=None),
    "another owner": of_metadata(ownerReferences=[_OTHER_OWNER]),
    "a second owner": Variant(
        added(lambda pod: pod["metadata"]["ownerReferences"], _OTHER_OWNER),
        "metadata.ownerReferences",
    ),
    "finalizer": of_metadata(finalizers=["x.example.com/y"]),
}

USERS = {
    "runAsNonRoot off": of_context(runAsNonRoot=False, before="runAsNonRoot"),
    "root": of_context(runAsUser=0, before="runAsUser=0"),
    "no runAsUser": of_context(runAsUser=None),
    "user below the range": of_context(runAsUser=39_999),
    "user above the range": of_context(runAsUser=50_000),
    "another group": of_context(runAsGroup=10_008),
    "root's group": of_context(runAsGroup=0),
    "no seccomp": of_context(seccompProfile={"type": "Unconfined"}, before="seccompProfile"),
    "default seccomp profile": of_context(seccompProfile=None, before="seccompProfile"),
    "localhost seccomp profile": of_context(
        seccompProfile={"type": "Localhost", "localhostProfile": "x.json"}
    ),
    "no securityContext": Variant(
        spec(securityContext=None), "spec.securityContext.runAsNonRoot", before="runAsNonRoot"
    ),
    "supplementalGroups": of_context(supplementalGroups=[0]),
    "fsGroup": of_context(fsGroup=0),
    "sysctl": of_context(sysctls=[{"name": "kernel.msgmax", "value": "1"}], before="sysctls"),
    "sysctl that restricted allows": of_context(
        sysctls=[{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    ),
    "no AppArmor": of_context(
        appArmorProfile={"type": "Unconfined"}, before="forbidden AppArmor profile"
    ),
    "localhost AppArmor profile": of_context(
        appArmorProfile={"type": "Localhost", "localhostProfile": "x"}
    ),
    "SELinux user": of_context(seLinuxOptions={"user": "system_u"}, before="seLinuxOptions"),
    "SELinux level": of_context(seLinuxOptions={"level": "s0:c1"}),
    "Windows options": of_context(windowsOptions={"runAsUserName": "x"}),
    "Windows host process": Variant(
        both(context(windowsOptions={"hostProcess": True}), spec(hostNetwork=True)),
        "spec.securityContext.windowsOptions",
        invalid="hostProcess",
    ),
}

_KINDS = {
    "configMap": {"name": "x"},
    "secret": {"secretName": "x"},
    "projected": _TOKEN,
    "downwardAPI": {"items": []},
    "persistentVolumeClaim": {"claimName": "x"},
    "image": {"reference": "x:1"},
    "csi": {"driver": "x.example.com"},
}
_MORE = {"name": "more", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
_AGAIN = {"name": "workspace", "mountPath": "/opt/cloche"}

VOLUMES = {
    f"volume of {kind}": Variant(volume({kind: of}), "spec.volumes") for kind, of in _KINDS.items()
} | {
    "hostPath": Variant(volume({"hostPath": {"path": "/"}}), "spec.volumes", before='"hostPath"'),
    "volume on the disk": Variant(volume({"emptyDir": {"sizeLimit": "1Mi"}}), "spec.volumes"),
    "volume without a size limit": Variant(
        volume({"emptyDir": {"medium": "Memory"}}), "spec.volumes"
    ),
    "huge pages": Variant(
        volume({"emptyDir": {"medium": "HugePages", "sizeLimit": "1Mi"}}), "spec.volumes"
    ),
    "a third volume": Variant(added(lambda pod: pod["spec"]["volumes"], _MORE), "spec.volumes"),
    "shared memory on the disk": Variant(
        volume({"emptyDir": {"sizeLimit": "1Mi"}}, name="shm", at=1), "spec.volumes"
    ),
    "shared memory without a size limit": Variant(
        volume({"emptyDir": {"medium": "Memory"}}, name="shm", at=1), "spec.volumes"
    ),
    "shared memory of a claim": Variant(
        volume({"persistentVolumeClaim": {"claimName": "x"}}, name="shm", at=1), "spec.volumes"
    ),
    "no shared memory": Variant(
        both(
            lambda pod: pod["spec"]["volumes"].pop(),
            lambda pod: pod["spec"]["containers"][0]["volumeMounts"].pop(),
        ),
        "spec.volumes",
    ),
    "no mount of the shared memory": Variant(
        lambda pod: pod["spec"]["containers"][0]["volumeMounts"].pop(),
        "spec.containers[0].volumeMounts",
    ),
    "shared memory mounted elsewhere": of_mount(at=2, mountPath="/opt/cloche"),
    "subPath of the shared memory": of_mount(at=2, subPath="x"),
    "subPathExpr of the shared memory": of_mount(at=2, subPathExpr="x"),
    "mount propagation of the shared memory": of_mount(at=2, mountPropagation="HostToContainer"),
    "the workspace as shared memory": of_mount(at=2, name="workspace"),
    "the shared memory as workspace": of_mount(name="shm"),
    "a fourth mount": Variant(
        added(lambda pod: pod["spec"]["containers"][0]["volumeMounts"], _AGAIN),
        "spec.containers[0].volumeMounts",
    ),
    "no mount over the terminals": Variant(
        lambda pod: pod["spec"]["containers"][0]["volumeMounts"].pop(1),
        "spec.containers[0].volumeMounts",
    ),
    "writable mount over the terminals": Variant(
        lambda pod: pod["spec"]["containers"][0]["volumeMounts"][1].pop("readOnly"),
        "spec.containers[0].volumeMounts",
    ),
    "mounted elsewhere": of_mount(mountPath="/opt/cloche"),
    "subPath": of_mount(subPath="x"),
    "subPathExpr": of_mount(subPathExpr="x"),
    "mount propagation": of_mount(mountPropagation="HostToContainer"),
    "service account token": of_spec(automountServiceAccountToken=True),
    "default service account token": of_spec(automountServiceAccountToken=None),
}

_EXISTS = {"operator": "Exists"}

SURROUNDINGS = {
    "hostNetwork": of_spec(hostNetwork=True, before="hostNetwork=true"),
    "hostPID": of_spec(hostPID=True, before="hostPID=true"),
    "hostIPC": of_spec(hostIPC=True, before="hostIPC=true"),
    "shared process namespace": of_spec(shareProcessNamespace=True),
    "hostAliases": of_spec(hostAliases=[{"ip": "10.96.0.1", "hostnames": ["k"]}]),
    "the cluster's DNS": of_spec(dnsPolicy="ClusterFirst"),
    "a name server": Variant(
        spec(dnsConfig={"nameservers": ["10.96.0.10"]}), "spec.dnsConfig.nameservers"
    ),
    "search domains": Variant(
        spec(dnsConfig={"searches": ["svc.cluster.local"]}), "spec.dnsConfig.searches"
    ),
    "resolver's options": Variant(
        spec(dnsConfig={"options": [{"name": "ndots"}]}), "spec.dnsConfig.options"
    ),
    "service links": of_spec(enableServiceLinks=True),
    "service links by default": of_spec(enableServiceLinks=None),
    "another service account": of_spec(serviceAccountName="other"),
    "restart policy": of_spec(restartPolicy="Always"),
    "no deadline": of_spec(activeDeadlineSeconds=None),
    "no deadline with another state": Variant(
        both(spec(activeDeadlineSeconds=None), metadata(labels={"cloche.dev/state": "ready"})),
        "spec.activeDeadlineSeconds",
    ),
    "termination grace period": of_spec(terminationGracePeriodSeconds=30),
    "fixed node": of_spec(nodeName="control-plane-1"),
    "another scheduler": of_spec(schedulerName="mine"),
    "scheduling gate": of_spec(schedulingGates=[{"name": "example.com/wait"}]),
    "operating system": of_spec(os={"name": "linux"}),
    "toleration of every taint": of_spec(tolerations=[_EXISTS]),
    "toleration of the control plane": of_spec(
        tolerations=[_EXISTS | {"key": "node-role.kubernetes.io/control-plane"}]
    ),
    "toleration of the master": of_spec(
        tolerations=[_EXISTS | {"key": "node-role.kubernetes.io/master"}]
    ),
    "system priority class": of_spec(priorityClassName="system-node-critical"),
    "block device": Variant(
        lambda pod: pod["spec"]["containers"][0].update(
            volumeDevices=[{"name": "workspace", "devicePath": "/dev/x"}]
        ),
        "spec.containers[0].volumeDevices",
        invalid="volumeDevices",
    ),
}

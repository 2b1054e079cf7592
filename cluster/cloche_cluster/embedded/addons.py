"""Objects that the embedded cluster needs: RBAC bindings, RuntimeClass and DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_cluster.embedded.settings import NO_NETWORK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_cluster.embedded.settings import Addresses

_RBAC = "rbac.authorization.k8s.io"
_DNS_LABELS = {"k8s-app": "kube-dns"}


def access() -> list[dict[str, Any]]:
    """Return the bindings that kubeadm creates in a separate phase.

    They cover the administrators' group, and the API server's access to the kubelet (logs, exec,
    attach).
    """
    return [
        _binding("kubeadm:cluster-admins", "cluster-admin", "Group", "kubeadm:cluster-admins"),
        _binding(
            "cloche:kubelet-api", "system:kubelet-api-admin", "User",
            "kube-apiserver-kubelet-client",
        ),
    ]  # fmt: skip


def runtime_class() -> dict[str, Any]:
    """Return the RuntimeClass for Pods without a network."""
    return {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": NO_NETWORK},
        "handler": NO_NETWORK,
    }


def corefile(nameservers: Sequence[str]) -> str:
    """Return CoreDNS's configuration; it forwards only if the machine has a name server."""
    forward = "    forward . /etc/resolv.conf\n" if nameservers else ""
    return f""".:5353 {{
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa {{
        pods verified
    }}
{forward}    cache 30
    reload
}}
"""


def dns(image: str, addresses: Addresses, nameservers: Sequence[str]) -> list[dict[str, Any]]:
    """Return CoreDNS: service account, RBAC, configuration, Deployment, Service `kube-dns`."""
    meta = {"name": "coredns", "namespace": "kube-system"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "cloche:coredns"},
            "rules": [
                {"apiGroups": [""], "resources": ["services", "pods", "namespaces"],
                 "verbs": ["list", "watch"]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"],
                 "verbs": ["list", "watch"]},
            ],
        },
        _binding("cloche:coredns", "cloche:coredns", "ServiceAccount", "coredns"),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": {"Corefile": corefile(nameservers)},
        },
        _dns_deployment(meta, image),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": _DNS_LABELS},
            "spec": {
                "clusterIP": addresses.dns,
                "selector": _DNS_LABELS,
                "ports": [
                    {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "targetPort": 5353, "protocol": "TCP"},
                ],
            },
        },
    ]  # fmt: skip


def _dns_deployment(meta: dict[str, Any], image: str) -> dict[str, Any]:
    container = {
        "name": "coredns",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"containerPort": 5353, "name": "dns", "protocol": "UDP"},
            {"containerPort": 5353, "name": "dns-tcp", "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080},
            "initialDelaySeconds": 30,
            "timeoutSeconds": 5,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "40Mi"}, "limits": {"memory": "170Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _DNS_LABELS},
            "template": {"metadata": {"labels": _DNS_LABELS}, "spec": pod},
        },
    }


def _binding(name: str, role: str, kind: str, subject: str) -> dict[str, Any]:
    reference: dict[str, Any] = {"kind": kind, "name": subject}
    if kind == "ServiceAccount":
        reference["namespace"] = "kube-system"
    else:
        reference["apiGroup"] = _RBAC
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [reference],
    }

"""The embedded cluster's directories. They are the same for every checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The directories, following the Filesystem Hierarchy Standard.

    `cache` outlives `down` (programs, images, build layers); `state` is the cluster's persistent
    state (etcd, keys, images in use); `run` is for running processes only (sockets, lock); `log`
    has the logs of programs and Pods.
    """

    cache: Path = Path("/var/cache/cloche")
    state: Path = Path("/var/lib/cloche")
    run: Path = Path("/run/cloche")
    log: Path = Path("/var/log/cloche")

    @property
    def config(self) -> Path:
        """Configuration files, which every `up` writes."""
        return self.state / "config"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.state / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """The kubeconfigs that kubeadm creates, one for each component."""
        return self.state / "kubeconfig"

    @property
    def admin(self) -> Path:
        """The administrator's kubeconfig."""
        return self.kubeconfigs / "admin.conf"

    @property
    def kubelet(self) -> Path:
        """The kubelet's root: volumes, device plugins."""
        return self.state / "kubelet"

    @property
    def snapshots(self) -> Path:
        """The directory of containerd's overlay snapshotter."""
        return self.state / "containerd" / "io.containerd.snapshotter.v1.overlayfs"

    @property
    def sysctls(self) -> Path:
        """The kernel settings recorded before the first start."""
        return self.state / "sysctls.json"

    @property
    def containerd_socket(self) -> Path:
        """The socket of containerd."""
        return self.run / "containerd" / "containerd.sock"

    @property
    def supervisor_config(self) -> Path:
        """The configuration of supervisord."""
        return self.config / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """The socket of supervisord."""
        return self.run / "supervisor.sock"

    @property
    def supervisor_pid(self) -> Path:
        """The process id of supervisord."""
        return self.run / "supervisord.pid"

"""Where the embedded cluster keeps its things: one fixed place, whatever the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
"""The checkout that this program runs from."""


@dataclass(frozen=True)
class Layout:
    """The directories, as the Filesystem Hierarchy Standard names them.

    `cache` outlives `down` (programs, images, the build's layers); `state` is what the cluster
    must keep (etcd, keys, images in use); `run` is gone with its processes (sockets, lock);
    `log` holds the programs' and the Pods' logs.
    """

    cache: Path = Path("/var/cache/cloche")
    state: Path = Path("/var/lib/cloche")
    run: Path = Path("/run/cloche")
    log: Path = Path("/var/log/cloche")

    @property
    def config(self) -> Path:
        """Configuration files, written by every `up`."""
        return self.state / "config"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.state / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """The kubeconfigs that kubeadm makes, one a component."""
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
        """Where containerd's overlay snapshotter keeps the images' files."""
        return self.state / "containerd" / "io.containerd.snapshotter.v1.overlayfs"

    @property
    def sysctls(self) -> Path:
        """The kernel's settings as they were before the first start."""
        return self.state / "sysctls.json"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd answers."""
        return self.run / "containerd" / "containerd.sock"

    @property
    def supervisor_config(self) -> Path:
        """The configuration of supervisord."""
        return self.config / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord answers."""
        return self.run / "supervisor.sock"

    @property
    def supervisor_pid(self) -> Path:
        """The process id of supervisord."""
        return self.run / "supervisord.pid"

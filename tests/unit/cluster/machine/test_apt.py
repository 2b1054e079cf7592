"""What dpkg reports of packages."""

from __future__ import annotations

from cloche_cluster.machine.apt import missing_packages


def test_a_package_counts_only_when_it_is_installed() -> None:
    status = "gcc installed\nbuildah config-files\nlibc6-dev installed\n"
    assert missing_packages(status, ("gcc", "buildah", "socat")) == ("buildah", "socat")

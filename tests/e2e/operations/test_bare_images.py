"""The images of gateway and operator have no shell and no program except Python."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import SYSTEM

_PROGRAMS = """
import os
for directory, _, names in os.walk("/"):
    if directory.startswith(("/proc", "/sys", "/dev")):
        continue
    for path in (os.path.join(directory, name) for name in names):
        if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.X_OK):
            with open(path, "rb") as file:
                if file.read(4) == b"\\x7fELF" and ".so" not in os.path.basename(path):
                    print(path)
"""


def pod_of(kubectl: InstallationKubectl, component: str) -> str:
    """Any Pod of it that runs."""
    words = ("get", "pods", "-n", SYSTEM, "-l", f"app.kubernetes.io/component={component}")
    pods: list[dict[str, Any]] = kubectl.json(*words)["items"]
    running = [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]
    assert running, f"no Pod of {component} runs"
    name: str = running[0]
    return name


@pytest.mark.parametrize("component", ["gateway", "operator"])
@pytest.mark.parametrize("program", ["sh", "/bin/sh", "bash", "dpkg", "apt-get", "perl", "ls"])
def test_gateway_and_operator_images_have_no_shell_and_no_package_manager(
    kubectl: InstallationKubectl, component: str, program: str
) -> None:
    done = kubectl.run("exec", pod_of(kubectl, component), "-n", SYSTEM, "--", program)

    assert done.returncode != 0
    assert "not found" in done.stderr or "no such file" in done.stderr, done.stderr


@pytest.mark.parametrize("component", ["gateway", "operator"])
def test_python_is_the_only_program_in_gateway_and_operator_images(
    kubectl: InstallationKubectl, component: str
) -> None:
    where = ("exec", pod_of(kubectl, component), "-n", SYSTEM, "--")
    programs = kubectl(*where, "python3", "-c", _PROGRAMS).split()

    assert len(programs) == 1
    assert programs[0].startswith("/usr/bin/python3.")


def test_the_dpkg_database_lists_the_packages_of_the_gateway_image(
    kubectl: InstallationKubectl,
) -> None:
    where = ("exec", pod_of(kubectl, "gateway"), "-n", SYSTEM, "--")
    read = "print(open('/var/lib/dpkg/status').read())"
    lines = kubectl(*where, "python3", "-c", read).splitlines()

    packages = {line.removeprefix("Package: ") for line in lines if line.startswith("Package: ")}
    assert {"base-files", "ca-certificates", "libc6", "libssl3t64", "python3"} <= packages
    assert not packages & {"apt", "bash", "coreutils", "dash", "dpkg", "perl-base", "util-linux"}

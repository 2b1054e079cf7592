"""The environment of a program in its Pod: its user, writable paths, network and limits."""

from __future__ import annotations

import pytest
from support.clients.kubectl import InstallationKubectl
from support.fixtures.executions import Execute, RunningPod, Submit

MIB = 1024 * 1024


def test_a_program_runs_as_an_unprivileged_user_in_the_pods_range(execute: Execute) -> None:
    uid, gid = execute("id -u; id -g", "bash")["stdout"].split()

    assert 40_000 <= int(uid) <= 49_999
    assert gid == uid


def test_a_pod_has_a_user_namespace_where_the_installation_enables_it(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    operator = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    [container] = operator["spec"]["template"]["spec"]["containers"]
    settings = {one["name"]: one.get("value") for one in container["env"]}

    _, outside, _ = execute("cat /proc/self/uid_map", "bash")["stdout"].split()

    assert (outside != "0") is (settings["CLOCHE_OPERATOR_USER_NAMESPACES"] == "true")


@pytest.mark.parametrize("path", ["/x", "/etc/x", "/usr/x", "/opt/cloche/x", "/run/cloche/x"])
def test_a_program_cannot_write_to_the_root_file_system(execute: Execute, path: str) -> None:
    answer = execute(f"touch {path}", "bash")

    assert answer["exit_code"] == 1
    assert "Read-only file system" in answer["stderr"] or "Permission denied" in answer["stderr"]


def test_the_workspace_shared_memory_and_message_queues_are_the_only_writable_paths(
    execute: Execute,
) -> None:
    """Memory, or bound to it; nothing on the node's disk."""
    code = "find / -xdev -writable -type d 2>/dev/null; for m in $(cut -d' ' -f2 /proc/mounts); do "
    code += 'case $m in /proc*) ;; *) [ -w "$m" ] && echo "$m";; esac; done'

    found = set(execute(code, "bash")["stdout"].split())

    assert found - {
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
        "/dev/tty",
    } == {
        "/workspace",
        "/dev/shm",
        "/dev/mqueue",
    }


NETWORK = """
import errno, socket
for target in {targets!r}:
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(3)
        s.connect(tuple(target))
        print(target, "REACHED")
    except OSError as error:
        print(target, type(error).__name__, error.errno)
try:
    print(socket.getaddrinfo("kubernetes.default", 443), "REACHED")
except OSError as error:
    print("dns", type(error).__name__)
"""


def test_a_program_reaches_no_network_address(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    node = kubectl.json("get", "nodes")["items"][0]["status"]["addresses"][0]["address"]
    api = kubectl.json("get", "service", "kubernetes")["spec"]["clusterIP"]
    dns = kubectl.json("get", "service", "kube-dns", "-n", "kube-system")["spec"]["clusterIP"]
    targets = [(api, 443), (dns, 53), (node, 10250), ("192.0.2.1", 80), ("169.254.169.254", 80)]

    answer = execute(NETWORK.format(targets=targets))

    assert answer["exit_code"] == 0, answer["stderr"]
    assert "REACHED" not in answer["stdout"]
    assert len(answer["stdout"].splitlines()) == len(targets) + 1


def test_a_program_finds_no_service_account_token_and_no_service_addresses(
    execute: Execute,
) -> None:
    answer = execute("ls -A /var/run/secrets /run/secrets; env", "bash")

    assert "kubernetes" not in answer["stdout"].lower()
    assert "SERVICE" not in answer["stdout"]


def test_a_pod_has_the_default_cpu_and_memory_limits(
    submit: Submit, running_pod: RunningPod, kubectl: InstallationKubectl
) -> None:
    name = submit("import time\ntime.sleep(20)", timeoutSeconds=30)
    limits = running_pod(name)["spec"]["containers"][0]["resources"]["limits"]
    kubectl("delete", "sbx", name, "-n", "cloche-sandboxes")

    assert limits["memory"] == "512Mi"
    assert limits["cpu"] == "1"


CGROUP = """
from pathlib import Path
def read(*names):
    for name in names:
        if (path := Path("/sys/fs/cgroup") / name).exists():
            return path.read_text().split()
print(*read("memory.max", "memory/memory.limit_in_bytes"))
print(*(read("cpu.max") or read("cpu/cpu.cfs_quota_us") + read("cpu/cpu.cfs_period_us")))
"""


def test_a_programs_cgroup_has_the_pods_memory_and_cpu_limits(execute: Execute) -> None:
    answer = execute(CGROUP)

    assert answer["exit_code"] == 0, answer["stderr"]
    memory, cpu = answer["stdout"].splitlines()
    assert int(memory) == 512 * MIB
    quota, period = cpu.split()
    assert int(quota) / int(period) == 1


def test_the_workspace_is_limited_to_100_mib(execute: Execute) -> None:
    answer = execute("dd if=/dev/zero of=big bs=1M count=200 2>&1; stat -c %s big", "bash")

    assert "No space left on device" in answer["stdout"]
    assert int(answer["stdout"].split()[-1]) <= 100 * MIB


@pytest.mark.parametrize("path", ["/mnt/data", "/home/user"])
def test_other_interpreters_directories_lead_to_the_workspace(execute: Execute, path: str) -> None:
    answer = execute(f"cd {path} && echo text > new && cat ~/new && pwd -P", "bash")

    assert answer["stdout"].split() == ["text", "/workspace"]


def test_a_program_knows_its_users_name_and_its_terminal(execute: Execute) -> None:
    answer = execute('clear >cleared && echo "$(id -un) $USER $LOGNAME $TERM"', "bash")

    assert answer["stderr"] == ""
    name, user, logname, terminal = answer["stdout"].split()
    assert name.startswith("sandbox")
    assert (user, logname, terminal) == (name, name, "xterm")


def test_tmp_and_home_are_in_the_workspace(execute: Execute) -> None:
    answer = execute("touch /tmp/t ~/h && df --output=target /tmp/t ~/h | tail -n 2", "bash")

    assert answer["stdout"].split() == ["/workspace", "/workspace"]

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.node import cgroups, sysctls
from cloche_cluster.embedded.sweep import own_mounts, own_processes
from cloche_cluster.machine.processes import Process

if TYPE_CHECKING:
    import pytest

LAYOUT = Layout()
BIN = "/var/cache/cloche/bin"


def selected(*processes: Process, in_cgroup: frozenset[int] = frozenset()) -> tuple[int, ...]:
    return own_processes(processes, LAYOUT, set(in_cgroup))


def test_the_clusters_programs_are_identified_by_executable_and_directory() -> None:
    etcd = Process(1, f"{BIN}/etcd-1/etcd", ("etcd", "--data-dir=/var/lib/cloche/etcd"))
    shim = Process(
        2, f"{BIN}/containerd-1/containerd-shim-runc-v2", ("x", "-address", "/run/cloche/c.sock")
    )
    assert selected(etcd, shim) == (1, 2)


def test_supervisord_is_identified_although_python_runs_it() -> None:
    script = "/var/cache/cloche/supervisor/1/bin/supervisord"
    python = Process(
        1, "/usr/bin/python3.11", ("/x/python", script, "-c", "/var/lib/cloche/config/s.conf")
    )
    assert selected(python) == (1,)


def test_an_api_server_of_a_test_from_the_same_cache_is_not_selected() -> None:
    server = Process(1, f"{BIN}/etcd-1/etcd", ("etcd", "--data-dir=/tmp/cloche-api-x/etcd"))
    assert selected(server) == ()


def test_a_foreign_kubelet_etcd_or_editor_is_not_selected() -> None:
    kubelet = Process(1, "/usr/bin/kubelet", ("kubelet", "--config=/var/lib/kubelet/config.yaml"))
    editor = Process(2, "/usr/bin/vim", ("vim", "/var/lib/cloche/config/kubelet.yaml"))
    same_name = Process(3, "/opt/cloche/etcd", ("etcd", "--data-dir=/var/lib/cloche-other/x"))
    assert selected(kubelet, editor, same_name) == ()


def test_each_process_in_the_clusters_cgroup_is_selected() -> None:
    program = Process(7, "/usr/bin/python3", ("python3", "main.py"))
    assert selected(program, in_cgroup=frozenset({7})) == (7,)


def test_mounts_below_the_clusters_directories_are_selected_innermost_first() -> None:
    mountinfo = (
        "1 0 8:1 / / rw - ext4 /dev/x rw\n"
        "2 1 0:1 / /run/cloche/a rw - tmpfs tmpfs rw\n"
        "3 2 0:2 / /run/cloche/a/b\\040c rw - overlay overlay rw\n"
        "4 1 0:3 / /run/cloche-other rw - tmpfs tmpfs rw\n"
        "5 1 0:4 / /var/lib/kubelet rw - tmpfs tmpfs rw\n"
    )
    found = own_mounts(mountinfo, [Path("/run/cloche"), Path("/var/lib/cloche")])
    assert found == ("/run/cloche/a/b c", "/run/cloche/a")


def test_the_cgroup_hierarchies_of_a_hybrid_machine_are_read() -> None:
    mounts = cgroups.parse_mounts(
        "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
        "cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    )
    assert [path.name for path in mounts.v1] == ["cpu", "pids"]
    assert mounts.v2 == Path("/sys/fs/cgroup/unified")
    assert mounts.hidden == (mounts.v2,)


def test_only_version_2_beside_version_1_is_hidden() -> None:
    v1, v2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    assert cgroups.CgroupMounts((v1,), None).hidden == ()
    assert cgroups.CgroupMounts((), v2).hidden == ()


def v2_root(tmp_path: Path) -> cgroups.CgroupMounts:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids rdma\n")
    return cgroups.CgroupMounts((), tmp_path)


def test_cgroup_v2_delegates_controllers_and_puts_programs_into_a_leaf(
    tmp_path: Path,
) -> None:
    procs = cgroups.prepare(v2_root(tmp_path))
    assert procs == tmp_path / "cloche" / "daemons" / "cgroup.procs"
    for parent in (tmp_path, tmp_path / "cloche"):
        wanted = (parent / "cgroup.subtree_control").read_text()
        assert wanted == "+cpu +cpuset +io +memory +pids"
    assert not (procs.parent / "cgroup.subtree_control").exists()


def test_cgroup_v1_has_the_group_in_each_hierarchy_and_fills_cpusets(tmp_path: Path) -> None:
    for name in ("pids", "cpuset", "cpu"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cloche").mkdir()
    (tmp_path / "cpuset" / "cloche" / "cpuset.cpus").write_text("\n")
    shares = tmp_path / "cpu" / "cloche" / "cpu.shares"
    shares.parent.mkdir()
    shares.write_text("1024\n")
    hierarchies = (tmp_path / "pids", tmp_path / "cpuset", tmp_path / "cpu")
    mounts = cgroups.CgroupMounts(hierarchies, None)
    procs = cgroups.prepare(mounts)
    assert procs == tmp_path / "pids" / "cloche" / "daemons" / "cgroup.procs"
    assert (tmp_path / "cpuset" / "cloche" / "cpuset.cpus").read_text() == "0-1\n"
    assert int(shares.read_text()) == 1024 * (os.cpu_count() or 1)


def test_members_are_found_in_each_cgroup_below_the_clusters(tmp_path: Path) -> None:
    pod = tmp_path / "cloche" / "kubepods" / "pod1"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("12\n13\n")
    (tmp_path / "cgroup.procs").write_text("1\n")
    assert cgroups.members(cgroups.CgroupMounts((), tmp_path)) == {12, 13}


def test_cgroups_are_removed_children_first(tmp_path: Path) -> None:
    (tmp_path / "cloche" / "kubepods" / "pod1").mkdir(parents=True)
    assert cgroups.remove(cgroups.CgroupMounts((), tmp_path)) == 3
    assert not (tmp_path / "cloche").exists()


def test_the_recorded_kernel_settings_are_from_before_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysctls, "CHANGED", ("kernel/panic", "kernel/absent"))
    root, record = tmp_path / "sys", tmp_path / "state" / "sysctls.json"
    (root / "kernel").mkdir(parents=True)
    panic = root / "kernel" / "panic"
    panic.write_text("1\n")
    sysctls.record(record, root)
    panic.write_text("10\n")
    sysctls.record(record, root)
    assert sysctls.restore(record, root) == 1
    assert panic.read_text() == "1"
    assert sysctls.restore(record, root) == 0


def test_kernel_settings_changed_by_a_newer_version_are_recorded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other settings have the cluster's values by then; the recorded ones are the machine's."""
    root, record = tmp_path / "sys", tmp_path / "sysctls.json"
    (root / "kernel").mkdir(parents=True)
    (root / "kernel" / "panic").write_text("10\n")
    (root / "kernel" / "pid_max").write_text("32768\n")
    record.write_text('{"kernel/panic": "0"}')
    monkeypatch.setattr(sysctls, "CHANGED", ("kernel/panic", "kernel/pid_max"))
    sysctls.record(record, root)
    assert json.loads(record.read_text()) == {"kernel/panic": "0", "kernel/pid_max": "32768"}


def test_kernel_limits_are_raised_and_never_lowered(tmp_path: Path) -> None:
    for name, value in {"kernel/pid_max": "32768", "fs/file-max": str(2**63 - 1)}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(f"{value}\n")
    sysctls.raise_limits(tmp_path)
    assert (tmp_path / "kernel/pid_max").read_text() == "4194304"
    assert (tmp_path / "fs/file-max").read_text() == f"{2**63 - 1}\n"
    assert not (tmp_path / "fs/inotify").exists()


def test_process_ids_are_reserved_for_the_machine(tmp_path: Path) -> None:
    pids, memory, system = tmp_path / "pids", tmp_path / "memory", tmp_path / "system"
    for hierarchy in (pids, memory):
        (hierarchy / "cloche" / "kubepods").mkdir(parents=True)
    limit = pids / "cloche" / "kubepods" / "pids.max"
    limit.write_text("32768\n")
    system.mkdir()
    (system / "pid_max").write_text("32768\n")
    (system / "threads-max").write_text("192730\n")
    cgroups.reserve_processes(cgroups.CgroupMounts((pids, memory), None), system)
    assert limit.read_text() == "30768"
    assert not list(memory.rglob("pids.max"))

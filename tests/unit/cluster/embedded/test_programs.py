from __future__ import annotations

import configparser
import shlex
from pathlib import Path

from cloche_cluster.components.build import Binaries
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.programs import Program, cluster_programs, localhost_forward
from cloche_cluster.embedded.settings import Addresses, Ports
from cloche_cluster.embedded.supervisord import render
from cloche_cluster.machine.files import write_if_changed

LAYOUT = Layout(Path("/c"), Path("/s"), Path("/r"), Path("/l"))
NAMES = ("etcd", "containerd", "kubernetes", "runc")
PROGRAMS = Binaries({name: Path(f"/c/bin/{name}-1") for name in NAMES})
TABLE = cluster_programs(LAYOUT, PROGRAMS, Addresses(), Ports())


def rendered(*programs: Program) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(render(programs, LAYOUT))
    return parser


def test_all_components_are_supervised() -> None:
    assert [program.name for program in TABLE] == [
        "etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
        "kubelet", "kube-proxy",
    ]  # fmt: skip


def test_each_program_is_restarted_and_rotates_its_log() -> None:
    config = rendered(*TABLE)
    for program in TABLE:
        section = config[f"program:{program.name}"]
        assert section["autorestart"] == "true"
        assert section["stdout_logfile"] == f"/l/{program.name}.log"
        assert int(section["stdout_logfile_maxbytes"]) > 0
        command = shlex.split(section["command"].replace("%%", "%"))
        assert command == ["nice", "-n", str(program.niceness), *program.argv]


def test_containerd_has_no_limit_on_queues_and_signals_shared_by_all_pods() -> None:
    table = cluster_programs(LAYOUT, PROGRAMS, Addresses(), Ports(), may_raise_limits=True)
    argv = next(program.argv for program in table if program.name == "containerd")
    assert argv[:3] == ("prlimit", "--msgqueue=unlimited", "--sigpending=unlimited")
    assert argv[3:] == next(program.argv for program in TABLE if program.name == "containerd")


def test_etcd_has_a_quota_compacts_and_requires_certificates() -> None:
    argv = next(program.argv for program in TABLE if program.name == "etcd")
    assert "--quota-backend-bytes=2147483648" in argv
    assert "--auto-compaction-retention=5m" in argv
    assert "--client-cert-auth" in argv
    assert not [word for word in argv if "http://" in word]


def test_programs_listen_only_on_the_nodes_address_and_loopback() -> None:
    argv = [word for program in TABLE for word in program.argv]
    binds = {word.partition("=")[2] for word in argv if word.startswith("--bind-address=")}
    assert binds == {"127.0.0.1", "10.99.0.1"}


def test_a_changed_file_changes_the_section_of_its_program() -> None:
    old = rendered(Program("x", ("/x",), 1, stamp="a"))["program:x"]["environment"]
    new = rendered(Program("x", ("/x",), 1, stamp="b"))["program:x"]["environment"]
    assert old != new


def test_percent_signs_and_blanks_are_escaped_for_supervisord() -> None:
    section = rendered(Program("x", ("/x", "a b", "50%"), 1))["program:x"]
    assert section["command"] == 'nice -n 0 /x "a b" 50%%'


def test_etcd_and_the_api_server_have_a_higher_cpu_priority() -> None:
    first = {program.name for program in TABLE if program.niceness < 0}
    assert first == {"etcd", "kube-apiserver"}


def test_localhost_is_forwarded_to_the_node_port() -> None:
    argv = " ".join(localhost_forward(Addresses()).argv)
    assert "TCP-LISTEN:8002,bind=127.0.0.1" in argv
    assert "TCP:10.99.0.1:30802" in argv


def test_a_file_is_written_only_if_its_content_changed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "config"
    write_if_changed(path, "one")
    before = path.stat()
    write_if_changed(path, "one")
    assert path.stat().st_ino == before.st_ino
    write_if_changed(path, "two", mode=0o600)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_another_runc_restarts_only_containerd() -> None:
    other = Binaries({**PROGRAMS.directories, "runc": Path("/c/bin/runc-2")})
    table = cluster_programs(LAYOUT, other, Addresses(), Ports())
    changed = [new.name for old, new in zip(TABLE, table, strict=True) if old != new]
    assert changed == ["containerd"]
    old, new = rendered(*TABLE), rendered(*table)
    assert [name for name in old.sections() if dict(old[name]) != dict(new[name])] == [
        "program:containerd"
    ]

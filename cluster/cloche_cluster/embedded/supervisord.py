"""supervisord (PyPI's `supervisor`), which keeps the cluster's programs running."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded.node import cgroups, mount_points
from cloche_cluster.errors import CommandError
from cloche_cluster.machine.command import run, wait_until
from cloche_cluster.machine.files import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.console import Console
    from cloche_cluster.embedded.layout import Layout
    from cloche_cluster.embedded.programs import Program

REQUIREMENTS = REPOSITORY / "cluster" / "requirements.txt"
"""The pinned version of supervisor."""

LOG_BYTES = 10 * 1024 * 1024
LOG_BACKUPS = 2
"""A program's logs take at most 30 MiB."""

START_RETRIES = 1_000_000
"""A program that fails is restarted without limit, with a delay that grows by a second each
time."""

_IN_CGROUP = 'echo $$ >"$0" && exec "$@"'
"""A shell that enters the cgroup first, so that all its children start inside."""

_IN_MOUNT_NAMESPACE = (
    'mount --make-rshared / && while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; '
    'shift 2; done; shift; while [ "$1" != -- ]; do umount "$1" || exit 1; shift; done; shift; '
    'exec "$@"'
)
"""A shell in the new namespace: it binds pairs of directories up to `--`, unmounts those up to the
next `--`, and executes the rest."""


def render(programs: Iterable[Program], layout: Layout) -> str:
    """Return supervisord's configuration for `programs`."""
    head = f"""[unix_http_server]
file = {layout.supervisor_socket}
chmod = 0700

[supervisord]
pidfile = {layout.supervisor_pid}
logfile = {layout.log / "supervisord.log"}
logfile_maxbytes = {LOG_BYTES}
logfile_backups = {LOG_BACKUPS}
childlogdir = {layout.log}
umask = 022
nodaemon = true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{layout.supervisor_socket}
"""
    return head + "".join(_section(program, layout.log) for program in programs)


def _section(program: Program, log: Path) -> str:
    argv = ("nice", "-n", str(program.niceness), *program.argv)
    command = " ".join(f'"{word}"' if " " in word else word for word in argv)
    return f"""
[program:{program.name}]
command = {command.replace("%", "%%")}
environment = PATH="{program.path}",GOGC="{program.heap_growth}",CLOCHE_CONFIG="{program.stamp}"
priority = {program.priority}
autorestart = true
startsecs = 1
startretries = {START_RETRIES}
stopwaitsecs = {program.stop_seconds}
redirect_stderr = true
stdout_logfile = {log / program.name}.log
stdout_logfile_maxbytes = {LOG_BYTES}
stdout_logfile_backups = {LOG_BACKUPS}
"""


@dataclass(frozen=True)
class Supervisor:
    """Controls supervisord: start, update, stop."""

    layout: Layout
    environment: Path

    def is_running(self) -> bool:
        """Return whether supervisord answers."""
        try:
            self._control("pid", timeout=10)
        except CommandError:
            return False
        return True

    def has_current_mounts(self) -> bool:
        """Return whether the running supervisord was started with the mounts of this version."""
        pid = self._control("pid", timeout=10).strip()
        return not cgroups.parse_mounts(Path("/proc", pid, "mounts").read_text()).hidden

    def start(self, cgroup_procs: Path) -> None:
        """Start supervisord in the cgroup of `cgroup_procs` and in a new mount namespace.

        All mounts of the node therefore end with its processes. It also gets a new session, which
        Ctrl-C at the terminal does not reach.
        """
        for directory in (self.layout.run, self.layout.log):
            directory.mkdir(parents=True, exist_ok=True)
        log = self.layout.log / "supervisord.out"
        supervisord = [str(self.environment / "bin" / "supervisord")]
        with log.open("wb") as output:
            subprocess.Popen(
                ["/bin/sh", "-c", _IN_CGROUP, str(cgroup_procs),
                 "unshare", "--mount", "--propagation", "slave",
                 "/bin/sh", "-c", _IN_MOUNT_NAMESPACE, "sh", *mount_points.pairs(self.layout), "--",
                 *map(str, cgroups.read_mounts().hidden), "--",
                 *supervisord, "-c", str(self.layout.supervisor_config)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        self._wait_until_running(log)

    def update(self) -> None:
        """Start new programs, restart changed ones, stop removed ones."""
        self._control("update", timeout=120)

    def shutdown(self) -> None:
        """Stop every program in order, then supervisord itself."""
        self._control("shutdown", timeout=120)

    def states(self) -> dict[str, str]:
        """Return each program's state (`RUNNING`, `BACKOFF` …) with supervisord's description."""
        try:
            text = self._control("status", timeout=20)
        except CommandError as error:
            # Exit code 3 means that not all programs are running; the output is valid.
            text = str(error)
        lines = (line.split(maxsplit=1) for line in text.splitlines())
        return {words[0]: words[1] for words in lines if len(words) > 1 and words[1][:1].isupper()}

    def _control(self, *words: str, timeout: float) -> str:
        program = self.environment / "bin" / "supervisorctl"
        return run([program, "-c", self.layout.supervisor_config, *words], timeout=timeout)

    def _wait_until_running(self, log: Path) -> None:
        def output() -> str:
            return f": {log.read_text(errors='replace')[-500:]}"

        wait_until(self.is_running, seconds=20, what="supervisord did not start", details=output)


def environment_place(cache: Path) -> Path:
    """Return the directory of supervisor's environment, which is complete if it has `complete`."""
    recipe = REQUIREMENTS.read_bytes() + sys.version.encode()
    return cache / "supervisor" / hashlib.sha256(recipe).hexdigest()[:12]


def base_python() -> Path:
    """Return the Python for new environments: the machine's, not the checkout's."""
    return Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"


def ensure_environment(cache: Path, console: Console) -> Path:
    """Return a Python environment with supervisor, which must outlive the checkout."""
    place = environment_place(cache)
    if (place / "complete").exists():
        return place
    console.step("installing supervisor …")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    # An environment's scripts contain its path, so it is created in place and marked when complete.
    run([base_python(), "-m", "venv", place], timeout=120)
    run(
        [place / "bin" / "python", "-m", "pip", "install", "-q", "--require-hashes",
         "--no-deps", "-r", REQUIREMENTS],
        timeout=300,
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    (place / "complete").touch()
    return place

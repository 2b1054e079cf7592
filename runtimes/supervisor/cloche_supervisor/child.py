"""Starting a program: a fork that gives up what it must not have, then exec."""

from __future__ import annotations

import gc
import os
import resource

from cloche_supervisor import linux
from cloche_supervisor.shared_counts import limits_of_user
from cloche_supervisor.signals import Signals

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_FOUND, _NOT_RUNNABLE = 127, 126  # as a shell has it
_OOM_SCORE = b"1000"  # the kernel takes it before PID 1


class Child:
    """A started program: its pid and our ends of its pipes, all non-blocking."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr


class Launcher:
    """How every program of one execution is started.

    Args:
        workspace: its working directory and HOME; `.tmp` in it is its TMPDIR.
        environment: variables over PATH, HOME, LANG and TMPDIR; nothing else is inherited.
        rlimits: values by name as in the frame, besides those that are always the same; the hard
            limit of this process caps them.
        filter_: the BPF program that judges its system calls.
    """

    def __init__(
        self, workspace: str, environment: dict[str, str], rlimits: dict[str, int], filter_: bytes
    ) -> None:
        self._workspace = workspace
        self._filter = filter_
        self._environment = {
            "PATH": PATH,
            "HOME": workspace,
            "LANG": "C.UTF-8",
            "TMPDIR": f"{workspace}/.tmp",
            **environment,
        }
        ordered = {getattr(resource, f"RLIMIT_{name.upper()}"): rlimits[name] for name in rlimits}
        self._rlimits = {
            number: _capped(number, value) for number, value in (limits_of_user() | ordered).items()
        }

    def start(self, command: tuple[str, ...]) -> Child:
        """Start a command line. One that cannot be run ends with 126 or 127 and says so."""
        program_ends, our_ends = [], []
        for theirs in (0, 1, 1):
            pipe = os.pipe()  # neither end outlives an exec
            program_ends.append(pipe[theirs])
            our_ends.append(pipe[1 - theirs])
            os.set_blocking(pipe[1 - theirs], False)
        gc.freeze()  # so that a collection in the child copies no page
        try:
            pid = os.fork()
        except OSError:
            for fd in (*program_ends, *our_ends):
                os.close(fd)
            raise
        if pid == 0:
            try:
                self._become(command, program_ends)
            except BaseException as error:  # noqa: BLE001 - no frame of the parent may go on here
                os.write(2, f"cannot start the program: {error}\n".encode(errors="replace"))
            finally:
                os._exit(_NOT_RUNNABLE)
        gc.unfreeze()
        for fd in program_ends:
            os.close(fd)
        return Child(pid, *our_ends)

    def _become(self, command: tuple[str, ...], ends: list[int]) -> None:
        os.setsid()
        for number, fd in enumerate(ends):
            os.dup2(fd, number)
        # /proc/self belongs to root while we are not dumpable. We are the only process but PID 1
        # here, so nobody can use this moment; exec would make us dumpable all the same.
        linux.set_dumpable(dumpable=True)
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(_OOM_SCORE)
        os.closerange(3, 256)  # ours close by themselves; these are for what nobody thought of
        for number, value in self._rlimits.items():
            resource.setrlimit(number, (value, value))
        os.chdir(self._workspace)
        Signals.restore()
        linux.forbid_new_privileges()
        linux.filter_calls(self._filter)
        self._exec(command)

    def _exec(self, command: tuple[str, ...]) -> None:
        name = command[0]
        path = self._environment["PATH"]
        places = [name] if "/" in name else [f"{place}/{name}" for place in path.split(":")]
        failure: OSError = FileNotFoundError(2, os.strerror(2))
        for place in places:
            try:
                os.execve(place, command, self._environment)  # noqa: S606 - no shell is meant
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                failure = error
        os.write(2, f"{name}: {failure.strerror}\n".encode())
        found = not isinstance(failure, FileNotFoundError)
        os._exit(_NOT_RUNNABLE if found else _NOT_FOUND)


def _capped(number: int, value: int) -> int:
    hard = resource.getrlimit(number)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)

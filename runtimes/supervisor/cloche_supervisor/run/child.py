"""Start a program: fork, drop what the program must not inherit, exec."""

from __future__ import annotations

import gc
import os
import pwd
import resource
import signal

from cloche_supervisor.isolation.user_limits import limits_of_user
from cloche_supervisor.system import linux
from cloche_supervisor.system.signals import Signals

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TERMINAL = "xterm"  # `clear` fails with `dumb`, which has no such capability
_NOT_FOUND, _NOT_RUNNABLE = 127, 126  # the exit codes that a shell uses
_OOM_SCORE = b"1000"  # the OOM killer takes the program before PID 1


class Child:
    """A started program: its pid and the supervisor's ends of its pipes, all non-blocking.

    `stdout` and `stderr` are the same descriptor if the program writes both to one pipe.
    """

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr


def default_environment(workspace: str) -> dict[str, str]:
    """Return the variables that every program gets, unless its frame has others.

    USER and LOGNAME are the image's name of this uid, and are missing if the image has none.
    Reading it takes 0.2 ms, so this is called before a frame arrives.
    """
    environment = {
        "PATH": PATH,
        "HOME": workspace,
        "LANG": "C.UTF-8",
        "TERM": _TERMINAL,
        "TMPDIR": f"{workspace}/.tmp",
    }
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return environment
    return {**environment, "USER": name, "LOGNAME": name}


class Launcher:
    """Start the programs of one execution, all with the same environment and limits.

    They inherit the filter of system calls from the thread that starts them.

    Args:
        workspace: the working directory and HOME; its `.tmp` is TMPDIR.
        environment: all variables of the programs; nothing is inherited.
        rlimits: values by their names in the frame, added to the fixed limits of `limits_of_user`;
            each is capped at the supervisor's hard limit.
    """

    def __init__(
        self, workspace: str, environment: dict[str, str], rlimits: dict[str, int]
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        ordered = {getattr(resource, f"RLIMIT_{name.upper()}"): rlimits[name] for name in rlimits}
        self._rlimits = {
            number: _capped(number, value) for number, value in (limits_of_user() | ordered).items()
        }

    def start(
        self, command: tuple[str, ...], *, merged: bool, channel: tuple[int, ...] = ()
    ) -> Child:
        """Start a command line. If `merged`, it writes stdout and stderr to one pipe.

        `channel`: descriptors that the program gets as 3, 4 and so on. It then ignores SIGINT until
        it handles it.

        If it cannot be run, the child writes the reason to stderr and exits with 126 or 127.
        """
        program_ends, our_ends = [], []
        for theirs in (0, 1) if merged else (0, 1, 1):
            pipe = os.pipe()  # os.pipe sets close-on-exec on both ends
            program_ends.append(pipe[theirs])
            our_ends.append(pipe[1 - theirs])
            os.set_blocking(pipe[1 - theirs], False)
        gc.freeze()  # a garbage collection in the child must not copy pages
        try:
            pid = os.fork()
        except OSError:
            for fd in (*program_ends, *our_ends):
                os.close(fd)
            raise
        if pid == 0:
            try:
                self._run_in_child(command, program_ends, channel)
            except BaseException as error:  # noqa: BLE001 - must not return into the parent's code
                os.write(2, f"cannot start the program: {error}\n".encode(errors="replace"))
            finally:
                os._exit(_NOT_RUNNABLE)
        gc.unfreeze()
        for fd in program_ends:
            os.close(fd)
        return Child(pid, our_ends[0], our_ends[1], our_ends[-1])

    def _run_in_child(
        self, command: tuple[str, ...], ends: list[int], channel: tuple[int, ...]
    ) -> None:
        os.setsid()
        for number, fd in enumerate((ends[0], ends[1], ends[-1], *channel)):
            os.dup2(fd, number)
        for number in range(3, 3 + len(channel)):  # dup2 changes nothing if both are equal
            os.set_inheritable(number, True)  # noqa: FBT003
        # /proc/self belongs to root while the process is not dumpable. Only PID 1 and this child
        # are running, so no program can use this moment; exec makes the child dumpable in any case.
        linux.set_dumpable(dumpable=True)
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(_OOM_SCORE)
        # A precaution: the supervisor's own descriptors are close-on-exec.
        os.closerange(3 + len(channel), 256)
        for number, value in self._rlimits.items():
            resource.setrlimit(number, (value, value))
        os.chdir(self._workspace)
        Signals.restore()
        if channel:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._exec(command)

    def _exec(self, command: tuple[str, ...]) -> None:
        name = command[0]
        path = self._environment["PATH"]
        places = [name] if "/" in name else [f"{place}/{name}" for place in path.split(":")]
        failure: OSError = FileNotFoundError(2, os.strerror(2))
        for place in places:
            try:
                os.execve(place, command, self._environment)  # noqa: S606 - no shell is wanted
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

"""The reason of an execution that failed, from the supervisor's `exit` event. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api.resources.phases import Reason

if TYPE_CHECKING:
    from cloche_operator.protocol.exit_event import ExitEvent


def of_failure(event: ExitEvent) -> tuple[Reason, str]:
    """Return the reason and the message of an end that is not an exit with code 0."""
    line = event["syntax_error"]
    compiled = event["compile_seconds"] is not None and not event["execution_seconds"]
    who = "compiler" if compiled else "program"
    if event["timed_out"]:
        found = Reason.DEADLINE_EXCEEDED, f"The {who} ran longer than its timeout."
    elif event["out_of_memory"]:
        words = "failed because it exceeded its memory limit (resources.memory)"
        found = Reason.OUT_OF_MEMORY, f"The {who} {words}."
    elif event["disk_full"]:
        words = "failed because the working directory (resources.disk) or /dev/shm was full"
        found = Reason.DISK_FULL, f"The {who} {words}."
    elif line is not None:
        found = Reason.INVALID_SYNTAX, line[:1000]
    elif event["compiler_failed"]:
        code = event["exit_code"]
        words = f"failed with exit code {code} and did not decide whether the code is valid"
        found = Reason.COMPILER_FAILED, f"The compiler {words}."
    elif event["signal"] is not None:
        found = Reason.SIGNALED, f"The program was ended by signal {event['signal']}."
    else:
        found = Reason.EXITED, f"The program exited with code {event['exit_code']}."
    return found

"""The prestart frame: which processes a waiting Pod starts (docs/design/protocol.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloche_api.resources.prestart import Replacement, Stage
from cloche_operator.protocol.frame import PROTOCOL, environment_of_runtime, resource_limits

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.prestart import Placeholder, SourceLines, WaitingProcess
    from cloche_api.resources.runtime import RuntimeSpec

_BYTES_MAX = 1024 * 1024
"""A quarter of what the supervisor accepts. Each waiting Pod keeps the frame in its memory."""
_STAGES = {Stage.COMPILE: "compile", Stage.RUN: "run"}


def prestart_frame(runtime: RuntimeSpec, used: UsedResources) -> bytes | None:
    """Return the frame for a Pod with these limits, or None if no process is to be started.

    The processes get the environment and the resource limits of a program without its own. There is
    no frame if it would be larger than 1 MiB.
    """
    started = runtime.prestart.started if runtime.prestart is not None else []
    if not started:
        return None
    content = {
        "protocol": PROTOCOL,
        "prestart": {
            "environment": environment_of_runtime(runtime, used),
            "rlimits": resource_limits(used),
            "processes": [_process(one, runtime.file_name) for one in started],
        },
    }
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return len(body).to_bytes(4, "big") + body if len(body) <= _BYTES_MAX else None


def _process(of: WaitingProcess, file_name: str) -> dict[str, Any]:
    """Return one process. What is not set is left out, because an earlier image may not know it."""
    content = {
        "stage": _STAGES[of.stage],
        "command": of.command,
        "environment": of.environment,
        "denied_environment": of.denied_environment,
        "denied_paths": of.denied_paths,
        "modules": of.modules,
        "placeholder": of.placeholder and _placeholder(of.placeholder, file_name),
        "when": of.when and _source_lines(of.when),
        "unless": of.unless and _source_lines(of.unless),
    }
    return {name: value for name, value in content.items() if value is not None}


def _placeholder(of: Placeholder, file_name: str) -> dict[str, Any]:
    in_place = of.replacement is Replacement.IN_PLACE
    return {"path": file_name, "text": of.content, "in_place": in_place}


def _source_lines(of: SourceLines) -> dict[str, list[str]]:
    return {"suffixes": of.suffixes, "lines": of.lines}

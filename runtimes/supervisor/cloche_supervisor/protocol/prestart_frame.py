"""The prestart frame: which processes to start before there is an execution."""

from __future__ import annotations

from cloche_supervisor.protocol import validate
from cloche_supervisor.protocol.frame import check_version, environment_of, rlimits_of
from cloche_supervisor.protocol.wire import ProtocolError

COMPILE, RUN = STAGES = ("compile", "run")
_OPTIONAL = (
    *("environment", "denied_environment", "denied_paths", "modules"),
    *("placeholder", "when", "unless"),
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


class Placeholder:
    """A file in the place of the source. `in_place`: the source is written into it."""

    def __init__(self, path: str, content: bytes, *, in_place: bool) -> None:
        self.path = path
        self.content = content
        self.in_place = in_place


class SourceLines:
    """Lines, in which `*` matches any text, of the files whose names end with a suffix."""

    def __init__(self, suffixes: tuple[str, ...], lines: tuple[str, ...]) -> None:
        self.suffixes = suffixes
        self.lines = lines


class PrestartedProcess:
    """A process to start, and for which executions it may be used.

    The attributes are the frame's keys.
    """

    def __init__(self, value: object, key: str) -> None:
        entry = validate.keys(value, key, ("stage", "command"), _OPTIONAL)
        self.stage = validate.text(entry["stage"], f"{key}.stage")
        if self.stage not in STAGES:
            raise validate.wrong(f"{key}.stage", f"must be one of {', '.join(STAGES)}")
        self.command = validate.words(entry["command"], f"{key}.command")
        self.environment = environment_of(entry.get("environment", {}), f"{key}.environment")
        self.denied_environment = _texts(entry, key, "denied_environment")
        self.denied_paths = _texts(entry, key, "denied_paths")
        self.modules = frozenset(_texts(entry, key, "modules"))
        self.placeholder = _placeholder(entry.get("placeholder"), f"{key}.placeholder")
        self.when = _source_lines(entry.get("when"), f"{key}.when")
        self.unless = _source_lines(entry.get("unless"), f"{key}.unless")


class PrestartFrame:
    """The processes to start, with the environment and the limits of every program.

    A process that is not valid is left out: a later operator may send keys that are unknown here,
    and programs run without it.

    Raises:
        ProtocolError: another key is missing, unknown, of the wrong type or out of range.
    """

    kind: Literal["prestart"] = "prestart"
    afterwards: str | None = None
    """No program runs, so that nothing follows."""

    def __init__(self, value: object) -> None:
        frame = validate.keys(value, "", ("protocol", "prestart"))
        check_version(frame["protocol"])
        content = validate.keys(
            frame["prestart"], "prestart", ("environment", "rlimits", "processes")
        )
        self.environment = environment_of(content["environment"], "prestart.environment")
        self.rlimits = rlimits_of(content["rlimits"], "prestart.rlimits")
        self.processes: list[PrestartedProcess] = []
        for i, one in enumerate(validate.array(content["processes"], "prestart.processes")):
            try:
                self.processes.append(PrestartedProcess(one, f"prestart.processes[{i}]"))
            except ProtocolError:
                continue


def _texts(entry: dict[str, object], key: str, name: str) -> tuple[str, ...]:
    items = validate.array(entry.get(name, []), f"{key}.{name}")
    return tuple(validate.text(item, f"{key}.{name}[{i}]") for i, item in enumerate(items))


def _placeholder(value: object, key: str) -> Placeholder | None:
    if value is None:
        return None
    entry = validate.keys(value, key, ("path", "text", "in_place"))
    return Placeholder(
        validate.path(entry["path"], f"{key}.path"),
        validate.text(entry["text"], f"{key}.text").encode(),
        in_place=validate.flag(entry["in_place"], f"{key}.in_place"),
    )


def _source_lines(value: object, key: str) -> SourceLines | None:
    if value is None:
        return None
    entry = validate.keys(value, key, ("suffixes", "lines"))
    return SourceLines(_texts(entry, key, "suffixes"), _texts(entry, key, "lines"))

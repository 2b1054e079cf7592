"""Write the tables of settings in docs/operate/configure.md: `make settings-docs`.

Names, types, defaults and descriptions are those of the settings classes. The chart values are
those that the templates of the Deployments use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from annotated_types import Ge, Gt, Le
from pydantic import SecretStr

from cloche_gateway.settings import Settings as GatewaySettings
from cloche_operator.settings import Settings as OperatorSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operate" / "configure.md"
_CHART = ROOT / "charts" / "cloche"
_HEAD = (
    "| variable | chart value | type | default | what it does, and when to change it |\n"
    "|---|---|---|---|---|"
)
_UNITS = {"seconds": "s", "bytes": "bytes", "mib": "MiB"}
_MIB = 1024**2
_ITEM = re.compile(
    r"\{name: CLOCHE_(?:GATEWAY|OPERATOR)_(\w+), value(?:From)?: (.+)\}$", re.MULTILINE
)
_VALUE = re.compile(r"(?:\.Values\.|\$(?=sandbox\.))([\w.]+)")
_IN_SEVERAL_LINES = {
    "MEMORY_LIMIT_MIB": "`gateway.resources.limits.memory`",
    "MEMORY_BYTES": "`operator.resources.limits.memory`",
    "CORS_ORIGINS": "`gateway.cors.origins`",
    "PLAYGROUND_ORIGINS": "`gateway.playground.embedOrigins`",
    "DIALECTS": "`gateway.dialects.NAME.enabled`",
    "KEYLESS": "`gateway.dialects.NAME.keyless`",
    "RATE_LIMIT_REDIS_URL": "`valkey.enabled`, `gateway.rateLimit.redisUrl` or `.redisUrlSecret`",
}
"""The chart values of variables that a template sets in more than one line."""
_LINKS = {
    "RUNTIME_CLASS_NAME": "[gVisor, Kata](install.md#a-runtimeclass-gvisor-kata)",
    "USER_NAMESPACES": "[user namespaces](install.md#user-namespaces)",
    "APP_ARMOR_PROFILE": "[AppArmor](install.md#apparmor)",
    "NODE_PROCESSES": "[when to change it](install.md#processes-and-open-files)",
    "NODE_OPEN_FILES": "[when to change it](install.md#processes-and-open-files)",
    "NODE_SELECTOR": "[dedicated nodes](install.md#dedicated-nodes)",
}
"""Pages with more on a setting."""


@dataclass(frozen=True)
class Program:
    """A program with settings, and the template of its Deployment."""

    name: str
    settings: type[BaseSettings]

    @property
    def template(self) -> Path:
        """The template that sets the variables."""
        return _CHART / "templates" / self.name / "deployment.yaml"


PROGRAMS = (Program("gateway", GatewaySettings), Program("operator", OperatorSettings))


def written(page: str) -> str:
    """Return the page with the table of each program between its markers."""
    values = yaml.safe_load((_CHART / "values.yaml").read_text(encoding="utf-8"))
    for program in PROGRAMS:
        begin, end = f"<!-- settings:{program.name} -->\n", "\n<!-- /settings -->"
        before, rest = page.split(begin)
        _, after = rest.split(end, 1)
        page = f"{before}{begin}{table(program, values)}{end}{after}"
    return page


def table(program: Program, values: Mapping[str, Any]) -> str:
    """Return the table of a program's settings."""
    return "\n".join([_HEAD, *_rows(program, values)])


def _rows(program: Program, values: Mapping[str, Any]) -> Iterator[str]:
    expressions = dict(_ITEM.findall(program.template.read_text(encoding="utf-8")))
    for field, info in program.settings.model_fields.items():
        name = field.upper()
        unit = _UNITS.get(field.rsplit("_", 1)[-1], "") or ("bytes" if "bytes" in field else "")
        expression = expressions.get(name, "")
        source = _IN_SEVERAL_LINES.get(name) or _source(expression)
        default = _shown(info.get_default(call_default_factory=True), unit)
        in_chart = _evaluated(expression, values)
        if in_chart is not None and _shown(in_chart, unit) != default:
            default = f"{default}; chart: {_shown(in_chart, unit)}"
        meaning = " ".join((info.description or "").split())
        if link := _LINKS.get(name):
            meaning = f"{meaning.removesuffix('.')} ({link})."
        yield f"| `{name}` | {source} | {_type(info, unit)} | {default} | {meaning} |"


def _source(expression: str) -> str:
    """Return the chart value, or what else a template uses."""
    names = [f"`{name}`" for name in _VALUE.findall(expression)]
    if ".Release.Namespace" in expression:
        return "the release's namespace"
    if "metadata.name" in expression:
        return "the Pod's name"
    if not names:
        return "fixed" if expression else "*no value*"
    if "sub " in expression:
        return f"{names[0]} - {_subtracted(expression)}"
    return (" + " if "addf" in expression else ", or else ").join(names)


def _subtracted(expression: str) -> int:
    found = re.search(r"sub \S+ (\d+)", expression)
    return int(found[1]) if found else 0


def _evaluated(expression: str, values: Mapping[str, Any]) -> Any:
    """Return what a template sets with the chart's default values; None if that is nothing."""
    found = []
    for name in _VALUE.findall(expression):
        value: Any = values
        for part in name.split("."):
            value = value[part]
        found.append(value)
    if "addf" in expression:
        return sum(found)
    if "sub " in expression:
        return found[0] - _subtracted(expression)
    return found[0] if len(found) == 1 else None


def _type(info: FieldInfo, unit: str) -> str:
    annotation = info.annotation
    if annotation is bool:
        return "`true` or `false`"
    if annotation in (int, float):
        return _range(info, unit, "integer" if annotation is int else "number")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{one.value}`" for one in annotation)
    if annotation is str:
        return "text"
    if "SecretStr" in str(annotation):
        return "URL"
    text = str(annotation)
    return "list" if "tuple" in text or "DialectName" in text else "JSON"


def _range(info: FieldInfo, unit: str, kind: str) -> str:
    """Return `seconds, above 0, at most 600`."""
    kind = {"s": "seconds", "bytes": "bytes", "MiB": "MiB"}.get(unit, kind)
    bounds = []
    for bound in info.metadata:
        if isinstance(bound, Ge):
            bounds.append(f"at least {_number(bound.ge, unit)}")
        elif isinstance(bound, Gt):
            bounds.append(f"above {_number(bound.gt, unit)}")
        elif isinstance(bound, Le):
            bounds.append(f"at most {_number(bound.le, unit)}")
    return ", ".join([kind, *bounds])


def _number(value: object, unit: str) -> str:
    """Return a bound. Its unit is the type's, except for many bytes."""
    if unit == "bytes" and isinstance(value, int) and value >= _MIB:
        return f"{value // _MIB} MiB"
    return f"{value:,}" if isinstance(value, int) else f"{value}"


def _shown(value: object, unit: str) -> str:
    """Return a default as a reader would set it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, int | float):
        text = f"{value:g}" if isinstance(value, float) else str(value)
        if unit == "bytes":
            return f"{text} ({int(value) // _MIB} MiB)"
        return f"{text} {unit}".strip()
    if isinstance(value, SecretStr) or not value:
        return "none"
    return ", ".join(f"`{one}`" for one in (value if isinstance(value, tuple) else (value,)))


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

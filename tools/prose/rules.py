"""The project's rules for prose in styles/Cloche, and the built-in ones of proselint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from proselint.checks import __register__ as builtin
from proselint.registry.checks import Check, Padding
from proselint.registry.checks.engine import Fancy, RegexOptions
from proselint.registry.checks.types import Existence, PreferredForms

from prose.revisions import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STYLES = ROOT / "styles" / "Cloche"
_BUILTIN = (
    "archaism",
    "cliches",
    "malapropisms",
    "mixed_metaphors",
    "mondegreens",
    "nonwords",
    "redundancy",
)
"""The groups of proselint's checks that apply to technical texts."""
_UNUSED = "redundancy.misc.after_the_deadline"
"""Reports "and etcd", because it takes "etc" for a word's beginning."""


def own() -> list[Check]:
    """Return the rules of styles/Cloche, one for each file."""
    return [_read(path) for path in sorted(STYLES.glob("*.yml"))]


def of_proselint() -> list[Check]:
    """Return the built-in rules that are used."""
    return [
        check
        for check in builtin
        if any(check.matches_partial(name) for name in _BUILTIN) and check.path != _UNUSED
    ]


def _read(path: Path) -> Check:
    """Read a rule: `prefer` has patterns and their replacements, `avoid` only patterns."""
    rule = yaml.safe_load(path.read_text(encoding="utf-8"))
    kind = (
        PreferredForms(rule["prefer"], Padding.WORDS_IN_TEXT)
        if "prefer" in rule
        else Existence(tuple(rule["avoid"]), Padding.RAW)
    )
    engine = Fancy(RegexOptions(case_insensitive=not rule.get("case", False)))
    return Check(kind, engine, f"cloche.{path.stem}", rule["message"])

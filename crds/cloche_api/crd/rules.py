"""The CEL rules of whole objects: what may change, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api.crd.schema import structural
from cloche_api.resources.base import rules
from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.phases import TERMINAL
from cloche_api.resources.session import SessionPhase, SessionSpec

if TYPE_CHECKING:
    from collections.abc import Collection

_TIMES = {"idleTimeoutSeconds", "lifetimeSeconds"}


def execution_rules() -> dict[str, Any]:
    """Return the rules that make the end of an execution final."""
    return rules(*_final(TERMINAL, "the execution has ended"))


def execution_spec_rule() -> dict[str, str]:
    """Return the rule that a spec never changes, except for its cancellation.

    It is one rule for all fields, on the spec, which always exists. A rule on a field is not
    evaluated when the field is added or removed. The rule is also evaluated at each write of the
    status. Nothing has changed then, as its first comparison shows; thirteen rules took a tenth of
    the API server's time.
    """
    spec = structural(ExecutionSpec)
    always = {*spec["required"], *(f for f, of in spec["properties"].items() if "default" in of)}
    fixed = {
        f: f"({_unchanged(f, always=f in always)})" for f in spec["properties"] if f != "cancel"
    }
    cancel = "(!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel))"
    which = "'cancel can only become true'"
    for field, unchanged in reversed(fixed.items()):
        which = f"!{unchanged} ? '{field} may not change once the execution exists' : {which}"
    allowed = " && ".join([*fixed.values(), cancel])
    return {
        "rule": f"self == oldSelf || ({allowed})",
        "message": "spec may not change once the execution exists, except cancel",
        "messageExpression": f"'spec.' + ({which})",
    }


def session_rules() -> dict[str, Any]:
    """Return the rules of a session: only its times can change, and its end is final."""
    spec = structural(SessionSpec)
    same = " && ".join(
        _unchanged(field, always=field in spec["required"], where="spec.")
        for field in spec["properties"]
        if field not in _TIMES
    )
    return rules(
        (
            f"self.spec == oldSelf.spec || ({same})",
            (
                "spec may not change once the session exists, except idleTimeoutSeconds and "
                "lifetimeSeconds"
            ),
        ),
        *_final({SessionPhase.ENDED}, "the session has ended"),
    )


def _unchanged(field: str, *, always: bool, where: str = "") -> str:
    """Return the expression that a field has not changed. `always`: it is never absent."""
    now, before = f"self.{where}{field}", f"oldSelf.{where}{field}"
    if always:
        return f"{now} == {before}"
    return f"has({now}) == has({before}) && (!has({now}) || {now} == {before})"


def _final(phases: Collection[str], what: str) -> list[tuple[str, str]]:
    """Return the rules that a status is never removed, and never changes after these phases."""
    ended = ", ".join(f"'{phase}'" for phase in sorted(phases))
    return [
        ("!has(oldSelf.status) || has(self.status)", "status cannot be removed"),
        (
            (
                "!(has(oldSelf.status) && has(oldSelf.status.phase) && "
                f"oldSelf.status.phase in [{ended}])"
                " || (has(self.status) && self.status == oldSelf.status)"
            ),
            f"status cannot change once {what}",
        ),
    ]

"""The pages that list the reasons have each of them, with its phase and status code."""

from __future__ import annotations

from support.data.documents import section, tables

from cloche_api.resources.phases import Phase, Reason, phase_of
from cloche_gateway import results


def test_the_table_of_reasons_has_the_phase_and_the_status_code_of_each() -> None:
    (table,) = tables(section("docs/design/architecture.md", "## Reasons"))
    documented = {reason: (phase, status) for reason, phase, status, _ in table}
    assert documented == {
        reason: (phase_of(reason), str(results.TABLE[reason].status)) for reason in Reason
    }
    assert len(table) == len(documented)


def test_the_troubleshooting_page_has_each_reason_of_phase_error() -> None:
    (table,) = tables(section("docs/operate/troubleshoot.md", "## Find the reason"))
    documented = {reason: status for reasons, status, *_ in table for reason in reasons.split(", ")}
    assert documented == {
        reason: str(results.TABLE[reason].status)
        for reason in Reason
        if phase_of(reason) is Phase.ERROR
    }

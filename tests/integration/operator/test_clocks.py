"""An operator on a machine with a wrong clock makes the same decisions as any other."""

from __future__ import annotations

from support.stage import Stage

_TEN_MINUTES = 600


def test_records_expire_by_the_api_servers_clock(alone: Stage) -> None:
    right = alone.start()
    alone.submit("keep", language="cobol", ttlSecondsAfterFinished=_TEN_MINUTES // 2)
    for name in ("before-0", "before-1"):
        alone.submit(name, language="cobol", ttlSecondsAfterFinished=0)
    for name in ("keep", "before-0", "before-1"):
        assert alone.ended(name)["reason"] == "UnknownLanguage"
    right.stop()
    for number, seconds in enumerate((_TEN_MINUTES, -_TEN_MINUTES)):
        wrong = alone.start(sweep_seconds=0.2, clock_ahead=seconds)
        alone.no_execution(f"before-{number}")
        alone.submit(f"now-{number}", language="cobol", ttlSecondsAfterFinished=0)
        alone.no_execution(f"now-{number}")
        assert alone.status("keep")["reason"] == "UnknownLanguage"
        wrong.stop()

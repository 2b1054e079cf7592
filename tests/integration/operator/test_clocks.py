"""An operator on a machine with a wrong clock makes the same decisions as any other."""

from __future__ import annotations

from support.fixtures.fake_cluster import FakeCluster

_TEN_MINUTES = 600


def test_records_expire_by_the_api_servers_clock(cluster: FakeCluster) -> None:
    right = cluster.start()
    cluster.submit("keep", language="cobol", ttlSecondsAfterFinished=_TEN_MINUTES // 2)
    for name in ("before-0", "before-1"):
        cluster.submit(name, language="cobol", ttlSecondsAfterFinished=0)
    for name in ("keep", "before-0", "before-1"):
        assert cluster.ended(name)["reason"] == "UnknownLanguage"
    right.stop()
    for number, seconds in enumerate((_TEN_MINUTES, -_TEN_MINUTES)):
        wrong = cluster.start(sweep_seconds=0.2, clock_ahead=seconds)
        cluster.no_execution(f"before-{number}")
        cluster.submit(f"now-{number}", language="cobol", ttlSecondsAfterFinished=0)
        cluster.no_execution(f"now-{number}")
        assert cluster.status("keep")["reason"] == "UnknownLanguage"
        wrong.stop()

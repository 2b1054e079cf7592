"""The conditions of a runtime."""

from __future__ import annotations

from typing import Any, cast

from cloche_api.resources.phases import Reason
from cloche_api.resources.typed_objects import RuntimeDict, RuntimeSpecDict
from cloche_operator.kube.api import Kube
from cloche_operator.model.status import EndedError
from cloche_operator.pods.sandbox import Localhost
from cloche_operator.pools.pool import Pool
from cloche_operator.pools.runtime_status import runtime_status
from cloche_operator.state.cache import Runtime, Runtimes


def installed(runtimes: Runtimes, name: str, *aliases: str) -> Runtime:
    spec: RuntimeSpecDict = {
        "image": f"{name}:dev",
        "fileName": "main",
        "run": {"command": [name]},
        "aliases": list(aliases),
        "pool": {"size": 0},
    }
    metadata = {"name": name, "uid": f"uid-of-{name}", "generation": 1}
    found = runtimes.seen(cast("RuntimeDict", {"metadata": metadata, "spec": spec}))
    assert found is not None
    return found


def runtimes() -> Runtimes:
    return Runtimes(Kube.__new__(Kube))  # nothing is read from an API server


def conditions(runtime: Runtime, shared: dict[str, str], pool: Pool | None = None) -> Any:
    status = runtime_status(pool or Pool(runtime), shared, full=False)
    return {one["type"]: one for one in status["conditions"]}


def test_a_runtime_without_shared_aliases_reports_that_they_are_unique() -> None:
    known = runtimes()
    ruby = installed(known, "ruby", "rb")
    installed(known, "python", "py")
    condition = conditions(ruby, known.shared_aliases(ruby))["AliasesUnique"]
    assert (condition["status"], condition["message"]) == ("True", "")


def test_two_runtimes_with_the_same_alias_both_report_it() -> None:
    known = runtimes()
    ruby, crystal = installed(known, "ruby", "rb"), installed(known, "crystal", "RB", "ruby")
    of_ruby = conditions(ruby, known.shared_aliases(ruby))["AliasesUnique"]
    assert (of_ruby["status"], of_ruby["reason"]) == ("False", "AliasTaken")
    assert "rb (crystal)" in of_ruby["message"]
    of_crystal = conditions(crystal, known.shared_aliases(crystal))["AliasesUnique"]
    assert "RB (ruby), ruby (ruby)" in of_crystal["message"]


def localhost(**reported: object) -> tuple[str, str, str]:
    pool = Pool(installed(runtimes(), "lua"))
    if reported:
        pool.localhost = Localhost(reported)
    found = conditions(pool.runtime, {}, pool)["LocalhostAvailable"]
    return found["status"], found["reason"], found["message"]


def test_a_runtime_reports_whether_its_programs_can_use_localhost() -> None:
    both = ["127.0.0.1", "::1"]
    assert localhost(localhost=both, localhost_problem=None) == ("True", "Available", "")
    assert localhost(localhost=["127.0.0.1"], localhost_problem="lo has no ::1") == (
        "True",
        "Partly",
        "Only 127.0.0.1: lo has no ::1",
    )
    assert localhost(localhost=[], localhost_problem="lo is down") == (
        "False",
        "Unavailable",
        "lo is down",
    )
    assert localhost()[:2] == ("Unknown", "NotReported")


def test_what_a_pod_reports_about_localhost_is_limited() -> None:
    for given in (None, 1, "127.0.0.1", {"127.0.0.1": 1}, ["10.0.0.1", ["::1"], None]):
        assert localhost(localhost=given, localhost_problem=["x"])[:2] == ("False", "Unavailable")
    assert len(localhost(localhost=[], localhost_problem="x" * 10_000)[2]) == 500


def test_a_failed_start_is_the_reason_why_a_runtime_without_a_pool_is_not_ready() -> None:
    pool = Pool(installed(runtimes(), "lua"))
    pool.problem = EndedError(Reason.IMAGE_PULL_FAILED, "The image lua:dev cannot be pulled: 404")
    ready = conditions(pool.runtime, {}, pool)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ImagePullFailed")
    assert "lua:dev" in ready["message"]

"""No language's image has a set-user-ID or set-group-ID file."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.clients.api_server import CLOCHE
from support.clients.installation_api import InstallationApi
from support.data.names import SANDBOXES

from attacks.harness.program import HERE, parse
from attacks.harness.target import Target

FINDING = parse(HERE / "files" / "setuid_binaries.sh")
TOGETHER = 3


@pytest.fixture
def runtimes(cluster: InstallationApi) -> Iterator[dict[str, str]]:
    """A Bash runtime with each language's image, by language."""
    found = cluster.api.get(f"{CLOCHE}/{SANDBOXES}/sandboxruntimes")["items"]
    images = {one["metadata"]["name"]: one["spec"]["image"] for one in found}
    names = {language: f"bash-of-{language}" for language in images}
    for language, name in names.items():
        spec = cluster.runtime_like("bash", pool={"size": 0, "reuse": "Never"})
        cluster.make_runtime(name, spec | {"image": images[language]})
    yield names
    for name in names.values():
        cluster.remove_runtime(name)


def test_no_image_has_a_file_that_gives_privileges(
    target: Target, runtimes: dict[str, str]
) -> None:
    with ThreadPoolExecutor(TOGETHER) as pool:
        ended = dict(
            zip(
                runtimes,
                pool.map(lambda name: target.run(FINDING, {}, name), runtimes.values()),
                strict=True,
            )
        )
    faults = {language: FINDING.faults(status) for language, status in ended.items()}
    assert not {language: found for language, found in faults.items() if found}
    assert len(faults) >= 13

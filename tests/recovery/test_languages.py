"""The languages that `make up` installs, and the state after an interruption."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx
from support.clients.cluster_command import COMMAND, ENVIRONMENT, cluster, interrupted
from support.data.names import ROOT

from cloche_cluster.checkout import Checkout
from cloche_cluster.install import env_file
from cloche_cluster.languages import languages

if TYPE_CHECKING:
    from support.fixtures.installation import Installation

ALL = ("up", "--languages", "all")


def available() -> set[str]:
    lines = (line.split() for line in cluster("languages").splitlines())
    return {words[0] for words in lines if words[1:] == ["available"]}


def answer(installation: Installation, language: str, code: str) -> httpx.Response:
    """Run a program with the key of the last `up`."""
    written = env_file.read(Checkout(ROOT).env_file)
    assert written is not None
    request = {"language": language, "code": code}
    return httpx.post(
        f"{installation.url}/api/v1/execute",
        json=request,
        headers={"X-API-Key": written.api_key},
        timeout=60,
    )


def test_make_up_installs_only_the_chosen_languages_until_all_are_chosen(
    installation: Installation,
) -> None:
    try:
        said = cluster("up", "--languages", "sh,ruby")
        assert '"language": "bash"' in said
        assert available() == {"bash", "ruby"}
        cluster("up")
        assert available() == {"bash", "ruby"}, "the choice was not remembered"
        refused = answer(installation, "python", "print(1)")
        assert refused.status_code == httpx.codes.BAD_REQUEST, refused.text
        lacking = subprocess.run(
            [*COMMAND, "languages", "--require-all"],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert lacking.returncode == 1
        assert lacking.stderr.startswith("error: python, javascript, c, cpp, ")
        assert "`make up LANGUAGES=all`" in lacking.stderr

        said, error = interrupted(*ALL, at="ready at ")
        assert "Cloche is installed with " in said
        assert error.count("\n") == 1, error
        assert answer(installation, "python", "print(1)").json()["stdout"] == "1\n"
        assert available() >= {"python", "javascript", "bash"}
        assert available() < set(languages(ROOT))
    finally:
        cluster(*ALL)
    assert available() == set(languages(ROOT))

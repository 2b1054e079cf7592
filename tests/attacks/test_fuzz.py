"""500 hostile requests, and some generated from the OpenAPI document. `make fuzz` sends more."""

from __future__ import annotations

from fuzz import schema
from fuzz.__main__ import fuzz
from support.fixtures.installation import Installation

SEED = 20
MIB = 32
"""Maximum growth of the gateway's memory."""


async def test_the_gateway_answers_500_hostile_requests_correctly(
    installation: Installation,
) -> None:
    report = await fuzz(installation, 500, 8, SEED)

    assert report.problems == []
    assert sum(report.answers.values()) == 500
    assert report.memory[-1] - report.memory[0] < MIB


def test_responses_conform_to_the_openapi_document(installation: Installation) -> None:
    done = schema.run(installation, 5, SEED, capture=True)

    assert done.returncode == 0, done.stdout[-8000:]

"""The images of gateway, operator and Valkey contain only what bare-root.sh and pip collect."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
BARE = ("gateway", "operator", "valkey")


def instructions(name: str) -> list[str]:
    text = (ROOT / name / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def last_stage(name: str) -> list[str]:
    lines = instructions(name)
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return lines[starts[-1] :]


@pytest.mark.parametrize("name", BARE)
def test_the_last_stage_of_a_bare_image_starts_from_scratch_and_runs_nothing(name: str) -> None:
    stage = last_stage(name)

    assert stage[0] == "FROM scratch"
    copied = [line for line in stage if line.startswith(("COPY", "ADD"))]
    assert set(copied) <= {
        "COPY --from=debian /bare /",
        "COPY --from=dependencies /app /app",
        "COPY --from=own /own /app",
        "COPY --from=page /build/gateway/page /app/page",
    }
    assert not [line for line in stage if line.startswith("RUN")]
    (entrypoint,) = [line for line in stage if line.startswith("ENTRYPOINT")]
    assert entrypoint.startswith("ENTRYPOINT [")  # the shell form would need a shell
    assert "USER 65532:65532" in stage


def test_gateway_and_operator_share_the_debian_layer() -> None:
    def first_stage(name: str) -> list[str]:
        lines = instructions(name)
        return lines[: lines.index("FROM debian AS dependencies")]

    assert first_stage("gateway") == first_stage("operator")

"""Each program of the corpus, run in its own Pod over the HTTP API."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from programs.answers import Answer
from programs.corpus_files import Program, programs


@pytest.mark.parametrize("program", programs(), ids=str)
def test_a_program_gets_its_expected_answer(
    program: Program, answers: dict[str, Future[Answer]]
) -> None:
    answer = answers[str(program)].result()

    assert answer.faults == [], f"{program.about}: {answer.body}"

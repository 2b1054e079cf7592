"""The version, the table of errors, and the form of answers and events."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cloche_gateway
from cloche_gateway import errors
from cloche_gateway.cluster.feed import Piece
from cloche_gateway.http.error_handlers import TABLE
from cloche_gateway.http.request import JsonResponse
from cloche_gateway.services import output_events

ROOT = Path(__file__).parents[3]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cloche_gateway.__version__ == project["version"]


def test_a_json_answer_ends_with_a_line_break() -> None:
    answer = JsonResponse({"detail": "a\nb"})
    assert answer.body == b'{"detail":"a\\nb"}\n'
    assert answer.headers["content-length"] == str(len(answer.body))


def test_the_time_of_a_live_event_has_the_format_of_all_others() -> None:
    assert output_events._data(Piece("started", time=1.5)) == {
        "time": "1970-01-01T00:00:01.500000Z"
    }


def test_each_domain_error_is_in_the_table_of_status_codes() -> None:
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GatewayError)
    }
    assert kinds - set(TABLE) == {errors.ExecutionError}  # only a base class

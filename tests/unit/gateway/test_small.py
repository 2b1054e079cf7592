"""The version, the table of errors, and the log lines."""

from __future__ import annotations

import json
import logging
import re
import tomllib
from pathlib import Path

import pytest

import cloche_gateway
from cloche_api import logs
from cloche_gateway import errors
from cloche_gateway.http.error_handlers import TABLE

ROOT = Path(__file__).parents[3]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cloche_gateway.__version__ == project["version"]


def test_each_domain_error_is_in_the_table_of_status_codes() -> None:
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GatewayError)
    }
    assert kinds - set(TABLE) == {errors.ExecutionError}  # only a base class


@pytest.mark.parametrize("formatter", [logs.JsonFormatter(), logs.TextFormatter()])
def test_a_log_line_has_the_request_id_and_no_line_break(formatter: logging.Formatter) -> None:
    token = logs.request_id.set("req-1")
    record = logging.makeLogRecord({"msg": "answered\nFORGED", "levelname": "INFO", "status": 200})
    try:
        line = formatter.format(record)
    finally:
        logs.request_id.reset(token)
    assert "req-1" in line
    assert "200" in line
    assert "\n" not in line


def test_a_json_log_line_is_valid_json() -> None:
    info = (ValueError, ValueError("é\n"), None)
    record = logging.makeLogRecord({"msg": "x", "levelname": "ERROR", "exc_info": info})
    line = json.loads(logs.JsonFormatter().format(record))
    assert (line["level"], line["message"]) == ("error", "x")
    assert re.search(r"ValueError", line["traceback"])

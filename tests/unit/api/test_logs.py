"""The lines that gateway and operator log, as text and as JSON."""

from __future__ import annotations

import json
import logging
import re

import pytest

from cloche_api import logs


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
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert re.search(r"ValueError", line["traceback"])

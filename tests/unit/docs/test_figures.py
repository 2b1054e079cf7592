"""The figures in docs/user are the limits of the programs."""

from __future__ import annotations

import re

import pytest
from support.data.documents import section, tables, text_of

from cloche_api import limits
from cloche_api.limits import KIB, MIB
from cloche_gateway import server
from cloche_gateway.cluster import feeds
from cloche_gateway.http import connections, incoming, route, server_protocol
from cloche_gateway.limits import bytes as memory
from cloche_gateway.limits import pace
from cloche_gateway.models import ExecuteRequest
from cloche_gateway.requests import body
from cloche_gateway.settings import Settings

PAGE = "docs/user/limits.md"
OF_REQUESTS = {
    "code": f"{limits.CODE_BYTES // KIB} KiB",
    "stdin": f"{limits.STDIN_BYTES // KIB} KiB",
    "args": f"{limits.ARGS_BYTES // KIB} KiB, {limits.ARGS_ENTRIES} entries",
    "environment": f"{limits.ENVIRONMENT_BYTES // KIB} KiB, {limits.ENVIRONMENT_ENTRIES} entries",
    "files": (
        f"{limits.FILES_BYTES // KIB} KiB, {limits.FILES_ENTRIES} entries, "
        f"{limits.FILE_PATH_CHARACTERS} characters per path"
    ),
    "output_files": (
        f"{limits.OUTPUT_FILES_ENTRIES} patterns, {limits.FILE_PATH_CHARACTERS} characters each; "
        f"{limits.OUTPUT_FILES_BYTES // KIB} KiB of contents and paths"
    ),
    "timeout": (
        f"from {limits.TIMEOUT_SECONDS_MIN} to {limits.TIMEOUT_SECONDS_MAX}; "
        f"default {limits.TIMEOUT_SECONDS_DEFAULT}"
    ),
    "ttl_seconds": f"0 to {limits.TTL_SECONDS_MAX}; default {limits.TTL_SECONDS_DEFAULT}",
}
OF_CONNECTIONS = [
    (
        f"| {incoming.HEAD_BYTES // KIB} KiB and {incoming.HEADERS} lines, within "
        f"{incoming.HEAD_SECONDS:g} s "
    ),
    f"| query | {route.QUERY_BYTES // KIB} KiB |",
    f"| body | {route.BODY_BYTES // MIB} MiB |",
    f"| {incoming.CHUNKS:,} chunks |",
    f"| {body.VALUES} together; in a batch ten times as many, and {body.VALUES} in each ",
    f"| {body.DEPTH} levels of objects and lists |",
    f"| {body.NUMBER_CHARACTERS} characters |",
    f"at least {connections.TAKEN_BYTES // KIB} KiB",
    f"{connections.SPARE_CONNECTIONS} more connections are reserved",
    f"| idle connection | closed after {server._KEEP_ALIVE_SECONDS} s |",
    f"| event streams | {feeds._LISTENERS} per tenant;",
    f"| running executions with event streams | {feeds._FEEDS} per gateway.",
    (
        f"| {pace._BURST} at once, then {1 / pace._SECONDS:g} per second on a connection, "
        f"and {pace._AT_ONCE / pace._SECONDS:g} per second over all"
    ),
    f"| {pace._REFUSAL_BURST} at once, then {1 / pace._REFUSAL_SECONDS:g} per second per tenant.",
    f"if the delay would exceed {pace._REFUSAL_LONGEST:g} s",
    f"| read for {server_protocol.LINGER_SECONDS:g} s and dropped",
    (
        f"{memory._DISCARDED_AT_ONCE // MIB} MiB at once, then "
        f"{memory._DISCARDED_PER_SECOND // MIB} MiB per second"
    ),
    f"closed {server_protocol.UNREAD_SECONDS:g} s after the answer",
]


@pytest.mark.parametrize("field", OF_REQUESTS)
def test_the_table_of_the_request_has_the_limits_of_a_field(field: str) -> None:
    rows = {row[0].strip("`"): row for row in tables(section("docs/user/api.md", "### Request"))[0]}
    assert OF_REQUESTS[field] in f"{rows[field][1]} {rows[field][2]}"


@pytest.mark.parametrize("field", OF_REQUESTS)
def test_the_description_of_a_field_in_openapi_has_its_limit(field: str) -> None:
    description = ExecuteRequest.model_fields[field].description or ""
    for size in re.findall(r"at most (\d+ KiB)", description):
        assert size in OF_REQUESTS[field]


@pytest.mark.parametrize("words", OF_CONNECTIONS)
def test_the_page_of_limits_has_the_limits_of_requests_and_connections(words: str) -> None:
    assert words in text_of(PAGE)


def forms(value: object) -> set[str]:
    """How the page may write the value of a setting."""
    if isinstance(value, float) and value < 1:
        return {{0.5: "half"}[value]}
    assert isinstance(value, int | float)
    return {f"{value:g}", f"{value:,}", f"{value / MIB:g} MiB"}


def test_the_page_of_limits_has_the_defaults_of_the_settings_that_it_names() -> None:
    fields = Settings.model_fields
    wrong, found = [], set()
    for part in re.split(r"\n\n|\n(?=[|-] ?)", text_of(PAGE)):
        for name in re.findall(r"`([A-Z][A-Z_]+)`", part):
            default = fields[name.lower()].default
            found.add(name)
            if isinstance(default, int | float) and not any(one in part for one in forms(default)):
                wrong.append(f"{name}: {default} is not in: {part}")
    assert len(found) > 8
    assert wrong == []

"""docs/user has the fields, routes, parameters and status codes of the HTTP API."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import BaseModel
from support.data.documents import blocks, section, tables, text_of
from support.data.openapi import operations

from cloche_gateway import errors, models, results, session_models
from cloche_gateway.http import error_handlers

API, SESSIONS = "docs/user/api.md", "docs/user/sessions.md"
_NAME = re.compile(r"`(\w+)`")
_ROUTE = re.compile(r"`(/[^`]*)`")
_ONLY_IN_LOGS = 499
OPERATIONS = operations()
PARAMETERS = {
    (name, place)
    for operation in OPERATIONS.values()
    for name, place in ((one["name"], one["in"]) for one in operation.get("parameters", []))
    if place != "path"
}

TABLES: list[tuple[str, str, type[BaseModel]]] = [
    (API, "### Request", models.ExecuteRequest),
    (API, "### Answer", models.ExecuteResponse),
    (API, "## Languages", models.PoolState),
    (SESSIONS, "## POST /api/v1/sessions", session_models.SessionRequest),
]
EXAMPLES: list[tuple[str, str, int, type[BaseModel]]] = [
    (API, "POST /api/v1/execute", 2, models.ExecuteResponse),
    (API, "POST /api/v1/execute/async", 1, models.StatusResponse),
    (API, "GET /api/v1/execute/status/{execution_id}", 1, models.StatusResponse),
    (API, "GET /api/v1/executions", 1, models.ExecutionList),
    (API, "Languages", 1, models.LanguageInfo),
    (SESSIONS, "POST /api/v1/sessions", 2, session_models.SessionResponse),
    (SESSIONS, "GET /api/v1/sessions/{session_id}", 1, session_models.SessionState),
    (SESSIONS, "GET /api/v1/sessions", 1, session_models.SessionList),
    (
        SESSIONS,
        "GET /api/v1/sessions/{session_id}/files",
        1,
        session_models.SessionFileList,
    ),
]
"""Page, heading, number of the block under it, and the model of the JSON."""
DETAILS: dict[str, errors.GatewayError] = {
    "no key": errors.KeyRequiredError(),
    "an unknown key": errors.KeyInvalidError(),
    "an expired key": errors.KeyExpiredError(),
    "a rate": errors.RateLimitedError(1),
    "a large batch": errors.BatchTooLargeError(),
    "no such execution": errors.ExecutionNotFoundError("{id}"),
    "no such session": errors.SessionNotFoundError("{id}"),
    "no such file": errors.SessionFileNotFoundError("{path}"),
    "another request of a key": errors.KeyReusedError(),
    "a removed record": errors.RecordRemovedError(),
    "a busy service": errors.BusyError(),
}
"""Errors whose `detail` the pages quote."""


def named(value: object) -> str:
    """Return the name of a parameter: of a model its class's."""
    return value.__name__ if isinstance(value, type) else str(value)


def paragraphs(*pages: str) -> list[str]:
    """Return the rows of tables and the paragraphs of the pages, each as one line."""
    found = []
    for page in pages:
        for part in text_of(page).split("\n\n"):
            found += part.splitlines() if part.startswith("|") else [" ".join(part.split())]
    return found


@pytest.mark.parametrize(("page", "heading", "model"), TABLES, ids=named)
def test_a_table_of_fields_has_each_field_of_its_model(
    page: str, heading: str, model: type[BaseModel]
) -> None:
    rows = tables(section(page, heading))[0]
    assert {name for first, *_ in rows for name in _NAME.findall(first)} == set(model.model_fields)


def test_the_reference_names_each_field_of_files_and_resources() -> None:
    rows = {first: value for first, value, *_ in tables(section(API, "### Request"))[0]}
    for field, model in (("files", models.InputFile), ("resources", models.Resources)):
        names = set(re.findall(r"[`\"](\w+)[`\"]", rows[f"`{field}`"]))
        assert set(model.model_fields) <= names
    assert all(f"`usage.{name}`" in text_of(API) for name in models.Usage.model_fields)


@pytest.mark.parametrize(("page", "heading", "number", "model"), EXAMPLES, ids=named)
def test_an_example_of_an_answer_has_each_field_of_its_model(
    page: str, heading: str, number: int, model: type[BaseModel]
) -> None:
    (text,) = [one.text for one in blocks(page) if (one.heading, one.number) == (heading, number)]
    answer = json.loads(text)
    always = {name for name, field in model.model_fields.items() if field.is_required()}
    assert always <= set(answer) <= set(model.model_fields)
    if model is models.ExecutionList:
        assert set(answer["executions"][0]) == set(models.ExecutionSummary.model_fields)


@pytest.mark.parametrize("route", OPERATIONS)
def test_the_pages_for_users_name_each_route(route: str) -> None:
    path = re.escape(route.split(" ")[1]).replace("/api/v1/execute/", "(/api/v1)?/execute/")
    form = re.compile(rf"(?<![\w/}}]){path}(?![\w/{{])")
    pages = text_of(API) + text_of(SESSIONS)
    assert form.search(pages.replace("/language/L/", "/language/{language}/"))


def test_the_page_lists_the_routes_that_require_no_key() -> None:
    (text,) = [one for one in paragraphs(API) if "These paths require no key: " in one]
    listed = set(_ROUTE.findall(text.partition("no key: ")[2]))
    public = {
        route.split(" ")[1]
        for route, operation in OPERATIONS.items()
        if "security" not in operation
    }
    # One path of the page is for all that begin with it. The last three are not in the document.
    assert {path for path in public if not path.startswith("/health/")} == {
        path.removesuffix("…") for path in listed
    } - {"/docs", "/play", "/openapi.json"}


@pytest.mark.parametrize(("name", "place"), sorted(PARAMETERS))
def test_the_pages_for_users_name_each_parameter(name: str, place: str) -> None:
    forms = (f"`{name}`", f"`{name}: ") if place == "header" else (f"| `{name}` |", f"`?{name}=")
    assert any(form in text_of(API) + text_of(SESSIONS) for form in forms)


def test_the_table_of_status_codes_has_each_code() -> None:
    rows = tables(section(API, "### Status codes"))[0]
    documented = {int(code) for codes, *_ in rows for code in codes.split(", ")}
    of_errors = {status for status, _ in error_handlers.TABLE.values()} - {_ONLY_IN_LOGS}
    of_reasons = {rule.status for rule in results.TABLE.values()} - {200}
    assert documented == of_errors | of_reasons
    declared = {int(code) for one in OPERATIONS.values() for code in one["responses"]}
    assert {code for code in declared if code >= 400} <= documented


@pytest.mark.parametrize("error", DETAILS.values(), ids=DETAILS)
def test_a_quoted_detail_is_that_of_the_error_with_its_status_code(
    error: errors.GatewayError,
) -> None:
    status, _ = error_handlers.TABLE[type(error)]
    quoted = [one for one in paragraphs(API, SESSIONS) if str(error)[:60] in one]
    assert quoted
    assert [one for one in quoted if str(status) not in one] == []

"""The exceptions for the API server's error responses: permanent, or worth a retry."""

from __future__ import annotations

import json
import re

import pytest
from support.data.documents import text_of

from cloche_kube.errors import (
    _TRANSIENT,
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    failure,
    failure_of_watch,
)

NO_ROLE = (
    'pods "a" is forbidden: User "system:serviceaccount:cloche-system:cloche-operator" cannot '
    'delete resource "pods" in API group "" in the namespace "cloche-sandboxes"'
)
"""Of a role that is missing, and of an API server that has not read its roles yet."""


def answered(status: int, message: str = "", reason: str = "") -> Exception:
    return failure(status, json.dumps({"message": message, "reason": reason}).encode())


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503, 504])
def test_a_status_that_asks_for_a_retry_is_an_unavailable_error(status: int) -> None:
    assert type(answered(status)) is UnavailableError


def test_the_documented_statuses_are_those_that_ask_for_a_retry() -> None:
    page = " ".join(text_of("docs/decisions/kubernetes-client.md").split())
    (listed,) = re.findall(r"a missing response, ([\d, or]+), or a 403 by RBAC", page)
    assert {int(status) for status in re.findall(r"\d+", listed)} == _TRANSIENT


def test_a_403_about_the_clients_rights_is_an_unavailable_error() -> None:
    error = answered(403, NO_ROLE)
    assert type(error) is UnavailableError
    assert NO_ROLE in str(error)


@pytest.mark.parametrize(
    "message",
    [
        'pods "a" is forbidden: exceeded quota: cloche, requested: pods=1, used: pods=2',
        'pods "a" is forbidden: violates PodSecurity "restricted:latest": privileged',
        "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: User cannot",
    ],
)
def test_a_403_about_the_request_is_a_forbidden_error(message: str) -> None:
    assert type(answered(403, message)) is ForbiddenError


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "", NotFoundError),
        (409, "", ConflictError),
        (413, "", TooLargeError),
        (422, "", InvalidError),
        (500, "etcdserver: request is too large", TooLargeError),
        (400, "", InvalidError),
        (410, "", GoneError),
        (405, "", ApiError),
    ],
)
def test_a_rejection_is_the_error_of_its_status(
    status: int, message: str, kind: type[ApiError]
) -> None:
    assert type(answered(status, message)) is kind


def test_a_conflict_because_the_name_is_taken_is_an_already_exists_error() -> None:
    assert type(answered(409, reason="AlreadyExists")) is AlreadyExistsError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"code": 410, "reason": "Gone"}, GoneError),
        ({"code": 410, "reason": "Expired"}, GoneError),
        ({"code": 504, "reason": "Timeout"}, UnavailableError),
        ({}, UnavailableError),
    ],
)
def test_the_status_that_ends_a_watch_is_the_same_error_as_a_response(
    status: dict[str, object], kind: type[Exception]
) -> None:
    assert type(failure_of_watch(status)) is kind


def test_an_error_without_a_status_object_quotes_the_response() -> None:
    error = failure(400, b"<html>")
    assert "<html>" in str(error)

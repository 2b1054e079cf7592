"""The exceptions for the API server's error responses: permanent, or worth a retry."""

from __future__ import annotations

import json

import pytest

from cloche_kube.errors import (
    ApiError,
    ConflictError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    failure,
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
def test_a_403_about_the_request_is_an_api_error(message: str) -> None:
    assert type(answered(403, message)) is ApiError


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "", NotFoundError),
        (409, "", ConflictError),
        (413, "", TooLargeError),
        (422, "", InvalidError),
        (500, "etcdserver: request is too large", TooLargeError),
        (400, "", ApiError),
    ],
)
def test_a_rejection_is_the_error_of_its_status(
    status: int, message: str, kind: type[ApiError]
) -> None:
    assert type(answered(status, message)) is kind


def test_an_error_without_a_status_object_quotes_the_response() -> None:
    error = failure(400, b"<html>")
    assert "<html>" in str(error)

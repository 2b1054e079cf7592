"""What an answer of the API server means: no, or not now."""

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
def test_not_now(status: int) -> None:
    assert type(answered(status)) is UnavailableError


def test_who_asks_is_refused_while_the_api_server_starts() -> None:
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
def test_what_is_asked_is_refused(message: str) -> None:
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
def test_no(status: int, message: str, kind: type[ApiError]) -> None:
    assert type(answered(status, message)) is kind


def test_an_answer_that_is_no_status_is_told_as_it_is() -> None:
    error = failure(400, b"<html>")
    assert "<html>" in str(error)

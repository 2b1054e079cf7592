"""Errors of calls of the API server."""

from __future__ import annotations

from typing import Any

_GONE = 410
_FORBIDDEN = 403
_NOT_FOUND = 404
_UNAUTHORIZED = 401
_REFUSED = frozenset({400, 413, 422})


class KubeError(Exception):
    """A call of the API server failed."""


class UnavailableError(KubeError):
    """The API server could not be reached, did not answer in time, or cannot serve now.

    `sent` is False if the request certainly had no effect.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class NotFoundError(KubeError):
    """The object does not exist."""


class AlreadyExistsError(KubeError):
    """An object of this name already exists."""


class ConflictError(KubeError):
    """A precondition of the request failed."""


class GoneError(KubeError):
    """The resourceVersion is too old to watch from."""


class ForbiddenError(KubeError):
    """The request is forbidden: by RBAC, a quota, a policy, or a terminating namespace."""


class InvalidError(KubeError):
    """The request failed the API server's validation. The message names the field."""


_CONFLICTS = {"AlreadyExists": AlreadyExistsError, "Conflict": ConflictError}
"""The errors for HTTP 409, by reason."""


def of_answer(code: int, reason: str, message: str) -> KubeError:
    """Return the error for an HTTP status code with the reason and message of a metav1.Status."""
    if code == _NOT_FOUND:
        return NotFoundError(message)
    if code == _GONE or reason == "Expired":
        return GoneError(message)
    if reason in _CONFLICTS:
        return _CONFLICTS[reason](message)
    if code == _FORBIDDEN:
        return ForbiddenError(message)
    if code in _REFUSED:
        return InvalidError(message)
    # 401: the token has just expired, and the request had no effect. 5xx: it can be retried.
    return UnavailableError(f"HTTP {code}: {message}", sent=code != _UNAUTHORIZED)


def of_status(status: dict[str, Any]) -> KubeError:
    """Return the error for the metav1.Status that ended a watch."""
    code, message = int(status.get("code", 500)), str(status.get("message", ""))
    return of_answer(code, str(status.get("reason", "")), message)

"""The errors of the API server.

A call fails in one of two ways. `ApiError`: the API server refused. `UnavailableError`: there was
no answer, or a transient error, and it is not known whether the call took effect.
"""

from __future__ import annotations

import json
import re

_TOO_LARGE_WORDS = ("request is too large", "Request entity too large", "too large")
_TRANSIENT = frozenset({401, 429, 500, 502, 503, 504})
# The API server's message if no role allows a request (responsewriters.ForbiddenMessage of
# k8s.io/apiserver). Quotas and policies refuse with a 403 too, but with other messages.
_NO_ROLE = re.compile(r'User ".*" cannot \w+ (resource|path) ')


class ApiError(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{message} ({status} {reason})")
        self.status = status
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """404: the object does not exist."""


class ConflictError(ApiError):
    """409: a precondition failed, or the name is taken (`reason` AlreadyExists)."""


class InvalidError(ApiError):
    """422: the object violates its schema."""


class TooLargeError(ApiError):
    """The object is larger than etcd or the API server accepts."""


class NoClusterError(Exception):
    """There is neither a service account nor a usable kubeconfig. The message is one line."""


class UnavailableError(Exception):
    """No answer, or a transient error. It is not known whether the call took effect."""


def failure(status: int, raw: bytes) -> ApiError | UnavailableError:
    """Return the exception for a response of 400 or more, from its metav1.Status."""
    try:
        answer = json.loads(raw)
        reason, message = str(answer.get("reason", "")), str(answer.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "", raw[:500].decode("utf-8", "replace")
    # etcd refuses a large object with a 500 and one of these messages.
    if status == 413 or any(words in message for words in _TOO_LARGE_WORDS):  # noqa: PLR2004
        return TooLargeError(status, reason, message)
    # An API server that starts refuses all clients until it has read its roles. If a role is really
    # missing, each retry logs it, and nothing must be restarted once it is granted.
    if status in _TRANSIENT or (status == 403 and _NO_ROLE.search(message)):  # noqa: PLR2004
        return UnavailableError(f"{status} {reason}: {message}")
    kind = {404: NotFoundError, 409: ConflictError, 422: InvalidError}.get(status, ApiError)
    return kind(status, reason, message)

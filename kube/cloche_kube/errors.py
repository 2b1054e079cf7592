"""The errors of the API server.

A call fails with a `KubeError`, in one of two ways. `ApiError`: the API server refused.
`UnavailableError`: there was no answer, or a transient error, and it is not known whether the call
took effect.
"""

from __future__ import annotations

import json
import re
from typing import Any

_TOO_LARGE_WORDS = ("request is too large", "Request entity too large", "too large")
_TRANSIENT = frozenset({401, 429, 500, 502, 503, 504})
# The API server's message if no role allows a request (responsewriters.ForbiddenMessage of
# k8s.io/apiserver). Quotas and policies refuse with a 403 too, but with other messages.
_NO_ROLE = re.compile(r'User ".*" cannot \w+ (resource|path) ')


class KubeError(Exception):
    """A call of the API server failed."""


class ApiError(KubeError):
    """The API server answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{message} ({status} {reason})")
        self.status = status
        self.reason = reason
        self.message = message


class InvalidError(ApiError):
    """400 or 422: the request or the object is not valid. The message names the field."""


class TooLargeError(InvalidError):
    """The object is larger than etcd or the API server accepts."""


class ForbiddenError(ApiError):
    """403: a quota, a policy or a terminating namespace forbids it."""


class NotFoundError(ApiError):
    """404: the object does not exist."""


class ConflictError(ApiError):
    """409: a precondition failed, a quota was being updated, or the name is taken."""


class AlreadyExistsError(ConflictError):
    """409: the name is taken."""


class GoneError(ApiError):
    """410: the resource version is too old to watch from."""


class UnavailableError(KubeError):
    """No answer, or a transient error. It is not known whether the call took effect.

    `sent` is False if the request certainly had no effect, because it was not sent.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class NoClusterError(Exception):
    """There is neither a service account nor a usable kubeconfig. The message is one line."""


_KINDS: dict[int, type[ApiError]] = {
    400: InvalidError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    413: TooLargeError,
    422: InvalidError,
}
_KINDS_BY_REASON: dict[str, type[ApiError]] = {
    "AlreadyExists": AlreadyExistsError,
    "Expired": GoneError,
}


def failure(status: int, raw: bytes) -> KubeError:
    """Return the error for a response of 400 or more, whose body is a metav1.Status."""
    try:
        answer = json.loads(raw)
        reason, message = str(answer.get("reason", "")), str(answer.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "", raw[:500].decode("utf-8", "replace")
    return _error(status, reason, message)


def failure_of_watch(status: dict[str, Any]) -> KubeError:
    """Return the error for the metav1.Status that ended a watch."""
    code, message = int(status.get("code", 500)), str(status.get("message", ""))
    return _error(code, str(status.get("reason", "")), message)


def _error(status: int, reason: str, message: str) -> KubeError:
    # etcd refuses a large object with a 500 and one of these messages.
    if any(words in message for words in _TOO_LARGE_WORDS):
        return TooLargeError(status, reason, message)
    # An API server that starts refuses all clients until it has read its roles. If a role is really
    # missing, each retry logs it, and nothing must be restarted once it is granted.
    if status in _TRANSIENT or (status == 403 and _NO_ROLE.search(message)):  # noqa: PLR2004
        return UnavailableError(f"{status} {reason}: {message}")
    kind = _KINDS_BY_REASON.get(reason) or _KINDS.get(status, ApiError)
    return kind(status, reason, message)

"""The names of settings: environment variables with the program's prefix."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Kubernetes sets these in Pods for a Service named like the program, unless enableServiceLinks is
# false: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP).*)?")


class SettingsError(Exception):
    """Settings are unknown or not valid. The message has one line for each of them."""


def reject_unknown(prefix: str, fields: Iterable[str]) -> None:
    """Check that each environment variable with the prefix is a setting.

    `fields`: the settings' names, without the prefix. Letter case does not matter. Variables that
    Kubernetes sets for a Service are ignored.

    Raises:
        SettingsError: some are not. The message names each, with the setting of the nearest name.
    """
    known = [prefix + name.upper() for name in fields]
    lines = []
    for name in sorted(os.environ):
        upper = name.upper()
        if not upper.startswith(prefix) or upper in known:
            continue
        if not _SERVICE_LINK.fullmatch(upper.removeprefix(prefix)):
            (nearest,) = difflib.get_close_matches(upper, known, n=1, cutoff=0.0)
            lines.append(f"{name}: unknown setting; the nearest one is {nearest}")
    if lines:
        raise SettingsError("\n".join(lines))

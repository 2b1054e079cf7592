"""What the tests of a module ask for, done ahead of them."""

from __future__ import annotations

from typing import Any

import pytest


def chosen(request: pytest.FixtureRequest, name: str) -> list[Any]:
    """Return the parameters of a name that the module's selected tests have, in their order."""
    return [
        item.callspec.params[name]
        for item in request.session.items
        if item.path == request.path
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        if name in item.callspec.params
    ]

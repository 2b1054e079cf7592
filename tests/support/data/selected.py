"""The parameters of a module's tests, for doing their work in advance."""

from __future__ import annotations

from typing import Any

import pytest


def selected_params(request: pytest.FixtureRequest, name: str) -> list[Any]:
    """Return this parameter of all selected tests of the module, in their order."""
    return [
        item.callspec.params[name]
        for item in request.session.items
        if item.path == request.path
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        if name in item.callspec.params
    ]

"""Valid manifests, from which tests make invalid ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from support.data.manifests import PYTHON

from cloche_api.meta import API_VERSION


@pytest.fixture
def execution() -> Callable[..., dict[str, Any]]:
    """Makes a small SandboxExecution with these fields in its spec; None takes one away."""

    def make(name: str = "one", **spec: Any) -> dict[str, Any]:
        fields = {"language": "python", "code": "print(1)"} | spec
        return {
            "apiVersion": API_VERSION,
            "kind": "SandboxExecution",
            "metadata": {"name": name},
            "spec": {k: copy.deepcopy(v) for k, v in fields.items() if v is not None},
        }

    return make


@pytest.fixture
def runtime() -> Callable[..., dict[str, Any]]:
    """Makes a small SandboxRuntime with these fields in its spec; None takes one away."""

    def make(name: str = "one", **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": API_VERSION,
            "kind": "SandboxRuntime",
            "metadata": {"name": name},
            "spec": {k: copy.deepcopy(v) for k, v in (PYTHON | spec).items() if v is not None},
        }

    return make


@pytest.fixture
def sandbox_session() -> Callable[..., dict[str, Any]]:
    """Makes a small SandboxSession with these fields in its spec; None takes one away."""

    def make(name: str = "sbs-1", **spec: Any) -> dict[str, Any]:
        fields = {"language": "python"} | spec
        return {
            "apiVersion": API_VERSION,
            "kind": "SandboxSession",
            "metadata": {"name": name},
            "spec": {k: copy.deepcopy(v) for k, v in fields.items() if v is not None},
        }

    return make

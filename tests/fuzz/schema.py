"""Requests made from the gateway's own OpenAPI document, and its answers judged by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.fixtures.installation import Installation

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
"""All but those that take the document's types for all of the rules: a path that climbs is a
string, and it is refused."""


def run(
    to: Installation, examples: int, seed: int, *, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run schemathesis with so many examples of each operation; exit code 1 is a finding."""
    program = Path(sys.executable).parent / "schemathesis"
    arguments = [
        *("run", f"{to.url}/openapi.json", "--header", f"X-API-Key: {to.key}"),
        *("--checks", ",".join(_CHECKS), "--max-examples", str(examples), "--seed", str(seed)),
        *("--generation-database", "none", "--request-timeout", "120"),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py"))}
    return subprocess.run(
        [program, *arguments], env=environment, text=True, capture_output=capture, check=False
    )

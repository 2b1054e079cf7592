"""The names of the installation, the same in every cluster."""

from __future__ import annotations

RELEASE = "cloche"
NAMESPACE = "cloche-system"
SANDBOX_NAMESPACE = "cloche-sandboxes"
GATEWAY_SERVICE = "cloche-gateway"

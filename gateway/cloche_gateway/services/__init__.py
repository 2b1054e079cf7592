"""Use cases of the gateway, independent of HTTP."""

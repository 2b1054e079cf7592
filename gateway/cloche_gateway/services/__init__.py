"""Use cases of the gateway, one per module, independent of HTTP."""

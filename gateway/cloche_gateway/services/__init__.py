"""What the gateway does for its callers: one use case a module, no HTTP."""

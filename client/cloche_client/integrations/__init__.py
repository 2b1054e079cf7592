"""Adapters for other frameworks. Each requires its framework: `cloche-client[NAME]`."""

"""Parse and validate a request, and build the resource for it. Pure."""

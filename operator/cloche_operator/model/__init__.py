"""Resources as the operator sees them, and the manifests and statuses that it builds. Pure."""

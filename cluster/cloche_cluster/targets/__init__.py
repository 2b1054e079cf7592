"""The kinds of cluster, behind a common interface."""

"""The kinds of cluster, each behind the same few operations."""

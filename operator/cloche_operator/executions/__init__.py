"""The life of one execution, from its first event to its final status."""

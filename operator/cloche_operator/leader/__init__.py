"""The takeover by a new leader, and the periodic sweep."""

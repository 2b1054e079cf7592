"""The caches, the Lease, inputs, Events, and the context that all components share."""

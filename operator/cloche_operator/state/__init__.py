"""The caches, the Lease, inputs and Events."""

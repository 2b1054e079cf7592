"""What the operator knows and holds: caches, the Lease, inputs, the parts that all share."""

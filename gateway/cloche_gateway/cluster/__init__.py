"""What the gateway reads from and writes to the cluster: calls, watches, waiters, logs."""

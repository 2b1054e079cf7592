"""Bytes: their number in etcd, the limit on writes, and the budget of a process."""

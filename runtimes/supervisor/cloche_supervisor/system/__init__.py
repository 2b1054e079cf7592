"""The kernel: system calls, signals, processes and the cgroup."""

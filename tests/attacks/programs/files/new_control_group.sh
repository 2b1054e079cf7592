# Tries: a new control group beneath its own
# Gets: refused
# Depends on: user namespaces
made=$(find /sys/fs/cgroup -maxdepth 3 -type d -exec mkdir {}/x \; -print 2>/dev/null | head -1)
ls -d /sys/fs/cgroup/x /sys/fs/cgroup/*/x 2>/dev/null || echo refused

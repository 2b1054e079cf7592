# Tries: another root by PID 1's
# Gets: none
# Depends on: user namespaces
ls /proc/1/root/ /proc/1/cwd/ 2>/dev/null || echo none

# Tries: to have the kernel start a program of ours as the node's root at the next crash
# Gets: EROFS or EACCES
# Depends on: user namespaces
from attack import attempt, write

attempt(write, "/proc/sys/kernel/core_pattern", "|/workspace/x")

# Tries: to have the kernel start a program of ours as the node's root at the next crash
# Gets: EROFS or EACCES
from attack import attempt, write

attempt(write, "/proc/sys/kernel/core_pattern", "|/workspace/x")

# Tries: to crash the node by the keys of its console
# Gets: EROFS or EACCES or ENOENT
# Depends on: user namespaces
from attack import attempt, write

attempt(write, "/proc/sysrq-trigger", "b")

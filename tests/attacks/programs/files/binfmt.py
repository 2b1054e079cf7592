# Tries: to register its own interpreter for the whole node
# Gets: EROFS or EACCES or ENOENT
# Depends on: user namespaces
from attack import attempt, write

attempt(write, "/proc/sys/fs/binfmt_misc/register", ":x:E::x::/workspace/x:")

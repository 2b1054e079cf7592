# Tries: to overwrite what the container runtime itself would run, by /proc/self/exe
# Gets: ETXTBSY or EROFS or EACCES
# Depends on: user namespaces
import os

from attack import attempt

attempt(os.open, "/proc/self/exe", os.O_WRONLY)

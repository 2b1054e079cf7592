# Tries: to leave what the next program in this Pod would find first
# Gets: EROFS or EACCES
# Gets: refused
# Depends on: user namespaces
import os

from attack import attempt

attempt(os.open, "/usr/local/bin/python3", os.O_CREAT | os.O_WRONLY, 0o755)
print("refused" if not os.access("/usr/local/bin", os.W_OK) else "open")

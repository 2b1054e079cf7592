# Tries: devices: disks, memory, the kernel's log
# Gets: ['full', 'null', 'random', 'tty', 'urandom', 'zero']
# Depends on: user namespaces
import os
import stat

print(sorted(
    name
    for name in os.listdir("/dev")
    if os.path.exists(f"/dev/{name}")  # ptmx leads nowhere
    if stat.S_ISCHR(os.stat(f"/dev/{name}").st_mode) or stat.S_ISBLK(os.stat(f"/dev/{name}").st_mode)
    if name not in ("stdin", "stdout", "stderr")
))

# Tries: a socket that somebody left open
# Gets: ['pipe', 'pipe', 'pipe']
import os

kinds = []
for number in range(1024):
    try:
        target = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        continue
    if not target.startswith("/proc/"):
        kinds.append(target.split(":")[0])
print(kinds)

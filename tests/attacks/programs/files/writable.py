# Tries: every directory and every file that there is, for one on the node's disk to write to
# Gets: ['/dev/mqueue', '/dev/shm', '/workspace']
# Depends on: user namespaces
import os

found = set()
for top, names, files in os.walk("/"):
    if top.startswith(("/proc/", "/sys/")):
        names.clear()
        continue
    if os.access(top, os.W_OK):
        found.add(top)
    for name in files:
        path = os.path.join(top, name)
        if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.W_OK):
            found.add(top)
print(sorted(path for path in found if not path.startswith("/workspace/")))

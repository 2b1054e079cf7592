# Tries: all that /proc tells of PID 1: memory, environment, maps, descriptors, root
# Gets: []
# Depends on: user namespaces
import os

NAMES = "auxv environ exe cwd root maps smaps mem pagemap stack syscall io map_files fd fdinfo ns".split()
opened = []
for name in NAMES:
    path = f"/proc/1/{name}"
    try:
        if name in ("exe", "cwd", "root"):
            os.readlink(path)
        elif name == "ns":
            os.readlink(f"{path}/net")
        elif name in ("fd", "fdinfo", "map_files"):
            os.listdir(path)
        else:
            os.read(os.open(path, os.O_RDONLY), 1)
    except OSError:
        continue
    opened.append(name)
print(opened)

# Tries: every file of /sys and of the kernel's settings
# Gets: []
# Depends on: user namespaces
import os

opened = []
for place in ("/sys", "/proc/sys"):
    for top, _, names in os.walk(place):
        for name in names:
            path = os.path.join(top, name)
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue
            opened.append(path)
print(opened[:20])

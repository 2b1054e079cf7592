# Tries: every file of PID 1 that could be written to
# Gets: []
# Depends on: user namespaces
import os

opened = []
for top, _, names in os.walk("/proc/1", onerror=lambda _: None):
    for name in names:
        path = os.path.join(top, name)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:  # some open for all, and judge at the write
            os.write(fd, b"1")
        except OSError:
            continue
        opened.append(path)
print(opened)

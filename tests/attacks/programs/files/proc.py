# Tries: every file of /proc that belongs to no process
# Gets: []
# Depends on: user namespaces
import os

opened = []
for top, names, files in os.walk("/proc"):
    if top == "/proc":
        names[:] = [name for name in names if not name.isdecimal()]
        names[:] = [name for name in names if name not in ("self", "thread-self", "sys")]
    for name in files:
        path = os.path.join(top, name)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:  # some open for all, and judge at the write
            os.write(fd, b"1")
        except OSError:
            continue
        if os.fstat(fd).st_rdev != os.stat("/dev/null").st_rdev:
            opened.append(path)
print(opened)

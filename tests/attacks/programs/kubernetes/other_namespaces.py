# Tries: to share a namespace with anybody: processes, memory, names
# Gets: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'] or ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] or ['ipc', 'mnt', 'net', 'pid', 'uts'] or ['ipc', 'mnt', 'net', 'pid', 'user', 'uts']
import os

# The first namespaces of a machine have these numbers (include/linux/proc_ns.h).
FIRST = {"ipc": 0xEFFFFFFF, "uts": 0xEFFFFFFE, "user": 0xEFFFFFFD, "pid": 0xEFFFFFFC, "cgroup": 0xEFFFFFFB}
own = []
for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
    number = int(os.readlink(f"/proc/self/ns/{name}").split("[")[1][:-1])
    if number != FIRST.get(name):
        own.append(name)
print(own)

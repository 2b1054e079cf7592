# Tries: to read the kernel's memory and tables
# Gets: 0 bytes
# Depends on: user namespaces
from attack import read

NAMES = ("kcore", "keys", "timer_list", "sched_debug", "latency_stats", "kallsyms")
total = 0
for name in NAMES:
    try:
        data = read(f"/proc/{name}")
    except OSError:
        continue
    if name == "kallsyms":  # readable, but without addresses
        data = b"".join(line for line in data.splitlines()[:-1] if not line.startswith(b"0" * 16))
    total += len(data)
print(total, "bytes")

# Tries: to find a capability that it has, or can have
# Gets: CapAmb 0
# Gets: CapBnd 0
# Gets: CapEff 0
# Gets: CapInh 0
# Gets: CapPrm 0
# Gets: EPERM
# Depends on: user namespaces
import ctypes
import struct

from attack import attempt, call

with open("/proc/self/status") as file:
    for line in sorted(file):
        if line.startswith("Cap"):
            name, value = line.split(":")
            print(name, int(value, 16))
header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
wanted = ctypes.create_string_buffer(struct.pack("=6I", *[1 << 21, 1 << 21, 0, 0, 0, 0]))
attempt(call, "capset", header, wanted)

# Tries: kernel memory that its Pod is not charged for: access lists of thousands of entries
# Gets: ENOTSUP ENOTSUP
import os
import struct

from attack import outcome

PLAIN = [(1, 6), (4, 6), (16, 6), (32, 6)]  # of owner, group, mask and others, as each list has
ENTRIES = [(tag, mode, 2**32 - 1) for tag, mode in PLAIN]
ENTRIES[1:1] = [(2, 6, user) for user in range(8000)]
ACCESS = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in ENTRIES)
open("f", "w").close()
print(
    outcome(os.setxattr, "f", "system.posix_acl_access", ACCESS),
    outcome(os.setxattr, "f", "user.x", bytes(60_000)),
)

# Tries: to make a device: the node's disk, its memory
# Gets: {'EPERM'}
# Depends on: user namespaces
import os
import stat

from attack import outcome

print({
    outcome(os.mknod, name, kind | 0o600, os.makedev(*numbers))
    for name, kind, numbers in (
        ("disk", stat.S_IFBLK, (8, 0)),
        ("vda", stat.S_IFBLK, (254, 0)),
        ("mem", stat.S_IFCHR, (1, 1)),
        ("kmsg", stat.S_IFCHR, (1, 11)),
        ("fuse", stat.S_IFCHR, (10, 229)),
    )
})

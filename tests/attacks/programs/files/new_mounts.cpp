// Tries: the newer calls for mounting
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <fcntl.h>

int main() {
    tell(syscall(SYS_fsopen, "tmpfs", 0));
    tell(syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    tell(syscall(SYS_move_mount, AT_FDCWD, "/workspace", AT_FDCWD, "/etc", 0));
    tell(syscall(SYS_fspick, AT_FDCWD, "/", 0));
    tell(syscall(SYS_fsmount, 0, 0, 0));
    char attributes[32] = {};
    tell(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, attributes, sizeof attributes));
}

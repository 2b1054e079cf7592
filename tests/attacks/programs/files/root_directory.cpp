// Tries: another root directory
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"

int main() {
    tell(chroot("/workspace"));
    tell(syscall(SYS_pivot_root, ".", "."));
}

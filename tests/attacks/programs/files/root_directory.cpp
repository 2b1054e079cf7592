// Tries: another root directory
// Gets: EPERM
// Gets: EPERM
#include "attack.h"

int main() {
    tell(chroot("/workspace"));
    tell(syscall(SYS_pivot_root, ".", "."));
}

// Tries: to copy a descriptor out of PID 1, which has a way out
// Gets: DONE
// Gets: EPERM
#include "attack.h"

int main() {
    long pid1 = syscall(SYS_pidfd_open, 1, 0);
    tell(pid1);
    tell(syscall(SYS_pidfd_getfd, pid1, 0, 0));
}

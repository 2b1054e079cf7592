// Tries: to read and write PID 1's memory, and to advise the kernel on it
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <sys/uio.h>

int main() {
    char place[8];
    iovec own{place, sizeof place}, other{reinterpret_cast<void *>(0x400000), sizeof place};
    tell(process_vm_readv(1, &own, 1, &other, 1, 0));
    tell(process_vm_writev(1, &own, 1, &other, 1, 0));
    tell(syscall(SYS_process_madvise, syscall(SYS_pidfd_open, 1, 0), &other, 1, 4, 0));
}

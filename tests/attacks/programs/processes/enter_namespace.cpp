// Tries: to enter a namespace: PID 1's, its own once more
// Gets: EACCES
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <fcntl.h>
#include <sched.h>

int main() {
    tell(open("/proc/1/ns/mnt", O_RDONLY));
    tell(setns(open("/proc/self/ns/user", O_RDONLY), 0));
    tell(setns(syscall(SYS_pidfd_open, 1, 0), CLONE_NEWNS));
}

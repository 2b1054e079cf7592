// Tries: programs in the kernel, its counters, its page faults, its log
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"

int main() {
    char attributes[128] = {};
    tell(syscall(SYS_bpf, 5, attributes, sizeof attributes));
    tell(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
    tell(syscall(SYS_userfaultfd, 1));
    tell(syscall(SYS_syslog, 3, attributes, sizeof attributes));
}

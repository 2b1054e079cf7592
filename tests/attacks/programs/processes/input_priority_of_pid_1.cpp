// Tries: the same by the calls that C libraries do not have
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"

int main() {
    long idle = 3 << 13;
    tell(syscall(SYS_ioprio_set, 1, 1, idle));
    tell(syscall(SYS_ioprio_set, 3, getuid(), idle));
    struct { unsigned size, policy; unsigned long long flags; int nice; char rest[32]; } idle_policy{56, 5, 0, 0, {}};
    tell(syscall(SYS_sched_setattr, 1, &idle_policy, 0));
    int priority = 0;
    tell(syscall(SYS_sched_setparam, 1, &priority));
}

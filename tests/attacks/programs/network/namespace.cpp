// Tries: its own network, in which it would be the administrator
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: ENOSYS
#include "attack.h"
#include <csignal>
#include <sched.h>

int main() {
    tell(unshare(CLONE_NEWNET));
    tell(unshare(CLONE_NEWUSER | CLONE_NEWNET));
    tell(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
    unsigned long long arguments[11] = {CLONE_NEWUSER | CLONE_NEWNET, 0, 0, 0, SIGCHLD};
    tell(syscall(SYS_clone3, arguments, sizeof arguments));
}

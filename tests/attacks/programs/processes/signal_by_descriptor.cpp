// Tries: to kill PID 1 by a descriptor of it: the call says yes, nothing happens
// Gets: DONE
// Gets: still here
#include "attack.h"
#include <csignal>

int main() {
    tell(syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, 1, 0), SIGKILL, nullptr, 0));
    puts("still here");
}

// Tries: io_uring, which makes sockets without a call that a filter sees
// Gets: ENOSYS
// Gets: ENOSYS
// Gets: ENOSYS
// Held by: the filter
#include "attack.h"

int main() {
    char parameters[120] = {};
    tell(syscall(SYS_io_uring_setup, 8, parameters));
    tell(syscall(SYS_io_uring_enter, 0, 1, 0, 0, nullptr, 0));
    tell(syscall(SYS_io_uring_register, 0, 0, nullptr, 0));
}

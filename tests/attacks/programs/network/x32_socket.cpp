// Tries: the same call by x32's number
// Gets: ENOSYS
// Gets: ENOSYS
#include "attack.h"

int main() {
    tell(syscall(0x40000000L | SYS_socket, 2L, 1L, 0L));
    tell(syscall(0x40000000L | 514, 2L, 1L, 0L));
}

// Tries: a family whose upper half, which the kernel does not look at, is not nothing
// Gets: EACCES or EPERM
// Gets: EACCES or EPERM
#include "attack.h"

int main() {
    tell(syscall(SYS_socket, 0x100000002L, 3L, 255L));
    tell(syscall(SYS_socket, -0xfffffffeL, 3L, 255L));
}

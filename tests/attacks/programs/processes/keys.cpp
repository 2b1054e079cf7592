// Tries: the kernel's keys, which no namespace divides
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"

int main() {
    tell(syscall(SYS_add_key, "user", "x", "secret", 6, -4));
    tell(syscall(SYS_keyctl, 0, -4, 1));
    tell(syscall(SYS_request_key, "user", "x", nullptr, -4));
}

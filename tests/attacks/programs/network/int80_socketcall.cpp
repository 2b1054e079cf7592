// Tries: the 32-bit way into the kernel, whose one call for all sockets a filter cannot look into
// Ends: Signaled 31
#include "attack.h"
#include <csignal>

int main() {
#ifdef __x86_64__
    alignas(8) static int arguments[3] = {2, 1, 0};
    long result;
    asm volatile("int $0x80" : "=a"(result) : "a"(102), "b"(1), "c"(arguments) : "memory");
    printf("%ld\n", result);
#else
    raise(31);
#endif
}

// Tries: socket by its 32-bit number, which is another call's in 64 bits
// Ends: Signaled 31
#include "attack.h"
#include <csignal>

int main() {
#ifdef __x86_64__
    long result;
    asm volatile("int $0x80" : "=a"(result) : "a"(359), "b"(2), "c"(1), "d"(0) : "memory");
    printf("%ld\n", result);
#else
    raise(31);
#endif
}

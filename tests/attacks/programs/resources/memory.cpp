// Tries: the same, as fast as can be, and locked
// Gets: before
// Ends: OutOfMemory
// Limits: memory=256Mi
#include "attack.h"
#include <sys/mman.h>

int main() {
    puts("before");
    fflush(stdout);
    usleep(200'000);
    for (;;) {
        auto *place = static_cast<char *>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mlock(place, 1 << 20);
        memset(place, 1, 1 << 20);
    }
}

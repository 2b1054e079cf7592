// Tries: System V shared memory, which outlives its processes
// Ends: OutOfMemory
// Limits: memory=256Mi
#include "attack.h"
#include <sys/shm.h>

int main() {
    for (;;) {
        int id = shmget(IPC_PRIVATE, 16 << 20, 0600);
        void *place = shmat(id, nullptr, 0);
        memset(place, 1, 16 << 20);
        shmdt(place);
    }
}

// Tries: more threads than its limit of processes
// Gets: EAGAIN 1
// Depends on: user namespaces
#include "attack.h"
#include <pthread.h>

static void *stay(void *) { pause(); return nullptr; }

int main() {
    int made = 0, error = 0;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    while (!error) {
        pthread_t thread;
        error = pthread_create(&thread, &small, stay, nullptr);
        made += !error;
    }
    printf("%s %d\n", strerrorname_np(error), made < 512);
    fflush(stdout);
    _exit(0);
}

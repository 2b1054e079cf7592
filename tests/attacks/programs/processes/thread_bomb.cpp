// Tries: hundreds of threads that compute without end
// Ends: DeadlineExceeded
// Limits: timeoutSeconds=15
#include <pthread.h>

static void *spin(void *) { for (volatile int i = 0;; i++) {} }

int main() {
    for (pthread_t thread;;) pthread_create(&thread, nullptr, spin, nullptr);
}

// Tries: to be where a signal waits: a parent held by vfork
// Ends: DeadlineExceeded
// Limits: timeoutSeconds=15
#include <unistd.h>

int main() {
    if (vfork() == 0)
        for (;;) pause();
}

// Tries: a child that is PID 1's and not its own
// Gets: still here
#include "attack.h"
#include <csignal>
#include <sched.h>

int main() {
    for (int i = 0; i < 100; i++)
        if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0) {
            if (i % 2) _exit(0);
            for (;;) pause();
        }
    puts("still here");
}

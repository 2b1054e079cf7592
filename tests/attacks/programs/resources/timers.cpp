// Tries: as many of the kernel's timers as there can be
// Gets: EAGAIN or ENOMEM
// Limits: memory=256Mi
#include "attack.h"
#include <csignal>
#include <ctime>

int main() {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    for (;;) {
        timer_t timer;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) break;
    }
    tell(-1);
}

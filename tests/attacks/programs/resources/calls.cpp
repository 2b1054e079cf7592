// Tries: the kernel's time, by the cheapest call there is
// Ends: DeadlineExceeded
// Limits: timeoutSeconds=15
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

int main() {
    for (int i = 0; i < 16; i++) std::thread([] { for (;;) syscall(SYS_getppid); }).detach();
    pause();
}

// Tries: output without end on both streams, by many threads
// Ends: DeadlineExceeded
// Bytes: 262144
// Limits: timeoutSeconds=15
#include <thread>
#include <unistd.h>

static char block[65536];

int main() {
    for (auto &c : block) c = 'x';
    for (int i = 0; i < 8; i++)
        std::thread([i] { for (;;) write(1 + i % 2, block, sizeof block); }).detach();
    pause();
}

// Tries: many threads at once, one of which may be without the filter
// Gets: 0
// Held by: the filter
#include "attack.h"
#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <vector>

int main() {
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; i++)
        threads.emplace_back([&] {
            for (int n = 0; n < 1000; n++)
                if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0) made++;
        });
    for (auto &thread : threads) thread.join();
    printf("%d\n", made.load());
}

// Tries: every descriptor number as a socket
// Gets: 0
#include "attack.h"
#include <sys/socket.h>

int main() {
    int found = 0;
    for (int fd = 0; fd < 1 << 20; fd++) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        if (getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) == 0) found++;
    }
    printf("%d\n", found);
}

// Tries: output without end, one byte at a time
// Ends: DeadlineExceeded
// Bytes: 262144
// Limits: timeoutSeconds=15
#include <unistd.h>

int main() {
    for (;;) write(1, "x", 1);
}

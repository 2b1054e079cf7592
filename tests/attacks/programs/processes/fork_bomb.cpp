// Tries: a fork bomb that is quick about it
// Ends: DeadlineExceeded
// Limits: timeoutSeconds=15
#include <unistd.h>

int main() {
    for (;;) fork();
}

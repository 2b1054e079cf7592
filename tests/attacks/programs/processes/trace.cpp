// Tries: to trace PID 1, and to be traced
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <sys/ptrace.h>

int main() {
    tell(ptrace(PTRACE_ATTACH, 1, nullptr, nullptr));
    tell(ptrace(PTRACE_SEIZE, 1, nullptr, nullptr));
    tell(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
}

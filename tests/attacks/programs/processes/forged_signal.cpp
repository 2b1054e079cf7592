// Tries: the order to end, as if it came from outside the Pod
// Gets: DONE
// Gets: EPERM
// Gets: EPERM
// Gets: still here
// Depends on: user namespaces
#include "attack.h"
#include <csignal>
#include <initializer_list>

int main() {
    for (int code : {SI_QUEUE, SI_USER, SI_KERNEL}) {
        siginfo_t info{};
        info.si_signo = SIGTERM;
        info.si_code = code;
        tell(syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &info));
    }
    puts("still here");
}

// Tries: what only the node's administrator may: modules, clocks, names, reboot, ports
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <ctime>
#include <sys/reboot.h>

int main() {
    tell(syscall(SYS_init_module, "", 0, ""));
    tell(syscall(SYS_finit_module, 0, "", 0));
    timespec now{};
    tell(clock_settime(CLOCK_REALTIME, &now));
    tell(sethostname("x", 1));
    tell(reboot(RB_AUTOBOOT));
}

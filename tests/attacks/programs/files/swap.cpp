// Tries: to have the node swap to its own file, and to count what its processes do
// Gets: EPERM
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <sys/quota.h>
#include <sys/swap.h>

int main() {
    fclose(fopen("swap", "w"));
    tell(swapon("swap", 0));
    tell(acct("swap"));
    tell(swapoff("/dev/vda"));
}

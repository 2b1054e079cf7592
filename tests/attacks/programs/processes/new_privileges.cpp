// Tries: to have exec give privileges again
// Gets: EINVAL
// Gets: EPERM
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <linux/securebits.h>
#include <sys/prctl.h>

int main() {
    tell(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    tell(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS, 0, 0, 0));
    tell(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
}

// Tries: seccomp's first mode in place of the filter
// Gets: EINVAL
#include "attack.h"
#include <sys/prctl.h>

int main() {
    tell(prctl(PR_SET_SECCOMP, 1, 0, 0, 0));
}

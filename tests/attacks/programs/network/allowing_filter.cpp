// Tries: its own filter, which allows everything, installed over ours
// Gets: EINVAL
// Gets: EACCES
// Held by: the filter
#include "attack.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int main() {
    sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    sock_fprog program = {1, allow};
    tell(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
    tell(socket(AF_PACKET, SOCK_DGRAM, 0));
}

// Tries: memory for compiled filters, which is one sum for the node
// Gets: EPERM
// Gets: EPERM
// Gets: EINVAL
// Gets: ENOSYS
#include "attack.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int main() {
    sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    sock_fprog program = {1, allow};
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    tell(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    tell(setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &s, sizeof s));
    tell(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
    tell(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

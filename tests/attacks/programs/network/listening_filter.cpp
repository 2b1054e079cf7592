// Tries: to be asked itself about every call, and to say that it may go on
// Gets: ENOSYS
// Gets: EACCES
// Held by: the filter
#include "attack.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

int main() {
    sock_filter ask[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_socket},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    sock_fprog program = {4, ask};
    tell(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    tell(socket(AF_PACKET, SOCK_DGRAM, 0));
}

// Tries: memory of other kinds: huge pages, secret pages, segments, pages where it says, queues of news
// Gets: ENOMEM
// Gets: ENOMEM
// Gets: ENOMEM
// Gets: ENOSYS
// Gets: ENOSYS
// Gets: EPERM
// Gets: ENOPKG
#include "attack.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main() {
    void *got = mmap(nullptr, 2 << 20, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    tell(got == MAP_FAILED ? -1 : 0);
    tell(memfd_create("huge", MFD_HUGETLB));
    tell(shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | 0600));
    tell(syscall(447, 0));  // memfd_secret
#ifdef SYS_modify_ldt
    tell(syscall(SYS_modify_ldt, 0, nullptr, 0));
#else
    puts("ENOSYS");
#endif
    unsigned long nodes = 1;
    tell(syscall(SYS_mbind, got, 4096, 2, &nodes, 8, 0));
    int ends[2];
    tell(pipe2(ends, O_EXCL));  // O_NOTIFICATION_PIPE
}

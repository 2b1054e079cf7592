// Tries: files of the node by their numbers, past every path (as "shocker" did)
// Gets: EPERM
// Depends on: user namespaces
#include "attack.h"
#include <fcntl.h>

int main() {
    alignas(file_handle) char place[sizeof(file_handle) + 8] = {};
    auto *handle = reinterpret_cast<file_handle *>(place);
    handle->handle_bytes = 8;
    handle->handle_type = 1;
    handle->f_handle[0] = 2;  // the root of many file systems
    tell(open_by_handle_at(open("/etc/hosts", O_RDONLY), handle, O_RDONLY));
}

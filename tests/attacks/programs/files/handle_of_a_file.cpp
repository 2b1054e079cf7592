// Tries: the number of a file, by which it is found past every path
// Gets: EOPNOTSUPP
#include "attack.h"
#include <fcntl.h>

int main() {
    alignas(file_handle) char place[sizeof(file_handle) + 128] = {};
    auto *handle = reinterpret_cast<file_handle *>(place);
    handle->handle_bytes = 128;
    int mount;
    tell(name_to_handle_at(AT_FDCWD, "/workspace", handle, &mount, 0));
}

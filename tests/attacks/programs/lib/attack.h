// What the programs share: try something, and say in one word what came of it.
#pragma once
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(long result) {
    puts(result < 0 ? strerrorname_np(errno) : "DONE");
    fflush(stdout);
}

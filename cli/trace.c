/* SPDX-License-Identifier: Apache-2.0 */
/* System calls as lines, in the manner of strace(1). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

enum { MOST_BYTES = 32 }; /* of a buffer or a path that are shown */

/*
 * How the arguments of a call are written, one letter each: d descriptor or number, u size, x
 * hexadecimal, o octal, s path, b buffer whose size is the next argument and which the guest gives,
 * r one that the guest gets, whose size is the result. Calls that are not here show three in
 * hexadecimal.
 */
static const struct {
    const char *name, *arguments;
} shapes[] = {
    {"access", "so"},
    {"arch_prctl", "xx"},
    {"brk", "x"},
    {"chdir", "s"},
    {"chmod", "so"},
    {"clock_getres", "dx"},
    {"clock_gettime", "dx"},
    {"clock_nanosleep", "dxxx"},
    {"close", "d"},
    {"close_range", "ddx"},
    {"creat", "so"},
    {"dup", "d"},
    {"dup2", "dd"},
    {"dup3", "ddx"},
    {"exit", "d"},
    {"exit_group", "d"},
    {"faccessat", "dso"},
    {"faccessat2", "dsox"},
    {"fchdir", "d"},
    {"fchmod", "do"},
    {"fchmodat", "dso"},
    {"fcntl", "ddx"},
    {"fdatasync", "d"},
    {"flock", "dd"},
    {"fork", ""},
    {"fstat", "dx"},
    {"fsync", "d"},
    {"ftruncate", "du"},
    {"futex", "xddx"},
    {"getcwd", "xu"},
    {"getdents64", "dxu"},
    {"getegid", ""},
    {"geteuid", ""},
    {"getgid", ""},
    {"getpid", ""},
    {"getppid", ""},
    {"getrandom", "xux"},
    {"gettid", ""},
    {"getuid", ""},
    {"ioctl", "dxx"},
    {"kill", "dd"},
    {"lseek", "ddd"},
    {"lstat", "sx"},
    {"madvise", "xud"},
    {"mkdir", "so"},
    {"mkdirat", "dso"},
    {"mmap", "xuxxdx"},
    {"mprotect", "xux"},
    {"mremap", "xuuxx"},
    {"munmap", "xu"},
    {"nanosleep", "xx"},
    {"newfstatat", "dsxx"},
    {"open", "sxo"},
    {"openat", "dsxo"},
    {"poll", "xud"},
    {"prctl", "dxxxx"},
    {"pread64", "druu"},
    {"prlimit64", "ddxx"},
    {"pwrite64", "dbuu"},
    {"read", "dru"},
    {"readlink", "sru"},
    {"readlinkat", "dsru"},
    {"readv", "dxu"},
    {"rename", "ss"},
    {"renameat", "dsds"},
    {"renameat2", "dsdsx"},
    {"rmdir", "s"},
    {"rt_sigaction", "dxxu"},
    {"rt_sigprocmask", "dxxu"},
    {"sched_yield", ""},
    {"select", "dxxxx"},
    {"set_robust_list", "xu"},
    {"set_tid_address", "x"},
    {"socket", "ddd"},
    {"stat", "sx"},
    {"statx", "dsxxx"},
    {"sysinfo", "x"},
    {"tgkill", "ddd"},
    {"truncate", "su"},
    {"umask", "o"},
    {"uname", "x"},
    {"unlink", "s"},
    {"unlinkat", "dsx"},
    {"utimensat", "dsxx"},
    {"vfork", ""},
    {"write", "dbu"},
    {"writev", "dxu"},
};

static const char *shape_of(const char *name)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return shapes[i].arguments;
    return "xxx";
}

/* The guest's bytes between quotes, what is not printable ASCII escaped. */
static void add_quoted(struct line *line, const unsigned char *bytes, size_t size, bool more)
{
    line_add(line, "\"");
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            line_add(line, "\\n");
        else if (bytes[i] == '"' || bytes[i] == '\\')
            line_add(line, "\\%c", bytes[i]);
        else if (bytes[i] < ' ' || bytes[i] > '~')
            line_add(line, "\\x%02x", bytes[i]);
        else
            line_add(line, "%c", bytes[i]);
    }
    line_add(line, more ? "\"..." : "\"");
}

static void add_bytes(struct line *line, mote_sandbox *sandbox, uint64_t address, int64_t size)
{
    unsigned char bytes[MOST_BYTES];
    size_t shown = size < MOST_BYTES ? (size_t)size : MOST_BYTES;
    if (size < 0 || mote_memory_read(sandbox, address, bytes, shown) != 0)
        line_add(line, "0x%" PRIx64, address);
    else
        add_quoted(line, bytes, shown, size > MOST_BYTES);
}

/* A path ends with its NUL; the byte behind may not be the guest's. */
static void add_path(struct line *line, mote_sandbox *sandbox, uint64_t address)
{
    unsigned char bytes[4 * MOST_BYTES];
    size_t size = 0;
    while (size < sizeof(bytes) &&
           mote_memory_read(sandbox, address + size, &bytes[size], 1) == 0 && bytes[size] != '\0')
        size++;
    if (size == 0 && mote_memory_read(sandbox, address, bytes, 1) != 0)
        line_add(line, "0x%" PRIx64, address);
    else
        add_quoted(line, bytes, size, size == sizeof(bytes));
}

static void add_argument(struct line *line, mote_sandbox *sandbox, const mote_syscall_event *event,
                         size_t i, char shape)
{
    uint64_t value = event->args[i];
    switch (shape) {
    case 'd':
        line_add(line, (int32_t)value == AT_FDCWD ? "AT_FDCWD" : "%" PRId32, (int32_t)value);
        break;
    case 'u':
        line_add(line, "%" PRIu64, value);
        break;
    case 'o':
        line_add(line, "%#" PRIo32, (uint32_t)value);
        break;
    case 's':
        add_path(line, sandbox, value);
        break;
    case 'b':
        add_bytes(line, sandbox, value, (int64_t)event->args[i + 1]);
        break;
    case 'r':
        add_bytes(line, sandbox, value, event->result);
        break;
    default:
        line_add(line, value == 0 ? "0" : "0x%" PRIx64, value);
    }
}

static void add_result(struct line *line, const mote_syscall_event *event)
{
    int64_t result = event->result;
    if (strncmp(event->name, "exit", 4) == 0)
        line_add(line, " = ?");
    else if (result < 0 && result > -4096)
        line_add(line, " = -1 %s (%s)", strerrorname_np((int)-result) ?: "?",
                 event->refused ? "refused" : strerror((int)-result));
    else if (result > 0xffffff)
        line_add(line, " = 0x%" PRIx64, (uint64_t)result);
    else
        line_add(line, " = %" PRId64, result);
}

void trace_line(void *user, mote_sandbox *sandbox, const mote_syscall_event *event)
{
    struct line line = {0};
    const char *shape = shape_of(event->name);
    (void)user;
    if (event->name[0] == '?')
        line_add(&line, "syscall_%" PRIu64 "(", event->number);
    else
        line_add(&line, "%s(", event->name);
    for (size_t i = 0; i < 6 && shape[i] != '\0'; i++) {
        if (i > 0)
            line_add(&line, ", ");
        add_argument(&line, sandbox, event, i, shape[i]);
    }
    line_add(&line, ")");
    add_result(&line, event);
    line_print(&line);
}

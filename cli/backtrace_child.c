/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug information is the guest's, and libdw was not made for files that lie. So a forked child
 * reads it, confined; it has a copy of the stack, and no way to anything but a pipe. What
 * comes back is fixed in size, bounded, and made printable.
 */
#include <errno.h>
#include <mote_debug.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backtrace.h"
#include "cli.h"
#include "confine.h"

#define MOST_STACK ((size_t)1 << 20)
#define MOST_TIME  UINT64_C(10000000000) /* nanoseconds */

/* A copy of the guest's stack, from its pointer up. */
struct stack {
    uint64_t start;
    size_t size;
    char *bytes;
};

/* Page by page to the end of what is there. */
static void copy_stack(struct stack *stack, uint64_t pointer, mote_sandbox *sandbox)
{
    stack->start = pointer;
    stack->size = 0;
    stack->bytes = malloc(MOST_STACK);
    while (stack->bytes != NULL && stack->size < MOST_STACK) {
        uint64_t at = pointer + stack->size;
        size_t part = 4096 - (size_t)(at & 4095);
        part = part < MOST_STACK - stack->size ? part : MOST_STACK - stack->size;
        if (mote_memory_read(sandbox, at, stack->bytes + stack->size, part) != 0)
            return;
        stack->size += part;
    }
}

static int read_stack(void *user, uint64_t address, void *data, size_t size)
{
    const struct stack *stack = user;
    uint64_t at = address - stack->start;
    if (at > stack->size || size > stack->size - at)
        return MOTE_ERANGE;
    memcpy(data, stack->bytes + at, size);
    return 0;
}

/* ---- in the child ------------------------------------------------------------ */

static void copy_text(char *to, size_t size, const char *text)
{
    size_t length = text != NULL ? strnlen(text, size - 1) : 0;
    if (length > 0)
        memcpy(to, text, length);
}

static size_t find_frames(struct backtrace_frame *to, size_t most, mote_debug *debug,
                          const mote_report *report, struct stack *stack)
{
    mote_debug_frame frames[sizeof(((struct backtrace *)0)->frames) / sizeof(*to)];
    int count = mote_debug_frames(debug, report, read_stack, stack, frames, most, NULL);
    for (int i = 0; i < count; i++) {
        memset(&to[i], 0, sizeof(to[i]));
        to[i].address = frames[i].address;
        to[i].offset = frames[i].offset;
        to[i].line = frames[i].line;
        to[i].inlined = frames[i].inlined;
        copy_text(to[i].function, sizeof(to[i].function), frames[i].function);
        copy_text(to[i].file, sizeof(to[i].file), frames[i].file);
    }
    return count > 0 ? (size_t)count : 0;
}

/* All in one piece that the pipe holds, so that it never waits. */
_Static_assert(sizeof(((struct backtrace *)0)->frames) <= 65536, "a pipe has 64 KiB");

_Noreturn static void be_child(int out, const char *path, const mote_report *report,
                               struct stack *stack)
{
    static struct backtrace found;
    mote_source source = MOTE_SOURCE_PATH(path);
    mote_debug *debug;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (mote_debug_open(&debug, &source, NULL) != 0 || confine(out) != 0)
        _exit(1);
    size_t most = sizeof(found.frames) / sizeof(found.frames[0]);
    size_t size = sizeof(found.frames[0]) * find_frames(found.frames, most, debug, report, stack);
    _exit(write(out, found.frames, size) == (ssize_t)size ? 0 : 1);
}

/* ---- in the parent ------------------------------------------------------------ */

/* What is left of MOST_TIME in milliseconds, for poll(). */
static int time_left(uint64_t end)
{
    uint64_t now = now_ns();
    return now < end ? (int)((end - now) / 1000000) + 1 : 0;
}

/* Bytes until the child has ended its side; -1 when it takes too long. Ctrl-C ends the command by
 * now, and with it the child. */
static ssize_t receive(int in, char *data, size_t size)
{
    uint64_t end = now_ns() + MOST_TIME;
    size_t got = 0;
    for (;;) {
        struct pollfd pipe_end = {in, POLLIN, 0};
        int ready = poll(&pipe_end, 1, time_left(end));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return -1;
        ssize_t part = read(in, data + got, size - got);
        if (part <= 0)
            return part == 0 ? (ssize_t)got : -1;
        got += (size_t)part;
    }
}

static void make_printable(char *text, size_t size)
{
    text[size - 1] = '\0';
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static bool take_frames(struct backtrace *backtrace, int in, pid_t child)
{
    int status = 0;
    ssize_t size = receive(in, (char *)backtrace->frames, sizeof(backtrace->frames));
    if (size < 0)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (size <= 0 || status != 0 || (size_t)size % sizeof(backtrace->frames[0]) != 0)
        return false;
    backtrace->count = (size_t)size / sizeof(backtrace->frames[0]);
    for (size_t i = 0; i < backtrace->count; i++) {
        make_printable(backtrace->frames[i].function, sizeof(backtrace->frames[i].function));
        make_printable(backtrace->frames[i].file, sizeof(backtrace->frames[i].file));
    }
    return true;
}

static bool ask_child(struct backtrace *backtrace, const char *path, const mote_report *report,
                      struct stack *stack)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        be_child(ends[1], path, report, stack);
    }
    close(ends[1]);
    bool taken = child > 0 && take_frames(backtrace, ends[0], child);
    close(ends[0]);
    return taken;
}

bool backtrace_from_file(struct backtrace *backtrace, const char *path, const mote_report *report,
                         mote_sandbox *sandbox)
{
    struct stack stack;
    copy_stack(&stack, report->registers.rsp, sandbox);
    bool taken = ask_child(backtrace, path, report, &stack);
    free(stack.bytes);
    return taken;
}

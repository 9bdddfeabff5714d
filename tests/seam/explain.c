/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the seam complete? A child runs the scenarios with a hook that makes no call fail but marks
 * it, by a system call that does not exist. The parent sees all its system calls (ptrace): each
 * that can fail must have been asked for, on the same thread, by the mark before it. And each name
 * of the seam must come up, so that its failures are tried by the rounds.
 */
#include "explain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seam.h"

#define MARK    0x6d6f7465 /* no system call */
#define OUTSIDE "(outside)"
#define INSIDE  "(inside)"

enum { MOST_CALLS = 6, MOST_THREADS = 64, NAME = 24 };

/* What a mark explains: system calls, each at most so often until the next mark. */
struct explained {
    const char *name;
    struct {
        long number;
        unsigned most;
    } calls[MOST_CALLS];
};

static const struct explained table[] = {
    /* brk: below; getrandom: a key that malloc makes once */
    {"alloc", {{SYS_mmap, 2}, {SYS_mremap, 1}, {SYS_mprotect, 8}, {SYS_getrandom, 1}}},
    {"open", {{SYS_openat, 1}}},
    {"openat2", {{SYS_openat2, 100}}}, /* again while somebody renames */
    {"fstat", {{SYS_newfstatat, 1}, {SYS_fstat, 1}}},
    {"faccessat2", {{SYS_faccessat2, 1}}},
    {"chmod", {{SYS_chmod, 1}}},
    {"utimensat", {{SYS_utimensat, 1}}},
    {"readlinkat", {{SYS_readlinkat, 1}}},
    {"fsync", {{SYS_fsync, 1}}},
    {"ftruncate", {{SYS_ftruncate, 1}}},
    {"pread", {{SYS_pread64, 100}}}, /* all of a range */
    {"pwrite", {{SYS_pwrite64, 1}, {SYS_pwritev2, 1}}},
    {"fcntl", {{SYS_fcntl, 1}}},
    {"getdents64", {{SYS_getdents64, 1}}},
    {"lseek", {{SYS_lseek, 1}}},
    {"mkdirat", {{SYS_mkdirat, 1}}},
    {"unlinkat", {{SYS_unlinkat, 1}}},
    {"renameat2", {{SYS_renameat2, 1}}},
    {"ioctl", {{SYS_ioctl, 1}}},
    {"mmap", {{SYS_mmap, 1}}},
    {"mprotect", {{SYS_mprotect, 2}}}, /* there and back */
    {"madvise", {{SYS_madvise, 1}}},
    {"memfd_create",
     {{SYS_memfd_create, 1}, {SYS_ftruncate, 1}, {SYS_sendfile, 100}, {SYS_fcntl, 1}}},
    {"getrandom", {{SYS_getrandom, 1}}},
    {"thread", {{SYS_clone3, 1}, {SYS_clone, 1}, {SYS_mmap, 2}, {SYS_mprotect, 2}}},
    {"eventfd", {{SYS_eventfd2, 1}}},
    {"event", {{SYS_write, 1}, {SYS_read, 1}}},
    {"pin", {{SYS_sched_setaffinity, 1}}},
    {"sigaction", {{SYS_rt_sigaction, 200}}},
    {"dup", {{SYS_fcntl, 2}, {SYS_newfstatat, 2}, {SYS_ioctl, 2}, {SYS_openat, 1}}},
    {"read", {{SYS_read, 1}, {SYS_recvfrom, 1}, {SYS_poll, 1}}},
    {"write", {{SYS_write, 1}, {SYS_sendto, 1}, {SYS_poll, 1}}},
};
enum { NAMES = sizeof table / sizeof table[0] };

/* No failure of these could be handled, or there is none. */
static const long without_failure[] = {
    SYS_close,
    SYS_munmap,
    SYS_brk, /* giving back; malloc falls back from brk to mmap */
    SYS_futex,
    SYS_sched_yield, /* waking and waiting: looked at again in a loop */
    SYS_clock_nanosleep,
    SYS_ppoll, /* a sleep that ends early */
    SYS_clock_gettime,
    SYS_sched_getaffinity,
    SYS_getpid, /* questions without failure, or with an answer for it */
    SYS_rt_sigprocmask,
    SYS_rt_sigaction, /* questions, giving back; taking one is "sigaction" */
    SYS_rt_sigpending,
    SYS_rt_sigtimedwait, /* around "write": the signal that it raised */
    SYS_rt_sigreturn,
    SYS_tgkill,
    SYS_gettid, /* pthread_kill and its handler */
    SYS_set_robust_list,
    SYS_rseq,
    SYS_exit, /* a thread's own begin and end */
};

/* ---- the child ---- */

static bool explaining;
static const char *unmarked; /* for the control: a name that keeps still */

static void mark_as(const char *name)
{
    union {
        char text[NAME];
        long words[3];
    } word = {{0}};
    strncpy(word.text, name, NAME - 1);
    syscall(MARK, word.words[0], word.words[1], word.words[2]);
}

void explain_mark(const char *call)
{
    if (explaining && (!unmarked || strcmp(unmarked, call) != 0))
        mark_as(call);
}

void explain_outside(bool outside)
{
    if (explaining)
        mark_as(outside ? OUTSIDE : INSIDE);
}

static _Noreturn void child(void (*const *scenarios)(void), size_t count)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(3);
    raise(SIGSTOP);
    explaining = true;
    mark_as(INSIDE);
    for (size_t i = 0; i < count; i++)
        scenarios[i]();
    mark_as(OUTSIDE);
    exit(0);
}

/* ---- the parent ---- */

struct thread {
    pid_t id;
    bool outside, stopped_before;
    const struct explained *mark;
    unsigned used[MOST_CALLS];
};

static struct thread threads[MOST_THREADS];
static unsigned long calls, marks, hits[NAMES];
static unsigned unexplained;

static struct thread *thread_of(pid_t id)
{
    for (size_t i = 0; i < MOST_THREADS; i++) {
        if (threads[i].id == id)
            return &threads[i];
        if (threads[i].id == 0) {
            threads[i].id = id;
            threads[i].outside = i == 0; /* until it says so; others are the library's */
            return &threads[i];
        }
    }
    fprintf(stderr, "seam: more than %d threads\n", MOST_THREADS);
    exit(2);
}

static void take_mark(struct thread *t, const uint64_t *args)
{
    char name[NAME];
    memcpy(name, args, NAME);
    t->mark = NULL;
    memset(t->used, 0, sizeof t->used);
    if (strcmp(name, OUTSIDE) == 0 || strcmp(name, INSIDE) == 0) {
        t->outside = strcmp(name, OUTSIDE) == 0;
        return;
    }
    marks++;
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(table[i].name, name) == 0) {
            t->mark = &table[i];
            hits[i]++;
            return;
        }
    printf("the seam's name %s is new: say in explain.c what it explains\n", name);
    unexplained++;
}

static bool is_explained(struct thread *t, long number)
{
    for (size_t i = 0; t->mark && i < MOST_CALLS && t->mark->calls[i].most; i++)
        if (t->mark->calls[i].number == number)
            return t->used[i]++ < t->mark->calls[i].most;
    return false;
}

static bool cannot_fail(const struct thread *t, long number, const uint64_t *args)
{
    /* Populating is a help, nothing more; and threads of libc give their stack back at their end.
     */
    if (number == SYS_madvise)
        return args[2] == MADV_POPULATE_WRITE || (t != threads && args[2] == MADV_DONTNEED);
    if (number == SYS_prlimit64)
        return args[2] == 0; /* a question */
    for (size_t i = 0; i < sizeof without_failure / sizeof without_failure[0]; i++)
        if (without_failure[i] == number)
            return true;
    return false;
}

static void look_at(struct thread *t)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->id, (void *)sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    long number = (long)info.entry.nr;
    if (number == MARK) {
        take_mark(t, info.entry.args);
        return;
    }
    if (t->outside)
        return;
    calls++;
    if (is_explained(t, number) || cannot_fail(t, number, info.entry.args))
        return;
    printf("system call %ld (%#lx, %#lx, %#lx) is not explained by the seam; the mark before it "
           "on this thread: %s\n",
           number, info.entry.args[0], info.entry.args[1], info.entry.args[2],
           t->mark ? t->mark->name : "none");
    unexplained++;
}

/* Goes on with the thread; a signal is passed on, save those of ptrace itself. */
static void go_on(pid_t id, int status)
{
    struct thread *t = thread_of(id);
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
        look_at(t);
        signal = 0;
    } else if (signal == SIGTRAP || (signal == SIGSTOP && !t->stopped_before)) {
        signal = 0;
    }
    t->stopped_before = true;
    ptrace(PTRACE_SYSCALL, id, NULL, (void *)(intptr_t)signal);
}

static int trace(pid_t main_thread)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    int status = 0;
    if (waitpid(main_thread, &status, __WALL) != main_thread || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, main_thread, NULL, (void *)options)) {
        fprintf(stderr, "seam: ptrace: %s; allow it (docker --cap-add SYS_PTRACE)\n",
                strerror(errno));
        exit(2);
    }
    for (pid_t id = main_thread;; id = waitpid(-1, &status, __WALL)) {
        if (id < 0 || ((WIFEXITED(status) || WIFSIGNALED(status)) && id == main_thread))
            return status;
        if (WIFSTOPPED(status))
            go_on(id, status);
    }
}

static unsigned names_missing(void)
{
    unsigned missing = 0;
    for (size_t i = 0; i < NAMES; i++)
        if (!hits[i]) {
            printf("no scenario comes to %s\n", table[i].name);
            missing++;
        }
    return missing;
}

void explain_names(void)
{
    for (size_t i = 0; i < NAMES; i++)
        puts(table[i].name);
}

int explain(void (*const *scenarios)(void), size_t count, const char *control)
{
    unmarked = control;
    fflush(stdout);
    pid_t id = fork();
    if (id == 0)
        child(scenarios, count);
    int status = trace(id);
    unsigned missing = names_missing();
    printf("%lu system calls in the library, %lu asked for under %u names; %u not explained\n",
           calls, marks, NAMES - missing, unexplained);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        printf("the scenarios ended with status %#x\n", (unsigned)status);
    return unexplained || missing || status;
}

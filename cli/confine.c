/* SPDX-License-Identifier: Apache-2.0 */
#include "confine.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MORE_MEMORY ((rlim_t)1 << 30) /* bytes beyond those that the process has */
#define CPU_SECONDS 10

static int limit(int resource, rlim_t most)
{
    struct rlimit old;
    if (getrlimit(resource, &old) != 0)
        return -errno;
    if (old.rlim_max == RLIM_INFINITY || most < old.rlim_max)
        old.rlim_max = most;
    old.rlim_cur = old.rlim_max;
    return setrlimit(resource, &old) == 0 ? 0 : -errno;
}

/* Of the address space; a sanitizer's own is large before anything begins. */
static rlim_t memory_in_use(void)
{
    char pages[64] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL && fgets(pages, sizeof(pages), file) == NULL)
        pages[0] = '\0';
    if (file != NULL)
        fclose(file);
    return (rlim_t)strtoull(pages, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

static int set_limits(void)
{
    int rc = limit(RLIMIT_AS, memory_in_use() + MORE_MEMORY);
    if (rc == 0)
        rc = limit(RLIMIT_CPU, CPU_SECONDS);
    if (rc == 0)
        rc = limit(RLIMIT_CORE, 0);
    return rc == 0 ? limit(RLIMIT_FSIZE, 0) : rc;
}

static int close_others(int out)
{
    if (out > 0 && close_range(0, (unsigned)out - 1, 0) != 0)
        return -errno;
    return close_range((unsigned)out + 1, ~0u, 0) == 0 ? 0 : -errno;
}

/* ---- system calls ----------------------------------------------------------- */

/* Computing: what malloc, abort and the end of a process ask. */
static const int allowed[] = {
    SCMP_SYS(brk),         SCMP_SYS(munmap),        SCMP_SYS(mremap),    SCMP_SYS(madvise),
    SCMP_SYS(futex),       SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(getpid),
    SCMP_SYS(gettid),      SCMP_SYS(sysinfo), /* qsort */
    SCMP_SYS(sigaltstack),                    /* sanitizers, at the end */
    SCMP_SYS(exit),        SCMP_SYS(exit_group),
};

/* Debug information may name files; there are none. */
static const int refused[] = {
    SCMP_SYS(open),     SCMP_SYS(openat),     SCMP_SYS(openat2), SCMP_SYS(stat),
    SCMP_SYS(lstat),    SCMP_SYS(fstat),      SCMP_SYS(statx),   SCMP_SYS(newfstatat),
    SCMP_SYS(access),   SCMP_SYS(faccessat),  SCMP_SYS(getcwd),  SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(close),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int add_lists(scmp_filter_ctx filter)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(allowed); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; rc == 0 && i < COUNT(refused); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    return rc;
}

/* Memory that is never code and of no file; writing to `out` alone. */
static int add_conditions(scmp_filter_ctx filter, int out)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)out, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

static int filter_calls(int out)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -ENOMEM;
    int rc = add_lists(filter);
    if (rc == 0)
        rc = add_conditions(filter, out);
    if (rc == 0)
        rc = seccomp_load(filter); /* with PR_SET_NO_NEW_PRIVS */
    seccomp_release(filter);
    return rc;
}

int confine(int out)
{
#if defined(MOTE_CONTROL_NO_CONFINE)
    (void)close_others, (void)set_limits, (void)filter_calls, (void)out;
    return 0;
#endif
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
        return -errno;
    int rc = set_limits();
    if (rc == 0)
        rc = close_others(out);
    return rc == 0 ? filter_calls(out) : rc;
}

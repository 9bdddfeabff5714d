/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the scenario again and again: first nothing fails, then the first call
 * through the seam, then the second ... until a round ends without having come
 * to its failure. After each round the process must hold what it held before.
 *
 *     seam scenario|world|workers|pooled [FIRST [LAST]]      these rounds only
 *     seam explain [NAME], seam names         see explain.c
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explain.h"
#include "os/os.h"
#include "seam.h"

/* With what calls fail, and how many in a row; each has its own rounds. */
struct failure {
    int number;
    unsigned in_a_row;
    const char *name;
};

static const struct failure failures[] = {
    {ENOMEM, 1, "ENOMEM"}, {EIO, 1, "EIO"}, {EINTR, 1, "EINTR"}, {EIO, 2, "EIO twice"}};
enum { KINDS = sizeof failures / sizeof failures[0] };

static _Atomic unsigned long calls;
static unsigned long failing; /* the first to fail; 0: none */
static const struct failure *failure = failures;
static void (*scenario)(void);
static bool fired, break_run;
static char call_name[32];
static unsigned long round_number, violations;

static int hook(const char *call)
{
    explain_mark(call);
    if (break_run && strcmp(call, "ioctl") == 0) {
        break_run = false;
        return EIO;
    }
    unsigned long n = atomic_fetch_add(&calls, 1) + 1;
    if (!failing || n < failing || n >= failing + failure->in_a_row)
        return 0;
    /* Of different calls either may be the one that counts. */
    bool other = fired && strcmp(call_name, call) != 0;
    fired = true;
    snprintf(call_name, sizeof call_name, "%s", other ? "different calls" : call);
    return failure->number;
}

bool seam_fired(void)
{
    return fired;
}

const char *seam_call(void)
{
    return call_name;
}

void seam_break_next_run(void)
{
    break_run = true;
}

void seam_violation(const char *format, ...)
{
    va_list arguments;
    violations++;
    printf("round %lu (%s %s): ", round_number, call_name, failure->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
}

/* ---- rounds ---- */

static void check_census(const struct census *before)
{
    struct census now;
    census_take(&now);
    if (now.fds != before->fds || now.vms != before->vms)
        seam_violation("%u fds, %u of KVM; were %u and %u", now.fds, now.vms, before->fds,
                       before->vms);
    if (now.threads != before->threads)
        seam_violation("%u threads, were %u", now.threads, before->threads);
    if (now.mappings != before->mappings)
        seam_violation("%u mappings of VMs and files, were %u", now.mappings, before->mappings);
    /* malloc keeps some of what was freed; small leaks are the sanitizer's to find. */
    if (now.heap > before->heap + (64u << 10))
        seam_violation("%zu bytes of heap, were %zu", now.heap, before->heap);
    if (now.address_space > before->address_space + (1u << 20))
        seam_violation("%zu KiB of address space, were %zu", now.address_space >> 10,
                       before->address_space >> 10);
    for (int n = SIGRTMIN; n <= SIGRTMAX; n++) {
        struct sigaction action;
        if (sigaction(n, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            seam_violation("signal %d was not given back", n);
    }
}

static void run_round(unsigned long k)
{
    round_number = failing = k;
    atomic_store(&calls, 0);
    fired = break_run = false;
    call_name[0] = '\0';
    scenario();
}

/* Returns how many rounds had a failure. */
static unsigned long run_all(const struct failure *f, unsigned long first, unsigned long last)
{
    struct census before;
    failure = f;
    run_round(0);
    run_round(0); /* what is allocated once for ever has been */
    census_take(&before);
    unsigned long k = first;
    do {
        run_round(k);
        check_census(&before);
    } while (fired && k++ < last);
    printf("%s: %lu calls failed in turn, %lu calls in a round without; %lu violations\n", f->name,
           k - first, atomic_load(&calls), violations);
    return k - first;
}

/* One process for each kind, all at once: most of the time goes by in the kernel. */
static int run_kinds(unsigned long first, unsigned long last)
{
    bool failed = false;
    fflush(stdout);
    for (size_t i = 0; i < KINDS; i++) {
        pid_t child = fork();
        if (child == 0) {
            unsigned long rounds = run_all(&failures[i], first, last);
            exit(violations || rounds == 0);
        }
        failed |= child < 0;
    }
    for (int status; wait(&status) > 0;)
        failed |= status != 0;
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(
            stderr,
            "usage: seam scenario|world|workers|pooled [FIRST [LAST]] | explain [NAME] | names\n");
        return 2;
    }
    mote__seam_hook = hook;
    if (strcmp(argv[1], "names") == 0) {
        explain_names();
        return 0;
    }
    if (strcmp(argv[1], "explain") == 0) {
        static void (*const all[])(void) = {scenario_run, world_run, workers_run, pooled_run};
        return explain(all, 4, argc > 2 ? argv[2] : NULL);
    }
    scenario = scenario_run;
    if (strcmp(argv[1], "world") == 0)
        scenario = world_run;
    if (strcmp(argv[1], "workers") == 0)
        scenario = workers_run;
    if (strcmp(argv[1], "pooled") == 0)
        scenario = pooled_run;
    unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
    unsigned long last = argc > 3 ? strtoul(argv[3], NULL, 0) : 100000;
    return run_kinds(first, last);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: clock, CPU, memory, a limit of time. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static cpu_set_t allowed; /* at the start */

void unpin(void)
{
    if (CPU_COUNT(&allowed))
        sched_setaffinity(0, sizeof allowed, &allowed);
}

void pin_to_cpu(void)
{
    if (!CPU_COUNT(&allowed) && sched_getaffinity(0, sizeof allowed, &allowed))
        CPU_ZERO(&allowed);
    int cpu = sched_getcpu();
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        perror("mote_bench: sched_setaffinity, so the figures are less steady");
}

static void too_late(int signal)
{
    static const char text[] = "\nmote_bench: a benchmark did not end in time\n";
    (void)signal;
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(124);
}

void give_up_after(unsigned seconds)
{
    signal(SIGALRM, too_late);
    alarm(seconds);
}

long read_kib(const char *file, const char *key)
{
    char line[256];
    long value = -1;
    FILE *f = fopen(file, "re");
    while (f && value < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
            value = strtol(line + strlen(key) + 1, NULL, 10);
    if (f)
        fclose(f);
    return value;
}

/* Pages that each CPU keeps for itself: free, though MemAvailable does not count them. */
static long kept_by_cpus_kib(void)
{
    char line[256];
    long pages = 0;
    FILE *f = fopen("/proc/zoneinfo", "re");
    while (f && fgets(line, sizeof line, f)) {
        const char *count = strstr(line, " count:");
        if (count)
            pages += strtol(count + 7, NULL, 10);
    }
    if (f)
        fclose(f);
    return pages * 4;
}

long available_kib(void)
{
    return read_kib("/proc/meminfo", "MemAvailable") + kept_by_cpus_kib();
}

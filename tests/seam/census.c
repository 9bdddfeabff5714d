/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seam.h"

static void count_fds(struct census *census)
{
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[300], target[300];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = '\0';
        census->fds++;
        census->vms += strstr(target, "kvm-v") != NULL;
    }
    if (dir)
        closedir(dir);
}

static void count_threads(struct census *census)
{
    DIR *dir = opendir("/proc/self/task");
    for (struct dirent *e; dir && (e = readdir(dir));)
        census->threads += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
}

static void count_mappings(struct census *census)
{
    char line[600];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        census->mappings += strstr(line, "kvm-v") || strstr(line, "memfd:");
    if (maps)
        fclose(maps);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static void measure_memory(struct census *census)
{
#if !defined(SANITIZED)
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm && fscanf(statm, "%lu", &pages) == 1)
        census->address_space = pages * 4096ul;
    if (statm)
        fclose(statm);
    census->heap = mallinfo2().uordblks;
#else
    (void)census;
#endif
}

void census_take(struct census *census)
{
    memset(census, 0, sizeof *census);
    count_fds(census);
    count_threads(census);
    count_mappings(census);
    measure_memory(census);
}

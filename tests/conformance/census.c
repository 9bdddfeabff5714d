/* SPDX-License-Identifier: Apache-2.0 */
#include "census.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- counting ------------------------------------------------------------------ */

static void count_fd(struct census *census, const char *name)
{
    char path[64];
    char target[256];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/self/fd/%.16s", name);
    length = readlink(path, target, sizeof(target) - 1);
    if (length < 0) {
        return;
    }
    target[length] = '\0';
    census->fds++;
    census->vms += strcmp(target, "anon_inode:kvm-vm") == 0;
    census->vcpus += strncmp(target, "anon_inode:kvm-vcpu", 19) == 0;
}

static void count_fds(struct census *census)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            count_fd(census, entry->d_name);
        }
    }
    closedir(directory);
}

static unsigned count_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    unsigned count = 0;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

struct mapping {
    uintptr_t begin;
    uintptr_t end;
    char permissions[8];
    char name[256];
};

/* "begin-end permissions offset device inode   name" */
static bool next_mapping(FILE *maps, struct mapping *mapping)
{
    char line[512];
    char *at = line;

    if (fgets(line, sizeof(line), maps) == NULL) {
        return false;
    }
    mapping->begin = strtoul(at, &at, 16);
    mapping->end = strtoul(at + 1, &at, 16);
    snprintf(mapping->permissions, sizeof(mapping->permissions), "%.4s", at + 1);
    for (int field = 0; field < 4; field++) {
        at = at + 1 + strcspn(at + 1, " \n");
    }
    at += strspn(at, " ");
    snprintf(mapping->name, sizeof(mapping->name), "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

static size_t count_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    struct mapping mapping;
    size_t bytes = 0;

    CHECK(maps != NULL);
    while (next_mapping(maps, &mapping)) {
        if (mapping.name[0] != '[') {
            bytes += mapping.end - mapping.begin;
        }
    }
    fclose(maps);
    return bytes;
}

void census_take(struct census *census)
{
    memset(census, 0, sizeof(*census));
    count_fds(census);
    census->threads = count_threads();
    if (!SANITIZED) {
        census->heap = mallinfo2().uordblks + mallinfo2().hblkhd;
        census->mapped = count_mapped();
    }
}

/* Fewer threads than before are no leak: that of a VM may still have been ending. */
static bool same(const struct census *before, const struct census *after)
{
    struct census now = *after;

    if (now.threads < before->threads) {
        now.threads = before->threads;
    }
    return memcmp(before, &now, sizeof(now)) == 0;
}

void census_check(const struct census *before, const char *what)
{
    struct census after;

    census_take(&after);
    for (unsigned i = 0; i < 100 && !same(before, &after); i++) {
        sleep_ms(10);
        census_take(&after);
    }
    if (!same(before, &after)) {
        FAIL("%s: fds %u -> %u, VMs %u -> %u, vCPUs %u -> %u, threads %u -> %u, heap %zu -> %zu, "
             "mapped %zu -> %zu",
             what, before->fds, after.fds, before->vms, after.vms, before->vcpus, after.vcpus,
             before->threads, after.threads, before->heap, after.heap, before->mapped,
             after.mapped);
    }
}

size_t resident_bytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "r");
    char line[128];
    char *at = line;

    CHECK(statm != NULL && fgets(line, sizeof(line), statm) != NULL);
    fclose(statm);
    strtoul(at, &at, 10); /* the second number */
    return strtoul(at, NULL, 10) * 4096;
}

/* ---- searching ------------------------------------------------------------------ */

enum { CHUNK = 1 << 20, NEEDLE_PAGE = 4096 };

/* Larger than any memory here: a sanitizer's shadow, without end to read; the kernel lists it in
 * pieces, some of a few GiB only. */
#define RESERVED (SANITIZED ? 1ull << 31 : 1ull << 36)

void searcher_open(struct searcher *searcher, size_t size)
{
    unsigned char *area = mmap(NULL, NEEDLE_PAGE + NEEDLE_PAGE + CHUNK, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(area != MAP_FAILED && size <= NEEDLE_PAGE);
    searcher->needle = area;
    searcher->size = size;
    searcher->buffer = area + NEEDLE_PAGE;
}

void searcher_close(struct searcher *searcher)
{
    munmap(searcher->needle, NEEDLE_PAGE + NEEDLE_PAGE + CHUNK);
}

struct hits {
    uintptr_t *at;
    size_t max;
    size_t count;
};

static void search_chunk(const struct searcher *s, size_t size, uintptr_t base, struct hits *hits)
{
    const unsigned char *from = s->buffer;
    const unsigned char *end = s->buffer + size;

    while (hits->count < SEARCHER_ENOUGH &&
           (from = memmem(from, (size_t)(end - from), s->needle, s->size)) != NULL) {
        if (hits->count < hits->max) {
            hits->at[hits->count] = base + (uintptr_t)(from - s->buffer);
        }
        hits->count++;
        from++;
    }
}

/* Chunks overlap by one needle less a byte, so that none is missed or counted twice. */
static void search_file(const struct searcher *s, int fd, uintptr_t begin, uintptr_t end,
                        struct hits *hits)
{
    while (begin < end) {
        size_t want = end - begin < CHUNK ? end - begin : CHUNK;
        ssize_t got = pread(fd, s->buffer, want, (off_t)begin);

        if (got < (ssize_t)s->size) {
            return;
        }
        search_chunk(s, (size_t)got, begin, hits);
        begin += (size_t)got == end - begin ? (size_t)got : (size_t)got - (s->size - 1);
    }
}

static bool searchable(const struct searcher *s, const struct mapping *m)
{
    bool own = (uintptr_t)s->needle >= m->begin && (uintptr_t)s->needle < m->end;

    bool only_reserved = m->end - m->begin > RESERVED;

    return m->permissions[0] == 'r' && !own && !only_reserved && strncmp(m->name, "[v", 2) != 0;
}

/* The searcher's area may have been merged with neighbours: look at what lies around it. */
static void search_around(const struct searcher *s, int fd, const struct mapping *m,
                          struct hits *hits)
{
    uintptr_t own = (uintptr_t)s->needle;

    if (own >= m->begin && own < m->end) {
        search_file(s, fd, m->begin, own, hits);
        search_file(s, fd, own + NEEDLE_PAGE + NEEDLE_PAGE + CHUNK, m->end, hits);
    }
}

static void search_mappings(const struct searcher *s, struct hits *hits)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    struct mapping mapping;

    CHECK(maps != NULL && memory >= 0);
    while (next_mapping(maps, &mapping)) {
        if (searchable(s, &mapping)) {
            search_file(s, memory, mapping.begin, mapping.end, hits);
        } else {
            search_around(s, memory, &mapping, hits);
        }
    }
    close(memory);
    fclose(maps);
}

static void search_memfd(const struct searcher *s, int fd, struct hits *hits)
{
    char path[64];
    char target[256];
    ssize_t length;
    off_t size;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    length = readlink(path, target, sizeof(target) - 1);
    if (length < 7 || strncmp(target, "/memfd:", 7) != 0) {
        return;
    }
    size = lseek(fd, 0, SEEK_END);
    if (size > 0) {
        search_file(s, fd, 0, (uintptr_t)size, hits);
    }
}

size_t searcher_count(const struct searcher *searcher, uintptr_t *at, size_t max)
{
    struct hits hits = {.max = max};

    hits.at = at;
    search_mappings(searcher, &hits);
    for (int fd = 0; fd < 1024; fd++) {
        search_memfd(searcher, fd, &hits);
    }
    return hits.count;
}

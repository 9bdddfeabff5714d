/* SPDX-License-Identifier: Apache-2.0 */
/* What this process owns, counted from outside the library. */
#ifndef CONFORMANCE_CENSUS_H
#define CONFORMANCE_CENSUS_H

#include <stddef.h>
#include <stdint.h>

struct census {
    unsigned fds;
    unsigned vms;
    unsigned vcpus;
    unsigned threads; /* with the kernel's own that a VM brings along */
    size_t heap;      /* bytes that malloc has handed out */
    size_t mapped;    /* bytes of mappings that are neither heap nor stack */
};

void census_take(struct census *census);
/* Fails the test unless everything is back where it was; waits a while for threads to end. */
void census_check(const struct census *before, const char *what);

size_t resident_bytes(void);

/*
 * Looks for `needle` in everything this process has mapped and in its memfds,
 * save in the searcher's own buffer, where the needle itself lies.
 */
struct searcher {
    unsigned char *needle; /* fill this */
    size_t size;
    unsigned char *buffer;
};

void searcher_open(struct searcher *searcher, size_t size);
/* It stops counting there. */
#define SEARCHER_ENOUGH 1000u

/* How often the needle is found; the first addresses go to `at`, up to `max`. */
size_t searcher_count(const struct searcher *searcher, uintptr_t *at, size_t max);
void searcher_close(struct searcher *searcher);

#endif

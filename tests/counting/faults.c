/* SPDX-License-Identifier: Apache-2.0 */
/* Page faults and pages put back, counted: part of the traced process. A page fault is the dearest
 * thing that a fresh call could have. */
#include "counting.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* A large set is given up at the next reset; what is touched after that comes by faults, once. */
enum { WARM_UP = 3, PASSES = 20, LARGE = 4096 };

struct subject {
    mote_image *image;
    mote_sandbox *sandbox;
    mote_func nothing, dirty, dirty_bss;
};

static void must(const char *what, int rc)
{
    if (rc != MOTE_OK) {
        printf("  %s: %s\n", what, mote_error_name(rc));
        exit(1);
    }
}

static void must_be(const char *what, uint32_t pages, uint64_t is, uint64_t wanted)
{
    if (is != wanted) {
        printf("  %s, of a call that writes to %u pages: %llu instead of %llu\n", what, pages,
               (unsigned long long)is, (unsigned long long)wanted);
        exit(1);
    }
}

static uint64_t faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

static uint64_t reset(struct subject *s)
{
    must("mote_reset", mote_reset(s->sandbox));
    return mote_sandbox_report(s->sandbox)->reset_pages;
}

static void call(struct subject *s, mote_func func, uint32_t pages)
{
    mote_value value = {.type = MOTE_U32, .of.u32 = pages};
    size_t count = func.index == s->nothing.index ? 0 : 1;

    must("mote_call", mote_call(s->sandbox, func, NULL, &value, count, NULL, 0));
}

static void start(struct subject *s)
{
    must("mote_sandbox_new", mote_sandbox_new(&s->sandbox, s->image, NULL, NULL, NULL));
}

static void stop(struct subject *s)
{
    must("mote_sandbox_free", mote_sandbox_free(s->sandbox));
}

/* Fresh calls: no fault, and always the same pages; how many. */
static uint64_t steady(struct subject *s, mote_func func, uint32_t pages)
{
    uint64_t before = 0;
    uint64_t back = 0;

    for (int i = 0; i < WARM_UP + PASSES; i++) {
        if (i == WARM_UP) {
            back = reset(s);
            before = faults();
        }
        uint64_t now = reset(s);
        call(s, func, pages);
        if (i >= WARM_UP) {
            must_be("pages put back", pages, now, back);
        }
    }
    must_be("page faults", pages, faults() - before, 0);
    return back;
}

/* Each page that the guest writes is put back, and none besides. */
static void by_pages(struct subject *s)
{
    static const uint32_t counts[] = {1, 16, 64, 200};
    uint64_t none;

    start(s);
    none = steady(s, s->dirty, 0);
    stop(s);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        start(s);
        must_be("pages put back", counts[i], steady(s, s->dirty, counts[i]), none + counts[i]);
        stop(s);
    }
}

/* After one call that wrote far more, the others are as they were. */
static void trimmed(struct subject *s)
{
    uint64_t none;

    start(s);
    none = steady(s, s->nothing, 0);
    call(s, s->dirty_bss, LARGE);
    must_be("pages put back", LARGE, reset(s), none + LARGE);
    must_be("pages put back after that", 0, steady(s, s->nothing, 0), none);
    stop(s);
}

void counted_faults(mote_host *host, const char *guests)
{
    char path[4096];
    struct subject s;
    mote_source source = MOTE_SOURCE_PATH(path);

    snprintf(path, sizeof(path), "%s/dirty", guests);
    must(path, mote_image_open(&s.image, host, &source, NULL, NULL));
    must("nothing", mote_find(s.image, "nothing", NULL, &s.nothing, NULL));
    must("dirty", mote_find(s.image, "dirty", NULL, &s.dirty, NULL));
    must("dirty_bss", mote_find(s.image, "dirty_bss", NULL, &s.dirty_bss, NULL));
    by_pages(&s);
    trimmed(&s);
    mote_image_unref(s.image);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.50mb: a payload into a warm sandbox and back, against the same bytes moved by
 * memcpy as often: once in, once out, between buffers that were touched before.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "library.h"
#include "measure.h"

#define MS     1e6
#define SIZE   (50u << 20)
#define MEMORY (256ull << 20)

struct transfer {
    struct library library;
    uint8_t *from, *through, *to;
};

static int64_t time_copies(void *context)
{
    struct transfer *t = context;
    uint64_t start = now_ns();
    memcpy(t->through, t->from, SIZE);
    __asm__ volatile("" ::"r"(t->through) : "memory"); /* both copies happen */
    memcpy(t->to, t->through, SIZE);
    __asm__ volatile("" ::"r"(t->to) : "memory");
    return (int64_t)(now_ns() - start);
}

static int64_t time_echo(void *context)
{
    struct transfer *t = context;
    mote_value in = {.type = MOTE_BYTES, .of.bytes = {t->from, SIZE}}, out;
    uint64_t start = now_ns();
    int status = mote_call(t->library.sandbox, t->library.func, NULL, &in, 1, &out, 1);
    uint64_t end = now_ns();
    if (status || out.of.bytes.size != SIZE || memcmp(out.of.bytes.data, t->from, SIZE) != 0)
        return library_failed(&t->library, "echo_bytes");
    return (int64_t)(end - start);
}

static int make_buffers(struct transfer *t)
{
    t->from = malloc(SIZE);
    t->through = malloc(SIZE);
    t->to = malloc(SIZE);
    if (!t->from || !t->through || !t->to)
        return -1;
    for (size_t i = 0; i < SIZE; i++)
        t->from[i] = (uint8_t)(i * 31 + 7);
    memset(t->through, 1, SIZE);
    memset(t->to, 2, SIZE);
    return 0;
}

static int measure(struct bench *bench, struct transfer *t)
{
    struct side sides[] = {{.run = time_copies, .context = t}, {.run = time_echo, .context = t}};
    int status = make_buffers(t);
    if (!status)
        status = library_find(&t->library, "echo_bytes", "(bytes)->bytes");
    if (!status)
        status = library_new_sandbox(&t->library);
    if (!status && time_echo(t) < 0) /* touches everything once */
        status = -1;
    if (!status)
        status = interleave("bytes.50mb", sides, 2, bench_samples(bench, 60, 10), 2);
    if (!status) {
        struct row row = {.name = "bytes.50mb", .unit = "ms", .goal = 0.8, .at_least = true};
        row_fill(&row, &sides[1], &sides[0], MS);
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    return status;
}

int bench_bytes(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct transfer t = {0};
    if (library_open(&t.library, "echo", MEMORY))
        return -1;
    int status = measure(bench, &t);
    library_close(&t.library);
    free(t.from);
    free(t.through);
    free(t.to);
    return status;
}

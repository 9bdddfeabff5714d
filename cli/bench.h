/* SPDX-License-Identifier: Apache-2.0 */
/* `mote bench`, shared by its files: bench.c prepares, bench_measure.c measures, bench_report.c
 * tells. */
#ifndef MOTE_CLI_BENCH_H
#define MOTE_CLI_BENCH_H

#include "histogram.h"
#include "run.h"

/* What is measured. */
enum bench_kind {
    BENCH_WARM,  /* a call */
    BENCH_FRESH, /* a reset and a call */
    BENCH_NEW,   /* a sandbox made, called and freed */
    BENCH_KINDS
};

struct bench {
    struct bench_options options;
    struct run run;       /* host, image, policy, function; the sandbox of a call that failed */
    uint64_t open_ns;     /* reading the image */
    uint64_t boot_ns;     /* booting it, once */
    uint64_t clock_ns;    /* what a look at the clock costs, which is in each figure */
    uint64_t elapsed_ns;  /* what the measuring took */
    struct histogram *of; /* BENCH_KINDS of them */
};

/* How it was measured: "1 thread, 3.0 s", with the pool. */
void bench_describe(const struct bench *bench, char text[96]);

/* "warm", for programs and names of files. */
const char *bench_name(enum bench_kind kind);

/* Fills `of`; 0 or a MOTE_E*, for run_report(&bench->run, code). */
int bench_measure(struct bench *bench);

/* Both return false when it could not be written. */
bool bench_print_table(const struct bench *bench);
bool bench_print_json(const struct bench *bench);
/* False after it has said which file could not be written. */
bool bench_write_hgrm(const struct bench *bench);

#endif

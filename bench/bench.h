/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that every benchmark shares: rows, options, the machine. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of the result. NAN: there is no such figure. */
struct row {
    char name[32];
    const char *unit;
    size_t n; /* samples on each side */
    double p50, p99, min;
    double floor, floor_p99, floor_min;
    double ratio; /* of the medians: ours to the floor's; of a speed, the other way */
    double goal;
    bool at_least; /* the goal is a lower bound of the ratio, else an upper one */
};

struct bench {
    bool quick;
    const char *filter; /* NULL: everything */
    const char *json;   /* NULL: no file */
    struct row rows[64];
    size_t nrows;
    char notes[4096]; /* what a row does not say, printed below the table */
};

/* The number of samples: `n`, or a tenth of it with --quick, at least `least`. */
size_t bench_samples(const struct bench *bench, size_t n, size_t least);
void bench_add(struct bench *bench, const struct row *row);
__attribute__((format(printf, 2, 3))) void bench_note(struct bench *bench, const char *format, ...);

/* ---- the benchmarks: 0, or -1 after a message on stderr ---- */

int bench_call_exit(struct bench *bench, unsigned unused);
int bench_call_fresh(struct bench *bench, unsigned pages);
int bench_fresh_page(struct bench *bench, unsigned unused);
int bench_fresh_scan(struct bench *bench, unsigned unused);
int bench_fresh_scan_read(struct bench *bench, unsigned unused);
int bench_large(struct bench *bench, unsigned unused);
int bench_exitless(struct bench *bench, unsigned unused);
int bench_exitless_fresh(struct bench *bench, unsigned pages);
int bench_hostcall(struct bench *bench, unsigned unused);
int bench_typed(struct bench *bench, unsigned unused);
int bench_syscall(struct bench *bench, unsigned unused);
int bench_suspend(struct bench *bench, unsigned unused);
int bench_cold(struct bench *bench, unsigned unused);
int bench_pooled_image(struct bench *bench, unsigned unused);
int bench_pooled_tenant(struct bench *bench, unsigned unused);
int bench_bytes(struct bench *bench, unsigned unused);
int bench_live(struct bench *bench, unsigned unused);
int bench_attach_parked(struct bench *bench, unsigned unused);
int bench_memory_parked(struct bench *bench, unsigned unused);
int bench_scale_parked(struct bench *bench, unsigned count);
int bench_boot(struct bench *bench, unsigned unused);
int bench_threads(struct bench *bench, unsigned unused);
int bench_native(struct bench *bench, unsigned megabytes);
int bench_syscalls(struct bench *bench, unsigned megabytes);

/* ---- report.c ---- */

void report_table(const struct bench *bench);
int report_json(const struct bench *bench);
/* Overwrites the progress line, when stderr is a terminal. NULL: removes it. */
void report_progress(const char *what, size_t done, size_t of);
/* A line for each benchmark, where nothing can be overwritten. */
void report_begin(const char *what);

/* ---- system.c ---- */

uint64_t now_ns(void);
/* Keeps this thread on the CPU where it is. */
void pin_to_cpu(void);
/* Threads that are made from now on run wherever the program may. */
void unpin(void);
/* Ends the program with a message after so many seconds; 0: not any more. */
void give_up_after(unsigned seconds);
/* A line of /proc/meminfo or /proc/self/status, in KiB; -1 when it is not there. */
long read_kib(const char *file, const char *key);
/* Memory that is available on the whole machine. */
long available_kib(void);

#endif

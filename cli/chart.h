/* SPDX-License-Identifier: Apache-2.0 */
/* The charts of `mote bench --chart`. Each returns 0 or a positive errno for `path`. */
#ifndef MOTE_CLI_CHART_H
#define MOTE_CLI_CHART_H

#include "bench.h"

/* The distributions that were measured: time over percentile. */
int chart_times(const struct bench *bench, const char *path);

/* A row of `make bench`. NAN: there is no such figure. */
struct chart_row {
    char name[64];
    char unit[16];
    double p50, floor;
    double ratio, goal;
    bool at_least; /* the goal is a lower bound */
};

/* The ratios of a benchmark run to their floors, with the goals. */
int chart_ratios(const struct chart_row *rows, size_t count, const char *title, const char *path);

/* chart_from.c: reads such rows, draws them, tells what is wrong; returns the exit status. */
int chart_from(const char *from, const char *path);

#endif

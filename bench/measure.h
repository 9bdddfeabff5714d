/* SPDX-License-Identifier: Apache-2.0 */
/* Samples, and the interleaving of what is compared. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>
#include <stdint.h>

struct bench;
struct row;

struct samples {
    double *values; /* sorted once samples_sort has run */
    size_t count, room;
};

void samples_add(struct samples *samples, double value);
void samples_sort(struct samples *samples);
/* Of sorted samples; nearest rank. */
double samples_at(const struct samples *samples, double fraction);
void samples_free(struct samples *samples);

/* One of the things that are compared. `run` returns one sample in nanoseconds, or
 * a negative number when it failed: it decides itself what of its work is timed. */
struct side {
    int64_t (*run)(void *context);
    void *context;
    struct samples samples;
};

/*
 * Takes n samples of every side, in turns: `batch` samples of one, then of the
 * next. What else happens on the machine hits all of them alike. Before each batch
 * of more than one there is a sample that does not count, so that what is measured
 * is a side going on and not the change of VMs. Returns -1 when a side failed.
 */
int interleave(const char *what, struct side *sides, size_t nsides, size_t n, size_t batch);
void sides_free(struct side *sides, size_t nsides);

/* Fills the figures of a row from sides that were measured; samples become sorted
 * and are divided by `scale`. `floor` may be NULL. */
void row_fill(struct row *row, struct side *ours, struct side *floor, double scale);

#endif

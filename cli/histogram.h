/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of nanoseconds in fixed memory: counters lie linearly within a power of two, 1024 to
 * each, so that a value is told to three significant digits whatever its magnitude. Counters and
 * numbers are those of an HdrHistogram(1, 2^42 - 1, 3), whose tools read what it writes.
 */
#ifndef MOTE_CLI_HISTOGRAM_H
#define MOTE_CLI_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    HISTOGRAM_HALF_BITS = 10,  /* 1024 counters to each power of two */
    HISTOGRAM_VALUE_BITS = 42, /* 73 minutes; longer ones count as that */
    HISTOGRAM_BUCKETS = HISTOGRAM_VALUE_BITS - HISTOGRAM_HALF_BITS,
    HISTOGRAM_COUNTERS = (HISTOGRAM_BUCKETS + 1) << HISTOGRAM_HALF_BITS
};

/* Cleared to begin with. */
struct histogram {
    uint64_t total;
    uint64_t sum; /* of the values; stays at its largest */
    uint64_t min, max;
    uint64_t count[HISTOGRAM_COUNTERS];
};

void histogram_record(struct histogram *histogram, uint64_t value);
/* What `percent` of the values do not exceed, 0 to 100; the greatest value that shares its counter
 * but at most the maximum. 0 when there are none. */
uint64_t histogram_at(const struct histogram *histogram, double percent);
double histogram_mean(const struct histogram *histogram);

/* HdrHistogram's percentile distribution (.hgrm), in units of `unit` nanoseconds; false when it
 * could not be written. */
bool histogram_write(const struct histogram *histogram, FILE *out, double unit);

#endif

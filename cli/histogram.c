/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include <inttypes.h>
#include <math.h>

#define HALF     (UINT64_C(1) << HISTOGRAM_HALF_BITS)
#define LARGEST  ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)
#define PER_HALF 5.0 /* lines of a distribution for each halving of what is left to 100 % */

/* ---- counters ------------------------------------------------------------------ */

/* The first bucket has 2048 counters of width 1, each later one 1024 of twice the width. */
static unsigned index_of(uint64_t value)
{
    unsigned length = 64 - (unsigned)__builtin_clzll(value | (2 * HALF - 1));
    unsigned shift = length - (HISTOGRAM_HALF_BITS + 1);
    return (shift << HISTOGRAM_HALF_BITS) + (unsigned)(value >> shift);
}

static unsigned shift_of(unsigned index)
{
    return index < 2 * HALF ? 0 : (index >> HISTOGRAM_HALF_BITS) - 1;
}

static uint64_t lowest_of(unsigned index)
{
    unsigned shift = shift_of(index);
    return (uint64_t)(index - (shift << HISTOGRAM_HALF_BITS)) << shift;
}

static uint64_t highest_of(unsigned index)
{
    return lowest_of(index) + (UINT64_C(1) << shift_of(index)) - 1;
}

static double middle_of(unsigned index)
{
    return (double)(lowest_of(index) + ((UINT64_C(1) << shift_of(index)) >> 1));
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    value = value < LARGEST ? value : LARGEST;
    histogram->min = histogram->total == 0 || value < histogram->min ? value : histogram->min;
    histogram->max = value > histogram->max ? value : histogram->max;
    histogram->total++;
    histogram->sum = value > UINT64_MAX - histogram->sum ? UINT64_MAX : histogram->sum + value;
    histogram->count[index_of(value)]++;
}

uint64_t histogram_at(const struct histogram *histogram, double percent)
{
    /* A rank that is whole but for rounding, as 99.9 % of 20000, is that one and not the next. */
    double exact = percent / 100 * (double)histogram->total * (1 - 1e-12);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_COUNTERS; i++) {
        seen += histogram->count[i];
        if (seen > 0 && (double)seen >= exact) {
            uint64_t highest = highest_of(i);
            return highest < histogram->max ? highest : histogram->max;
        }
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->total == 0 ? 0 : (double)histogram->sum / (double)histogram->total;
}

/* ---- percentile distribution ---------------------------------------------------- */

/* The next line's percentile: a fifth of the way to where half as many are left. */
static double next_level(double level)
{
    double halvings = floor(log2(100 / (100 - level))) + 1;
    return level + 100 / (PER_HALF * exp2(halvings));
}

static void write_line(FILE *out, double value, double level, uint64_t seen)
{
    fprintf(out, "%12.3f %2.12f %10" PRIu64, value, level / 100, seen);
    if (level < 100)
        fprintf(out, " %14.2f", 100 / (100 - level));
    fputc('\n', out);
}

static void write_lines(const struct histogram *histogram, FILE *out, double unit)
{
    double level = 0;
    uint64_t seen = 0;
    unsigned last = index_of(histogram->max);
    for (unsigned i = 0; i <= last && histogram->total > 0; i++) {
        seen += histogram->count[i];
        double reached = 100.0 * (double)seen / (double)histogram->total;
        /* The last value has one line of its own level, and then that of 100 %. */
        while (histogram->count[i] > 0 && reached >= level && level < 100) {
            write_line(out, (double)highest_of(i) / unit, level, seen);
            level = next_level(level);
            if (i == last)
                break;
        }
    }
    if (histogram->total > 0)
        write_line(out, (double)highest_of(last) / unit, 100, seen);
}

/* Mean and standard deviation of the middles of the counters, as HdrHistogram has them. */
static void write_summary(const struct histogram *histogram, FILE *out, double unit)
{
    double total = histogram->total > 0 ? (double)histogram->total : 1;
    double sum = 0;
    double squares = 0;
    for (unsigned i = 0; i < HISTOGRAM_COUNTERS; i++)
        sum += (double)histogram->count[i] * middle_of(i);
    for (unsigned i = 0; i < HISTOGRAM_COUNTERS; i++) {
        double distance = middle_of(i) - sum / total;
        squares += (double)histogram->count[i] * distance * distance;
    }
    double most = histogram->total > 0 ? (double)highest_of(index_of(histogram->max)) : 0;
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", sum / total / unit,
            sqrt(squares / total) / unit);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", most / unit,
            histogram->total);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", HISTOGRAM_BUCKETS,
            2 << HISTOGRAM_HALF_BITS);
}

bool histogram_write(const struct histogram *histogram, FILE *out, double unit)
{
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    write_lines(histogram, out, unit);
    write_summary(histogram, out, unit);
    return !ferror(out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

void samples_add(struct samples *samples, double value)
{
    if (samples->count == samples->room) {
        size_t room = samples->room ? 2 * samples->room : 256;
        double *values = realloc(samples->values, room * sizeof *values);
        if (!values)
            return; /* one sample fewer */
        samples->values = values;
        samples->room = room;
    }
    samples->values[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void samples_sort(struct samples *samples)
{
    if (samples->count)
        qsort(samples->values, samples->count, sizeof *samples->values, compare);
}

double samples_at(const struct samples *samples, double fraction)
{
    if (samples->count == 0)
        return NAN;
    size_t rank = (size_t)(fraction * (double)samples->count);
    return samples->values[rank < samples->count ? rank : samples->count - 1];
}

void samples_free(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){0};
}

/* ---- turns ---- */

static int run_batch(struct side *side, size_t batch)
{
    if (batch > 1 && side->run(side->context) < 0)
        return -1;
    for (size_t i = 0; i < batch; i++) {
        int64_t ns = side->run(side->context);
        if (ns < 0)
            return -1;
        samples_add(&side->samples, (double)ns);
    }
    return 0;
}

int interleave(const char *what, struct side *sides, size_t nsides, size_t n, size_t batch)
{
    uint64_t shown = 0;
    for (size_t done = 0; done < n; done += batch) {
        for (size_t i = 0; i < nsides; i++)
            if (run_batch(&sides[i], batch))
                return -1;
        uint64_t now = now_ns();
        if (now - shown > 100000000u) {
            report_progress(what, done, n);
            shown = now;
        }
    }
    return 0;
}

void sides_free(struct side *sides, size_t nsides)
{
    for (size_t i = 0; i < nsides; i++)
        samples_free(&sides[i].samples);
}

/* ---- rows ---- */

void row_fill(struct row *row, struct side *ours, struct side *floor, double scale)
{
    samples_sort(&ours->samples);
    row->n = ours->samples.count;
    row->p50 = samples_at(&ours->samples, 0.5) / scale;
    row->p99 = samples_at(&ours->samples, 0.99) / scale;
    row->min = samples_at(&ours->samples, 0) / scale;
    row->floor = row->floor_p99 = row->floor_min = row->ratio = NAN;
    if (!floor)
        return;
    samples_sort(&floor->samples);
    row->floor = samples_at(&floor->samples, 0.5) / scale;
    row->floor_p99 = samples_at(&floor->samples, 0.99) / scale;
    row->floor_min = samples_at(&floor->samples, 0) / scale;
    row->ratio = row->at_least ? row->floor / row->p50 : row->p50 / row->floor;
}

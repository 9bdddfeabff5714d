/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader sees: a table, notes, rows of JSON, a line of progress. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

size_t bench_samples(const struct bench *bench, size_t n, size_t least)
{
    size_t few = n / 10 > least ? n / 10 : least;
    return bench->quick && few < n ? few : n;
}

void bench_add(struct bench *bench, const struct row *row)
{
    if (bench->nrows < sizeof bench->rows / sizeof bench->rows[0])
        bench->rows[bench->nrows++] = *row;
}

void bench_note(struct bench *bench, const char *format, ...)
{
    size_t used = strlen(bench->notes);
    va_list list;
    va_start(list, format);
    vsnprintf(bench->notes + used, sizeof bench->notes - used, format, list);
    va_end(list);
}

void report_progress(const char *what, size_t done, size_t of)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (what)
        fprintf(stderr, "\r\033[K%s %zu%%", what, of ? 100 * done / of : 0);
    else
        fprintf(stderr, "\r\033[K");
}

void report_begin(const char *what)
{
    if (!isatty(STDERR_FILENO))
        fprintf(stderr, "mote_bench: %s\n", what);
}

/* ---- the table ---- */

static void print_number(double value, int width)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, value < 10 ? 3 : value < 1000 ? 2 : 0, value);
}

static const char *verdict(const struct row *row)
{
    if (isnan(row->goal) || isnan(row->ratio))
        return "";
    bool met = row->at_least ? row->ratio >= row->goal : row->ratio <= row->goal;
    return met ? "met" : "missed";
}

static void print_row(const struct row *row)
{
    const double figures[] = {row->p50,   row->p99,       row->min,
                              row->floor, row->floor_p99, row->floor_min};
    printf("%-14s %-4s %6zu", row->name, row->unit, row->n);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        print_number(figures[i], 9);
    print_number(row->ratio, 6);
    print_number(row->at_least ? row->floor_min / row->min : row->min / row->floor_min, 6);
    if (isnan(row->goal))
        printf(" %7s\n", "-");
    else
        printf("  %s %.2f %s\n", row->at_least ? ">=" : "<=", row->goal, verdict(row));
}

void report_table(const struct bench *bench)
{
    printf("%-14s %-4s %6s %9s %9s %9s %9s %9s %9s %6s %6s  %s\n", "name", "unit", "n", "p50",
           "p99", "min", "floor", "its p99", "its min", "ratio", "of min", "goal");
    for (size_t i = 0; i < bench->nrows; i++)
        print_row(&bench->rows[i]);
    if (bench->notes[0])
        printf("\n%s", bench->notes);
}

/* ---- JSON ---- */

static void json_number(FILE *f, const char *key, double value)
{
    if (isnan(value))
        fprintf(f, ", \"%s\": null", key);
    else
        fprintf(f, ", \"%s\": %.4f", key, value);
}

static void json_row(FILE *f, const struct row *row)
{
    fprintf(f, "  {\"name\": \"%s\", \"unit\": \"%s\", \"n\": %zu", row->name, row->unit, row->n);
    json_number(f, "p50", row->p50);
    json_number(f, "p99", row->p99);
    json_number(f, "min", row->min);
    json_number(f, "floor", row->floor);
    json_number(f, "floor_p99", row->floor_p99);
    json_number(f, "floor_min", row->floor_min);
    json_number(f, "ratio", row->ratio);
    json_number(f, "goal", row->goal);
    fprintf(f, ", \"at_least\": %s}", row->at_least ? "true" : "false");
}

int report_json(const struct bench *bench)
{
    FILE *f = bench->json ? fopen(bench->json, "we") : NULL;
    if (!bench->json)
        return 0;
    if (!f) {
        fprintf(stderr, "mote_bench: cannot write %s: %m\n", bench->json);
        return -1;
    }
    fprintf(f, "[\n");
    for (size_t i = 0; i < bench->nrows; i++) {
        json_row(f, &bench->rows[i]);
        fprintf(f, "%s\n", i + 1 < bench->nrows ? "," : "");
    }
    fprintf(f, "]\n");
    if (fclose(f) == 0)
        return 0;
    fprintf(stderr, "mote_bench: writing %s: %m\n", bench->json);
    return -1;
}

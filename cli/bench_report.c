/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, for people, programs and HdrHistogram's tools. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const struct {
    const char *name;
    const char *key; /* of JSON */
    double percent;
} points[] = {{"p50", "p50_ns", 50},
              {"p90", "p90_ns", 90},
              {"p99", "p99_ns", 99},
              {"p99.9", "p999_ns", 99.9},
              {"max", "max_ns", 100}};
enum { NPOINTS = sizeof(points) / sizeof(points[0]) };

/* How many in a second, by all threads. */
static double rate(const struct bench *bench, const struct histogram *histogram)
{
    double mean = histogram_mean(histogram);
    return mean > 0 ? 1e9 / mean * (double)bench->options.threads : 0;
}

/* ---- the table ------------------------------------------------------------------ */

/* Three digits and a unit: "12.3 us", in `width` columns. */
static void print_time(uint64_t nanoseconds, int width)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = (double)nanoseconds;
    unsigned unit = 0;
    while (value >= 999.5 && unit < 3) {
        value /= 1000;
        unit++;
    }
    int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    printf("%*.*f %s", width > 3 ? width - 3 : 0, digits, value, units[unit]);
}

static void print_row(const struct bench *bench, enum bench_kind kind)
{
    static const char *const labels[BENCH_KINDS] = {"warm call", "fresh call", "new sandbox"};
    const struct histogram *histogram = &bench->of[kind];
    printf("%-12s", labels[kind]);
    for (size_t i = 0; i < NPOINTS; i++)
        print_time(histogram_at(histogram, points[i].percent), 10);
    printf(" %11.0f %9" PRIu64 "\n", rate(bench, histogram), histogram->total);
}

/* The names are the guest's: control characters are shown as such. */
static void print_name(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

static void print_notes(const struct bench *bench)
{
    printf("\nwarm call: a call in a sandbox that goes on; fresh call: reset and call;\n"
           "new sandbox: made, called, freed. The guest was read in ");
    print_time(bench->open_ns, 0);
    printf(" and booted, once, in ");
    print_time(bench->boot_ns, 0);
    printf(".\nEach time has a look at the clock in it: ");
    print_time(bench->clock_ns, 0);
    printf(".\n");
}

void bench_describe(const struct bench *bench, char text[96])
{
    unsigned threads = bench->options.threads;
    char pool[48] = "";
    if (bench->options.pool > 0)
        snprintf(pool, sizeof(pool), ", a pool of %u", bench->options.pool);
    snprintf(text, 96, "%u thread%s%s, %.1f s", threads, threads == 1 ? "" : "s", pool,
             (double)bench->elapsed_ns / 1e9);
}

bool bench_print_table(const struct bench *bench)
{
    const struct run *run = &bench->run;
    char how[96];
    bench_describe(bench, how);
    print_name(run->function.name);
    print_name(run->function.signature_text);
    printf(" of ");
    print_name(run->options.guest);
    printf(", %s\n\n%-12s", how, "");
    for (size_t i = 0; i < NPOINTS; i++)
        printf("%10s", points[i].name);
    printf(" %11s %9s\n", "per second", "times");
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
        print_row(bench, kind);
    print_notes(bench);
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* ---- JSON ------------------------------------------------------------------------ */

static void json_kind(struct json *json, const struct bench *bench, enum bench_kind kind)
{
    const struct histogram *histogram = &bench->of[kind];
    json_open(json, NULL, '{');
    json_text(json, "name", bench_name(kind));
    json_uint(json, "count", histogram->total);
    json_uint(json, "min_ns", histogram->min);
    json_uint(json, "mean_ns", (uint64_t)(histogram_mean(histogram) + 0.5));
    for (size_t i = 0; i < NPOINTS; i++)
        json_uint(json, points[i].key, histogram_at(histogram, points[i].percent));
    json_uint(json, "per_second", (uint64_t)(rate(bench, histogram) + 0.5));
    json_close(json, '}');
}

bool bench_print_json(const struct bench *bench)
{
    const struct run *run = &bench->run;
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", true);
    json_text(&json, "version", mote_version());
    json_text(&json, "guest", run->options.guest);
    json_text(&json, "function", run->function.name);
    json_text(&json, "signature", run->function.signature_text);
    json_uint(&json, "threads", bench->options.threads);
    json_uint(&json, "pool", bench->options.pool);
    json_uint(&json, "elapsed_ns", bench->elapsed_ns);
    json_uint(&json, "open_ns", bench->open_ns);
    json_uint(&json, "boot_ns", bench->boot_ns);
    json_uint(&json, "clock_ns", bench->clock_ns);
    json_open(&json, "results", '[');
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
        json_kind(&json, bench, kind);
    json_close(&json, ']');
    json_close(&json, '}');
    return json_end(&json);
}

/* ---- files ------------------------------------------------------------------------ */

/* 0 or an errno. */
static int write_file(const char *path, const struct histogram *histogram)
{
    FILE *out = fopen(path, "we");
    if (out == NULL)
        return errno;
    errno = 0;
    bool written = histogram_write(histogram, out, 1e3);
    int error = written ? 0 : errno != 0 ? errno : EIO;
    return fclose(out) == 0 || error != 0 ? error : errno;
}

bool bench_write_hgrm(const struct bench *bench)
{
    const char *prefix = bench->options.hgrm;
    for (unsigned kind = 0; prefix != NULL && kind < BENCH_KINDS; kind++) {
        char path[PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s.%s.hgrm", prefix, bench_name(kind));
        int error = length < (int)sizeof(path) ? write_file(path, &bench->of[kind]) : ENAMETOOLONG;
        if (error != 0) {
            say("%s: %s", path, strerror(error));
            return false;
        }
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mote_bench: what mote costs, against the least that KVM costs, in one run. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SECONDS 300 /* for one benchmark, at most */

static const struct {
    const char *name;
    int (*run)(struct bench *bench, unsigned argument);
    unsigned argument;
} benchmarks[] = {
    {"call.exit", bench_call_exit, 0},
    {"call.typed", bench_typed, 0},
    {"hostcall", bench_hostcall, 0},
    {"suspend+resume", bench_suspend, 0},
    {"syscall", bench_syscall, 0},
    {"call.fresh.0", bench_call_fresh, 0},
    {"call.fresh.1", bench_call_fresh, 1},
    {"call.fresh.8", bench_call_fresh, 8},
    {"call.fresh.16", bench_call_fresh, 16},
    {"call.fresh.64", bench_call_fresh, 64},
    {"call.fresh.256", bench_call_fresh, 256},
    {"call.fresh.page", bench_fresh_page, 0},
    {"call.fresh.scan", bench_fresh_scan, 0},
    {"call.fresh.scan.read", bench_fresh_scan_read, 0},
    {"call.exitless", bench_exitless, 0},
    {"call.exitless.fresh.0", bench_exitless_fresh, 0},
    {"call.exitless.fresh.4", bench_exitless_fresh, 4},
    {"call.exitless.fresh.16", bench_exitless_fresh, 16},
    {"sandbox.cold", bench_cold, 0},
    {"bytes.50mb", bench_bytes, 0},
    {"memory.live", bench_live, 0},
    {"image.boot", bench_boot, 0},
    {"sandbox.pooled.image", bench_pooled_image, 0},
    {"sandbox.pooled.tenant", bench_pooled_tenant, 0},
    {"attach.parked", bench_attach_parked, 0},
    {"memory.parked", bench_memory_parked, 0},
    {"scale.parked.10", bench_scale_parked, 10},
    {"scale.parked.100", bench_scale_parked, 100},
    {"scale.parked.1000", bench_scale_parked, 1000},
    {"scale.parked.10000", bench_scale_parked, 10000},
    {"scale.threads+executor", bench_threads, 0},
    {"run.large", bench_large, 0},
    {"run.native", bench_native, 20},
    {"run.syscalls", bench_syscalls, 100},
};
enum { NBENCHMARKS = sizeof benchmarks / sizeof benchmarks[0] };

static void usage(FILE *to)
{
    fprintf(to, "usage: mote_bench [--filter NAME] [--quick] [--json PATH | PATH]\n"
                "Measures mote against bare KVM programs, on /dev/kvm, in turns, on one CPU,\n"
                "save what is about threads.\n"
                "  --filter NAME  only benchmarks whose name contains NAME\n"
                "  --quick        a tenth of the samples\n"
                "  --json PATH    write the rows to PATH as well\n"
                "  --help         this text\n"
                "benchmarks:");
    for (size_t i = 0; i < NBENCHMARKS; i++)
        fprintf(to, " %s", benchmarks[i].name);
    fprintf(to, "\n");
}

/* Whether to go on; else *status is what the program ends with. */
static bool parse(struct bench *bench, int argc, char **argv, int *status)
{
    static const struct option options[] = {{"filter", required_argument, NULL, 'f'},
                                            {"quick", no_argument, NULL, 'q'},
                                            {"json", required_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'f')
            bench->filter = optarg;
        else if (c == 'q')
            bench->quick = true;
        else if (c == 'j')
            bench->json = optarg;
        else {
            *status = c == 'h' ? 0 : 2;
            usage(c == 'h' ? stdout : stderr);
            return false;
        }
    }
    if (optind < argc)
        bench->json = argv[optind++];
    *status = 2;
    if (optind < argc)
        usage(stderr);
    return optind == argc;
}

static int run_all(struct bench *bench)
{
    int status = 0;
    size_t ran = 0;
    for (size_t i = 0; i < NBENCHMARKS; i++) {
        if (bench->filter && !strstr(benchmarks[i].name, bench->filter))
            continue;
        ran++;
        give_up_after(SECONDS);
        report_begin(benchmarks[i].name);
        if (benchmarks[i].run(bench, benchmarks[i].argument)) {
            fprintf(stderr, "mote_bench: %s failed\n", benchmarks[i].name);
            status = 1;
        }
    }
    give_up_after(0);
    report_progress(NULL, 0, 0);
    if (ran == 0) {
        fprintf(stderr, "mote_bench: no benchmark is named %s\n", bench->filter);
        return 2;
    }
    return status;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int status;
    if (!parse(&bench, argc, argv, &status))
        return status;
    pin_to_cpu();
    status = run_all(&bench);
    if (bench.nrows)
        report_table(&bench);
    return report_json(&bench) ? 1 : status;
}

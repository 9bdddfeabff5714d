/* SPDX-License-Identifier: Apache-2.0 */
/* mote bench: what calls and sandboxes cost, on this machine, with this guest. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "guest_options.h"

const char help_bench[] =
    "Usage: mote bench [OPTIONS] [GUEST [ARGUMENTS...]]\n"
    "\n"
    "Measures on this machine what it costs to call a function of a guest\n"
    "  warm   again and again, in one sandbox\n"
    "  fresh  each time in a sandbox that has been reset to its initial state\n"
    "  new    each time in a new sandbox, which is freed again\n"
    "in turns, and shows how the times are distributed. GUEST exports the function that\n"
    "--invoke names; without GUEST it is one inside this command that adds two numbers.\n"
    "What the guest prints is not shown.\n"
    "\n"
    "Options:\n"
    "  --invoke NAME    the exported function, called with ARGUMENTS\n"
    "  --seconds NUMBER how long to measure in all (default: 3)\n"
    "  --threads NUMBER threads that call at the same time, each with a sandbox of its own\n"
    "                   (default: 1)\n"
    "  --pool NUMBER    keep up to so many idle VMs for new sandboxes (default: none)\n"
    "  --hgrm PREFIX    write the distributions to PREFIX.warm.hgrm, PREFIX.fresh.hgrm and\n"
    "                   PREFIX.new.hgrm, in microseconds, as HdrHistogram's tools read them\n"
    "  --chart FILE     draw the distributions: FILE is .html or .svg, complete in itself\n"
    "  --from FILE      measure nothing: draw the ratios of FILE, which 'make bench' of mote's\n"
    "                   sources wrote (build/bench.json)\n"
    "  --json           one JSON object on standard output\n"
    "  -h, --help       show this\n"
    "About the guest, as of 'mote run':\n"
    "  --deadline TIME  stop a call after TIME (default: none)\n"
    "  --memory SIZE    memory of each guest in all (default: 64M)\n"
    "  --stack SIZE     its stack (default: 8M)\n"
    "  --cpu LEVEL      x86-64 level that the guest may use: v2 or v3 (default: v2)\n"
    "  --dir HOST[::GUEST]     grant a directory, to read and write, as GUEST\n"
    "  --dir-ro HOST[::GUEST]  grant a directory, to read\n"
    "  --file HOST[::GUEST]    grant one file, to read, as it is now\n"
    "  --clock KIND     none, frozen (at 1970), coarse (10 ms) or real (default: none)\n"
    "  --random KIND    none, seeded:NUMBER or real (default: none)\n"
    "  --refused ANSWER what a system call gets that is not granted: enosys or fault\n"
    "                   (default: enosys)\n"
    "  --snapshot FILE  start from what 'mote snapshot save' wrote of GUEST; its base first\n"
    "\n"
    "Exit status: 0; 1 when a file could not be written; else as of 'mote run'. With --from\n"
    "126 when FILE is not such a file, 127 when it cannot be read.\n"
    "\n"
    "Examples:\n"
    "  mote bench --chart bench.html\n"
    "  mote bench --threads 4 --seconds 10 --invoke fib fib.mote 20\n";

static int refuse_program(const struct run *run)
{
    say("%s is a program without exports; mote bench calls functions", run->options.guest);
    return CLI_USAGE;
}

static bool write_chart(const struct bench *bench)
{
    const char *path = bench->options.chart;
    int error = path != NULL ? chart_times(bench, path) : 0;
    if (error != 0)
        say("%s: %s", path, strerror(error));
    return error == 0;
}

static int measure(struct bench *bench)
{
    struct run *run = &bench->run;
    int rc = run_make_policy(run);
    rc = rc != 0 ? rc : bench_measure(bench);
    if (rc != 0)
        return run_report(run, rc);
    bool written = run->options.json ? bench_print_json(bench) : bench_print_table(bench);
    if (!written)
        return CLI_MOTE;
    return bench_write_hgrm(bench) && write_chart(bench) ? CLI_OK : CLI_FAILED;
}

static int find_and_measure(struct bench *bench)
{
    struct run *run = &bench->run;
    if (run->options.invoke == NULL)
        return mote_image_exports(run->image) > 0 ? run_refuse_exports(run) : refuse_program(run);
    int rc = run_find_function(run);
    if (rc != 0)
        return run_report(run, rc);
    return run_read_arguments(run) ? measure(bench) : CLI_USAGE;
}

static int bench_guest(struct bench *bench)
{
    static char name[] = "mote's own guest";
    static char first[] = "20";
    static char second[] = "22";
    static char *words[] = {name, first, second, NULL};
    struct run *run = &bench->run;
    run->options = bench->options.guest;
    run->pool = bench->options.pool;
    mote_source source = MOTE_SOURCE_PATH(run->options.guest);
    if (run->options.guest == NULL) {
        mote_source own = MOTE_SOURCE_DATA(cli_doctor_guest, cli_doctor_guest_size);
        source = own;
        run->options.invoke = "add";
        guest_set_words(&run->options, words);
    }
    uint64_t start = now_ns();
    int rc = run_open(run, &source);
    rc = rc != 0 ? rc : run_open_snapshots(run);
    bench->open_ns = now_ns() - start;
    return rc != 0 ? run_report(run, rc) : find_and_measure(bench);
}

int cmd_bench(int argc, char **argv)
{
    static struct bench bench;
    struct line problem = {0};
    (void)argc;
    bench.run.error.size = sizeof(bench.run.error);
    int status =
        cli_finish(bench_parse(&bench.options, argv, &problem), "bench", help_bench, &problem);
    if (status >= 0)
        return status;
    if (bench.options.from != NULL)
        return chart_from(bench.options.from, bench.options.chart);
    bench.of = calloc(BENCH_KINDS, sizeof(*bench.of));
    if (bench.of == NULL) {
        say("there is not enough memory");
        return CLI_MOTE;
    }
    status = bench_guest(&bench);
    run_release(&bench.run);
    free(bench.of);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mote top: what the hosts of a process have in use, again and again. */
#include "top.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "command_line.h"
#include "json.h"

const char help_top[] =
    "Usage: mote top [OPTIONS] PID\n"
    "\n"
    "Shows what the hosts of process PID have in use: VMs, sandboxes, parked ones\n"
    "among them, and how many calls and resets there are in a second. The process\n"
    "publishes it when its hosts are made with mote_host_options.publish, as those\n"
    "of 'mote run' are. It takes the rights to trace the process.\n"
    "\n"
    "Options:\n"
    "  --interval TIME  how often it looks: 1s, 250ms (default: 1s)\n"
    "  --once           look once, and end\n"
    "  --json           one JSON object on a line each time\n"
    "  -h, --help       show this\n"
    "\n"
    "Ends when the process does, or with ctrl-c.\n"
    "\n"
    "Exit status: 0; 1 when the process publishes nothing, 2 for wrong usage, 127 when\n"
    "there is no such process or it must not be looked at.\n";

/* ---- one look ------------------------------------------------------------------ */

static double rate(uint64_t now, uint64_t before, uint64_t ns)
{
    return now > before && ns != 0 ? (double)(now - before) * 1e9 / (double)ns : 0;
}

static void print_host(const mote_use *now, const mote_use *before, uint64_t ns)
{
    printf("%8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
           " %12" PRIu64 " %12.0f %10.0f\n",
           now->vms_used, now->vms_idle, now->sandboxes, now->parked, now->vms_created,
           now->vms_reused, now->calls, rate(now->calls, before->calls, ns),
           rate(now->resets, before->resets, ns));
}

/* On a terminal each table takes the place of the last one, of so many lines. */
static void print_table(const struct top_hosts *now, const struct top_hosts *before, uint64_t ns,
                        size_t lines)
{
    if (lines != 0 && isatty(STDOUT_FILENO))
        printf("\033[%zuA\033[J", lines);
    printf("%8s %8s %10s %10s %10s %10s %12s %12s %10s\n", "VMS", "IDLE", "SANDBOXES", "PARKED",
           "CREATED", "REUSED", "CALLS", "CALLS/S", "RESETS/S");
    for (size_t i = 0; i < now->count; i++)
        print_host(&now->use[i], &before->use[i], ns);
}

static void print_json(const struct top_hosts *now, int pid)
{
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_int(&json, "pid", pid);
    json_open(&json, "hosts", '[');
    for (size_t i = 0; i < now->count; i++) {
        const mote_use *use = &now->use[i];
        json_open(&json, NULL, '{');
        json_uint(&json, "vms_used", use->vms_used);
        json_uint(&json, "vms_idle", use->vms_idle);
        json_uint(&json, "sandboxes", use->sandboxes);
        json_uint(&json, "parked", use->parked);
        json_uint(&json, "vms_created", use->vms_created);
        json_uint(&json, "vms_reused", use->vms_reused);
        json_uint(&json, "calls", use->calls);
        json_uint(&json, "resets", use->resets);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}

/* ---- again and again ------------------------------------------------------------ */

/* False when the process has ended meanwhile, or a signal came. Without a descriptor of the process
 * (before Linux 5.3) nobody is told of its end. */
static bool wait_for(int process, uint64_t ns)
{
    struct pollfd end = {.fd = process, .events = POLLIN};
    struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return ppoll(&end, 1, &time, NULL) == 0;
}

/* Rates need the same hosts on both sides: when one goes, the others begin anew. */
static int watch(const struct top_options *options, struct top_hosts *hosts, int process)
{
    struct top_hosts before = *hosts;
    uint64_t then = 0;
    size_t lines = 0;
    for (;;) {
        uint64_t now = now_ns();
        if (before.count != hosts->count)
            before = *hosts;
        if (options->json)
            print_json(hosts, options->pid);
        else
            print_table(hosts, &before, then == 0 ? 0 : now - then, lines);
        if (fflush(stdout) != 0)
            return CLI_MOTE;
        before = *hosts;
        then = now;
        lines = hosts->count + 1;
        if (options->once || !wait_for(process, options->interval_ns))
            return CLI_OK;
        top_read(hosts);
    }
}

static int cannot_look(int pid, int error)
{
    say(error == ENOENT ? "there is no process %d" : "process %d: %s", pid, strerror(error));
    return CLI_NOT_FOUND;
}

int cmd_top(int argc, char **argv)
{
    static struct top_hosts hosts;
    struct top_options options;
    struct line problem = {0};
    (void)argc;
    int status = cli_finish(top_parse(&options, argv, &problem), "top", help_top, &problem);
    if (status >= 0)
        return status;
    int process = (int)syscall(SYS_pidfd_open, options.pid, 0);
    int error = top_find(&hosts, options.pid);
    if (error != 0)
        return cannot_look(options.pid, -error);
    if (hosts.count == 0) {
        say("process %d publishes nothing: its host must be made with mote_host_options.publish",
            options.pid);
        return CLI_FAILED;
    }
    status = watch(&options, &hosts, process);
    top_close(&hosts);
    if (process >= 0)
        close(process);
    return status;
}

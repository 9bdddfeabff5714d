/* SPDX-License-Identifier: Apache-2.0 */
/* `mote run`, shared by its files: run.c does it, run_report.c and run_json.c tell how it ended. */
#ifndef MOTE_CLI_RUN_H
#define MOTE_CLI_RUN_H

#include <mote.h>

#include "backtrace.h"
#include "cli.h"
#include "command_line.h"
#include "oci.h"
#include "values.h"

struct run {
    struct run_options options;
    struct oci_layout layout; /* of --oci */
    struct values arguments;
    size_t pool; /* idle VMs that the host keeps for later sandboxes; 0: none */
    mote_host *host;
    mote_image *image;
    mote_snapshot *snapshot; /* that the guest starts from; NULL: the image's own */
    mote_policy *policy;
    mote_sandbox *sandbox;
    mote_handle *handle;
    mote_func func;
    mote_function_info function;
    mote_value result;
    int status;       /* exit status of a program */
    mote_error error; /* of a step before the guest ran */
};

/* run.c: the steps of a run, for every command that makes some of them. Each returns 0, or a
 * MOTE_E* that run->error describes (run_report). */
int run_open(struct run *run, const mote_source *source); /* host and image */
int run_open_snapshots(struct run *run);                  /* of --snapshot; after run_open */
int run_make_policy(struct run *run);
int run_make_sandbox(struct run *run); /* and its policy */
int run_call(struct run *run);
int run_find_function(struct run *run);
/* False after it has said what is wrong with the arguments. */
bool run_read_arguments(struct run *run);
/* Says that --invoke is missing; returns the exit status. */
int run_refuse_exports(const struct run *run);
void run_release(struct run *run);

/* grants.c: what the options grant to the guest; 0 or a MOTE_E* that `error` describes. */
int grants_give(const struct run_options *options, mote_policy *policy, mote_error *error);
/* The environment of --env, NULL-terminated; NULL without memory. Free it with grants_free_env. */
char **grants_env(const struct run_options *options);
void grants_free_env(char **env);

/* trace.c: a line on stderr for each system call of the guest. */
void trace_line(void *user, mote_sandbox *sandbox, const mote_syscall_event *event);

/* run_report.c: tells on stdout and stderr how it ended, and returns the command's exit
 * status. `code` is 0 or the MOTE_E* of the step that failed. */
int run_report(const struct run *run, int code);

/* Whether the guest ran and did something that is in the report (may be NULL). */
bool run_has_fault(int code, const mote_report *report);
/* Whether the fault was raised by the processor, so that there are registers. */
bool run_is_exception(mote_fault_kind kind);
/* What to do; the library's remedies are for those who program, these for users of the command. */
const char *run_remedy(const struct run *run, int code, const mote_error *error);

/* run_json.c: the same as one JSON object; false when it could not be written. */
bool run_print_json(const struct run *run, int code, int status, const mote_error *error,
                    const mote_report *report, const struct backtrace *backtrace);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The sections about an executor: part of the traced process. Its main thread submits. */
#include "counting.h"

#include "mote_executor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(const char *what, int rc)
{
    if (rc != MOTE_OK) {
        printf("  %s: %s\n", what, mote_error_name(rc));
        exit(1);
    }
}

static void until_one_runs(mote_executor *executor)
{
    mote_executor_use use = {.size = sizeof(use)};

    do {
        usleep(1000);
        must("mote_executor_describe", mote_executor_describe(executor, NULL, &use));
    } while (use.running != 1 || use.queued != 0);
}

/* While the only worker has a job, nobody is woken for others: a submit makes no system call. */
static void submit_to_a_busy_one(mote_executor *executor, mote_image *image)
{
    mote_job job = {.size = sizeof(job), .image = image, .tenant = "t"};

    must("spin", mote_find(image, "spin", NULL, &job.func, NULL));
    must("mote_executor_submit", mote_executor_submit(executor, &job, NULL, NULL));
    until_one_runs(executor);
    free(malloc(100000)); /* the heap has grown by what the jobs will need */
    for (unsigned i = 0; i < expectations[SECTION_SUBMIT].passes; i++) {
        syscall(SYS_getppid, MARK_BEGIN, (uint64_t)SECTION_SUBMIT);
        must("mote_executor_submit", mote_executor_submit(executor, &job, NULL, NULL));
        syscall(SYS_getppid, MARK_END, 0);
    }
}

void submitted_jobs(mote_host *host, const char *guests)
{
    char path[4096];
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(path);
    mote_executor_options options = {.size = sizeof(options), .threads = 1};
    mote_executor *executor;
    mote_image *image;

    snprintf(path, sizeof(path), "%s/faults", guests);
    must(path, mote_image_open(&image, host, &source, NULL, &error));
    must("mote_executor_new", mote_executor_new(&executor, host, &options, &error));
    submit_to_a_busy_one(executor, image);
    must("mote_executor_free", mote_executor_free(executor));
    mote_image_unref(image);
}

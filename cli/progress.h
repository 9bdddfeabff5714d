/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on, on stderr: of a build, once it takes longer than a second; or any line. */
#ifndef MOTE_CLI_PROGRESS_H
#define MOTE_CLI_PROGRESS_H

#include <builder.h>
#include <pthread.h>

#include "cli.h"

struct progress {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool running;
    bool ended;
    const char *what; /* that is built */
    bool terminal;    /* stderr is one: the line is written over */
    uint64_t start;   /* now_ns() */
    int shown;        /* step that was last written; -1: none */
    enum mote__wasm_step step;
    unsigned done;
    unsigned total;
};

/* Without a thread to show it, a build is merely silent. */
void progress_start(struct progress *progress, const char *what);
void progress_set(struct progress *progress, enum mote__wasm_step step, unsigned done,
                  unsigned total);
/* Writes a line of its own over the one that stands on the terminal stderr; NULL: removes it. */
CLI_PRINTF(1, 2) void progress_line(const char *format, ...);
/* Removes the line. */
void progress_end(struct progress *progress);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a build is doing, on stderr, once it takes longer than a second. */
#ifndef MOTE_CLI_PROGRESS_H
#define MOTE_CLI_PROGRESS_H

#include <builder.h>
#include <pthread.h>

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
/* Removes the line. */
void progress_end(struct progress *progress);

#endif

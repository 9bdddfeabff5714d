/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of the soak share. */
#ifndef MOTE_TEST_SOAK_H
#define MOTE_TEST_SOAK_H

#include <mote.h>
#include <mote_executor.h>
#include <pthread.h>
#include <stdatomic.h>

enum image { ECHO, FAULTS, NESTED, IMAGES };
enum { CALLERS = 3, POLICIES = 2, TENANTS = 4 };

extern mote_host *host;
extern mote_image *images[IMAGES];
extern mote_policy *policies[POLICIES]; /* one strict, one with CPU time and larger memory */
extern const char *const tenants[TENANTS];

/* Prints what is wrong, with its place, and ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *format, ...);
/* The status must be this one. */
void expect(const char *what, int status, int wanted, const mote_error *error);

mote_func find(enum image image, const char *name);
uint32_t random_below(uint64_t *state, uint32_t end);
uint64_t now_ns(void);

/* Counted by all, printed with the progress. */
extern atomic_ullong calls, failures, resets, interrupts, suspensions, snapshots, parks, moves,
    jobs;

/* ---- caller.c: a thread with sandboxes of its own, until `stop` ---- */

struct caller {
    pthread_t thread;
    uint64_t random;
};
extern atomic_bool stop;
void *caller_run(void *caller);
/* Interrupts whoever asks for it, until `no_callers`. */
extern atomic_bool no_callers;
void *interrupter_run(void *unused);

/* ---- jobs.c: a thread that keeps an executor busy, until `stop` ---- */

void *jobs_run(void *seed);

/* Host functions of the guest `nested` that answer later: what a call asked for last. */
int host_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
              mote_value *result);

#endif

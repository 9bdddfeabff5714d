/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handle of a sandbox: what other threads may reach of a call in progress.
 *
 * The thread that makes a call moves the phase IDLE -> GUEST <-> HOST -> IDLE.
 * A call that waits for its answer outside of all threads leaves GUEST for
 * SUSPENDED, and comes back to GUEST on whichever thread resumes it. Whoever
 * wants to stop a call moves the phase to KICKING for a moment, leaves the
 * cause, sends the signal (GUEST only) and moves it back; the runner waits that
 * moment out before it leaves the phase. So a kick acts on the call that was in
 * progress when it came, and on nothing else: no signal is sent once the call
 * has returned, and none to a thread that may be gone.
 *
 * All of it is about the outermost call: nested ones only narrow its deadline.
 */
#ifndef MOTE_HANDLE_H
#define MOTE_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "hv/hv.h"

enum mote__phase {
    MOTE__PHASE_IDLE,
    MOTE__PHASE_GUEST,     /* the thread runs the guest, or is about to */
    MOTE__PHASE_HOST,      /* the thread runs a host function */
    MOTE__PHASE_SUSPENDED, /* no thread runs it: it waits to be resumed */
    MOTE__PHASE_KICKING    /* somebody is leaving a cause */
};

enum mote__cause { MOTE__CAUSE_NONE, MOTE__CAUSE_INTERRUPT, MOTE__CAUSE_DEADLINE, MOTE__CAUSE_CPU };

/* How long a call may take; 0: no limit. */
struct mote__limits {
    uint64_t deadline; /* nanoseconds, monotonic */
    uint64_t cpu;      /* nanoseconds, as of mote__handle_cpu_now */
};

struct mote_handle {
    _Atomic uint32_t references;
    _Atomic uint32_t phase;    /* enum mote__phase */
    _Atomic uint32_t cause;    /* enum mote__cause */
    _Atomic uint64_t deadline; /* as in mote__limits */
    _Atomic uint64_t cpu;
    _Atomic int cpu_clock; /* clockid_t of the thread; valid in GUEST and HOST */
    int signal;
    int owner;        /* the process that made it */
    pthread_t thread; /* of the last call; it lets the signal in */
    bool thread_known;
    bool has_runner; /* a thread of the library runs the guest, and lets the signal in, too */
    pthread_t runner;
    _Atomic int runner_clock;     /* 0: there is none */
    struct mote__vm *vm;          /* valid in GUEST and HOST */
    mote_handle *next, *previous; /* in the watchdog's list */
    bool watched;                 /* it is in there */
};

mote_handle *mote__handle_new(const mote_allocator *allocator, int signal);

/* While no call runs: the guest runs on this thread from now on; and on the caller's again. */
void mote__handle_set_runner(mote_handle *handle, pthread_t thread);
void mote__handle_drop_runner(mote_handle *handle);

/* By the thread that calls. Moves that end or pause something return the cause: a kick that
 * was under way has left it by then, and its signal has been delivered. */
/* False when this thread blocks the signal: it could not be stopped. */
bool mote__handle_begin(mote_handle *handle, struct mote__vm *vm, struct mote__limits limits);
void mote__handle_move(mote_handle *handle, enum mote__phase phase); /* GUEST or HOST */
enum mote__cause mote__handle_end(mote_handle *handle);
/* To SUSPENDED, and back to GUEST on this thread; like begin, but causes are kept. */
enum mote__cause mote__handle_suspend(mote_handle *handle);
bool mote__handle_resume(mote_handle *handle, struct mote__vm *vm, struct mote__limits limits);
/* From HOST into a nested call, and from GUEST back; `deadline` holds from then on. */
void mote__handle_go_in(mote_handle *handle, uint64_t deadline);
enum mote__cause mote__handle_come_back(mote_handle *handle, uint64_t deadline);
/* Leaves a cause for oneself; an earlier one stays. */
void mote__handle_leave_cause(mote_handle *handle, enum mote__cause cause);
static inline enum mote__cause mote__handle_cause(const mote_handle *handle)
{
    return (enum mote__cause)atomic_load(&handle->cause);
}

/* By anyone. */
static inline bool mote__handle_is_running(const mote_handle *handle)
{
    uint32_t phase = atomic_load(&handle->phase);
    return phase != MOTE__PHASE_IDLE && phase != MOTE__PHASE_SUSPENDED;
}
/* Processor time of the threads of the call, asked by the one that calls; system calls. */
uint64_t mote__handle_cpu_now(const mote_handle *handle);
/* Whether the call has used up what `cpu` allows. */
bool mote__handle_cpu_is_due(const mote_handle *handle);
/* Stops the call in progress; false when there is none, or when its deadline or its
 * processor time is still to come and that is the cause. */
bool mote__handle_kick(mote_handle *handle, enum mote__cause cause, uint64_t now);

#endif

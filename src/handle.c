/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <signal.h>

#include "os/os.h"

mote_handle *mote__handle_new(const mote_allocator *allocator, int signal)
{
    mote_handle *handle = mote__alloc(allocator, sizeof *handle);
    if (!handle)
        return NULL;
    atomic_init(&handle->references, 1);
    handle->signal = signal;
    handle->owner = mote__process_id();
    return handle;
}

void mote_handle_unref(mote_handle *handle)
{
    if (handle && atomic_fetch_sub(&handle->references, 1) == 1)
        mote__free(handle);
}

/* Asked once for each thread that calls: a warm call makes no system call for it. A new thread
 * may have the pthread_t of one that is gone; its clock, which the C library makes of the
 * kernel's number of the thread, tells the two apart. */
static bool know_thread(mote_handle *handle)
{
    pthread_t self = pthread_self();
    clockid_t clock = 0;
    pthread_getcpuclockid(self, &clock);
    if (handle->thread_known && pthread_equal(handle->thread, self) && handle->cpu_clock == clock)
        return true;
    atomic_store(&handle->cpu_clock, clock);
    handle->thread = self;
    handle->thread_known = mote__signal_is_open(handle->signal);
    return handle->thread_known;
}

void mote__handle_set_runner(mote_handle *handle, pthread_t thread)
{
    clockid_t clock = 0;
    pthread_getcpuclockid(thread, &clock);
    atomic_store(&handle->runner_clock, clock);
    handle->runner = thread;
    handle->has_runner = true;
}

void mote__handle_drop_runner(mote_handle *handle)
{
    handle->has_runner = false;
    atomic_store(&handle->runner_clock, 0);
}

/* 0 where there is none. */
static uint64_t runner_cpu(const mote_handle *handle)
{
    uint64_t used;
    int clock = atomic_load(&handle->runner_clock);
    return clock && mote__cpu_clock(clock, &used) ? used : 0;
}

uint64_t mote__handle_cpu_now(const mote_handle *handle)
{
    return mote__thread_cpu_ns() + runner_cpu(handle);
}

static void set_limits(mote_handle *handle, struct mote__limits limits)
{
    atomic_store_explicit(&handle->deadline, limits.deadline, memory_order_relaxed);
    atomic_store_explicit(&handle->cpu, limits.cpu, memory_order_relaxed);
}

bool mote__handle_begin(mote_handle *handle, struct mote__vm *vm, struct mote__limits limits)
{
    if (!know_thread(handle))
        return false;
    handle->vm = vm;
#if !defined(MOTE_CONTROL_NO_DISCARD)
    atomic_store_explicit(&handle->cause, MOTE__CAUSE_NONE, memory_order_relaxed);
#endif
    mote__vm_unkick(vm);
    set_limits(handle, limits);
    atomic_store(&handle->phase, MOTE__PHASE_GUEST);
    return true;
}

/* Moves to `phase` as soon as nobody is kicking. */
static void leave_to(mote_handle *handle, uint32_t phase)
{
    uint32_t now = atomic_load(&handle->phase);
    for (;;) {
        if (now == MOTE__PHASE_KICKING) {
            mote__yield();
            now = atomic_load(&handle->phase);
        } else if (atomic_compare_exchange_weak(&handle->phase, &now, phase)) {
            return;
        }
    }
}

void mote__handle_move(mote_handle *handle, enum mote__phase phase)
{
    leave_to(handle, phase);
}

static enum mote__cause leave_guest(mote_handle *handle, uint32_t phase)
{
    leave_to(handle, phase);
    enum mote__cause cause = mote__handle_cause(handle);
    if (cause != MOTE__CAUSE_NONE)
        mote__yield(); /* the signal that may still be pending lands here, not in the embedder */
    return cause;
}

enum mote__cause mote__handle_end(mote_handle *handle)
{
    return leave_guest(handle, MOTE__PHASE_IDLE);
}

enum mote__cause mote__handle_suspend(mote_handle *handle)
{
    return leave_guest(handle, MOTE__PHASE_SUSPENDED);
}

bool mote__handle_resume(mote_handle *handle, struct mote__vm *vm, struct mote__limits limits)
{
    if (!know_thread(handle)) /* nobody looks at the thread of a call that is suspended */
        return false;
    handle->vm = vm;
#if defined(MOTE_CONTROL_NO_LATCH)
    atomic_store(&handle->cause, MOTE__CAUSE_NONE);
#endif
    mote__vm_unkick(vm);
    set_limits(handle, limits);
    leave_to(handle, MOTE__PHASE_GUEST);
    return true;
}

void mote__handle_go_in(mote_handle *handle, uint64_t deadline)
{
    atomic_store(&handle->deadline, deadline);
    leave_to(handle, MOTE__PHASE_GUEST);
}

enum mote__cause mote__handle_come_back(mote_handle *handle, uint64_t deadline)
{
    /* In this order: who kicks from now on looks at the outer deadline, and who did for the
     * inner one has left the cause when the phase is HOST. */
    atomic_store(&handle->deadline, deadline);
    return leave_guest(handle, MOTE__PHASE_HOST);
}

void mote__handle_leave_cause(mote_handle *handle, enum mote__cause cause)
{
    uint32_t none = MOTE__CAUSE_NONE;
    atomic_compare_exchange_strong(&handle->cause, &none, cause);
}

bool mote__handle_cpu_is_due(const mote_handle *handle)
{
    uint64_t limit = atomic_load(&handle->cpu), used;
    return limit && mote__cpu_clock(atomic_load(&handle->cpu_clock), &used) &&
           used + runner_cpu(handle) >= limit;
}

/* Looked at while the phase is KICKING: the call cannot end and another begin meanwhile. */
static bool is_due(const mote_handle *handle, enum mote__cause cause, uint64_t now)
{
    uint64_t deadline = atomic_load(&handle->deadline);
    if (cause == MOTE__CAUSE_CPU)
        return mote__handle_cpu_is_due(handle);
    return cause != MOTE__CAUSE_DEADLINE || (deadline && deadline <= now);
}

/* With the phase at KICKING, moved there from `phase`. */
static bool kick(mote_handle *handle, uint32_t phase, enum mote__cause cause, uint64_t now)
{
    if (phase == MOTE__PHASE_SUSPENDED && cause != MOTE__CAUSE_INTERRUPT)
        return false; /* that is seen when it is resumed */
    if (!is_due(handle, cause, now))
        return false;
#if defined(MOTE_CONTROL_NO_DEADLINE_HOSTFN)
    if (phase == MOTE__PHASE_HOST && cause == MOTE__CAUSE_DEADLINE)
        return false;
#endif
    mote__handle_leave_cause(handle, cause);
    if (phase == MOTE__PHASE_GUEST) {
        mote__vm_kick(handle->vm);
        if (handle->has_runner)
            pthread_kill(handle->runner, handle->signal);
        pthread_kill(handle->thread, handle->signal);
    }
    return true;
}

bool mote__handle_kick(mote_handle *handle, enum mote__cause cause, uint64_t now)
{
    uint32_t phase = atomic_load(&handle->phase);
    do {
        if (phase == MOTE__PHASE_IDLE)
            return false;
        if (phase == MOTE__PHASE_KICKING || mote__handle_cause(handle) != MOTE__CAUSE_NONE)
            return true; /* it is being stopped already; once is enough */
    } while (!atomic_compare_exchange_weak(&handle->phase, &phase, MOTE__PHASE_KICKING));
    bool kicked = kick(handle, phase, cause, now);
    atomic_store(&handle->phase, phase);
    return kicked;
}

int mote_interrupt(mote_handle *handle)
{
    if (!handle)
        return MOTE_EINVAL;
    if (mote__process_id() != handle->owner)
        return MOTE_EFORKED;
#if defined(MOTE_CONTROL_NO_DISCARD)
    atomic_store(&handle->cause, MOTE__CAUSE_INTERRUPT);
#endif
    return mote__handle_kick(handle, MOTE__CAUSE_INTERRUPT, 0) ? 0 : MOTE_ENOTFOUND;
}

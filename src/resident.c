/* SPDX-License-Identifier: Apache-2.0 */
#include "resident.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "os/os.h"
#include "sandbox.h"

#define GUEST_SPIN_NS  100000u /* defaults of mote_resident_options */
#define CALL_SPIN_NS   50000u
#define THREAD_SPIN_NS 20000u /* of our thread, after an exit that is soon served */
#define LEAST_SPIN     16u    /* a caller that waited in vain spins for a part of its time, */
#define LOOKS          32u    /* looks between two at the clock */

enum turn { TURN_CALLER, TURN_THREAD, TURN_END };

struct mote__resident {
    /* of the thread that calls */
    struct mote__ring *ring; /* in the guest's read-only page; NULL: there is no shell */
    _Atomic uint64_t *rung;  /* in its mailbox: the last `go` for which it rang, it says */
    uint64_t gate;           /* guest address of the gate page */
    uint64_t go;
    uint64_t spin_ns, spin_now; /* how long a call polls; now, after what it met last */
    uint32_t rounds;            /* how often the guest looks before it sleeps */
    bool rang;                  /* the guest waits for `go`, as it says */
    bool consumed;              /* `exit` has been looked at */
    bool fresh;                 /* the guest is to start anew at the next `go` */
    bool stood;                 /* the vCPU was made to stand since mote__resident_before_reset */
    int signal;
    pthread_t thread;
    /* of both: `vm` and `exit` belong to whose turn it is */
    uint8_t apart[64];
    _Atomic uint32_t turn;
    _Atomic uint32_t caller_sleeps, thread_sleeps;
    struct mote__vm *vm;
    struct mote__exit exit;
};

/* ---- the thread ---- */

/* False: it is to end. */
static bool wait_for_turn(struct mote__resident *r)
{
    uint64_t until = mote__now_ns() + THREAD_SPIN_NS;
    uint32_t turn;
    for (unsigned i = 1; (turn = atomic_load(&r->turn)) == TURN_CALLER; i++) {
        mote__cpu_pause();
        if (i % LOOKS || mote__now_ns() < until)
            continue;
        atomic_store(&r->thread_sleeps, 1);
        mote__futex_wait(&r->turn, TURN_CALLER);
        atomic_store(&r->thread_sleeps, 0);
    }
    return turn == TURN_THREAD;
}

static void *run_thread(void *argument)
{
    struct mote__resident *r = argument;
    mote__signal_open(r->signal);
    while (wait_for_turn(r)) {
        mote__vm_run(r->vm, &r->exit);
        atomic_store(&r->turn, TURN_CALLER);
        if (atomic_load(&r->caller_sleeps))
            mote__futex_wake(&r->turn);
    }
    return NULL;
}

/* ---- turns ---- */

static bool stands(const struct mote__resident *r)
{
    return atomic_load(&r->turn) == TURN_CALLER;
}

static void give_turn(struct mote__resident *r, enum turn turn)
{
    r->consumed = false;
    atomic_store(&r->turn, turn);
    if (atomic_load(&r->thread_sleeps))
        mote__futex_wake(&r->turn);
}

/* ---- waiting for the guest ---- */

static bool has_rung(const struct mote__resident *r)
{
    return atomic_load_explicit(r->rung, memory_order_acquire) == r->go;
}

/* It went to sleep in the doorbell for a `go` that has changed since, and did not see that. The
 * `out` of the doorbell is told from others by RIP, which may be at it or behind it. */
static bool overslept(const struct mote__resident *r)
{
    const struct mote__cpu_regs *regs = mote__vm_regs(r->vm);
    bool asleep = r->exit.kind == MOTE__EXIT_DOORBELL &&
                  regs->rip - (r->gate + MOTE__GATE_RING) < MOTE__GATE_RING_END - MOTE__GATE_RING;
    return asleep && regs->rax != r->go;
}

/* Sleeps until the vCPU stands; a guest that rings meanwhile does so by an exit. */
static void sleep_until_it_stands(struct mote__resident *r)
{
    atomic_store(&r->caller_sleeps, 1);
    atomic_store(&r->ring->wake, 1);
    if (!has_rung(r) && !stands(r))
        mote__futex_wait(&r->turn, TURN_THREAD);
    atomic_store(&r->ring->wake, 0);
    atomic_store(&r->caller_sleeps, 0);
}

/* Until the guest has rung or the vCPU stands. Polls as long as that has paid lately. */
static void wait_for_guest(struct mote__resident *r)
{
    uint64_t until = 0;
    for (unsigned i = 1; !has_rung(r) && !stands(r); i++) {
        mote__cpu_pause();
        if (i % LOOKS)
            continue;
        uint64_t now = mote__now_ns();
        until = until ? until : now + r->spin_now;
        if (now < until)
            continue;
        sleep_until_it_stands(r);
        uint64_t less = r->spin_now / 2, least = r->spin_ns / LEAST_SPIN;
        r->spin_now = less > least ? less : least;
        return;
    }
    r->spin_now = r->spin_ns;
}

/* Tells a guest that waits to go on. What it said is void first: a page that comes from a snapshot
 * may hold what another guest said. */
static void post(struct mote__resident *r)
{
    atomic_store_explicit(r->rung, 0, memory_order_relaxed);
    atomic_store_explicit(&r->ring->fresh, r->fresh, memory_order_relaxed);
    atomic_store_explicit(&r->ring->go, ++r->go, memory_order_release);
    r->fresh = r->rang = false;
}

/* The exit that our thread met, unless it says no more than that the guest sleeps. */
static bool take_exit(struct mote__resident *r, struct mote__exit *exit)
{
    bool news = !r->consumed && !overslept(r);
    if (!news) {
        give_turn(r, TURN_THREAD);
        return false;
    }
    r->consumed = true;
    *exit = r->exit;
    r->rang = exit->kind == MOTE__EXIT_DOORBELL;
    return true;
}

static bool run(struct mote__resident *r, struct mote__exit *exit)
{
    if (r->rang)
        post(r);
    for (;;) {
        if (has_rung(r)) {
            exit->kind = MOTE__EXIT_DOORBELL;
            r->rang = true;
            return false;
        }
        if (stands(r) && take_exit(r, exit))
            return true;
        wait_for_guest(r);
    }
}

bool mote__resident_run(mote_sandbox *sandbox, struct mote__exit *exit)
{
    if (sandbox->resident)
        return run(sandbox->resident, exit);
    mote__vm_run(sandbox->shell->vm, exit);
    return true;
}

/* ---- standing ---- */

/* It was stopped at any instruction, or at an exit that nobody served. */
static void settle(mote_sandbox *sandbox)
{
    struct mote__cpu_special special;
    struct mote__vm *vm = sandbox->shell->vm;
    if (mote__vm_get_special(vm, &special, NULL) || mote__vm_forget_events(vm, NULL))
        sandbox->broken = true;
    else
        sandbox->shell->in_monitor = special.privileged;
}

static void stop(struct mote__resident *r)
{
    mote__vm_kick(r->vm);
    pthread_kill(r->thread, r->signal);
    while (!stands(r)) {
        atomic_store(&r->caller_sleeps, 1);
        if (!stands(r))
            mote__futex_wait(&r->turn, TURN_THREAD);
        atomic_store(&r->caller_sleeps, 0);
    }
    mote__vm_unkick(r->vm);
}

void mote__resident_stand(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    if (!r || !r->ring || mote__host_forked(sandbox->host))
        return;
    r->stood = true;
    sandbox->shell->running = false;
    bool stopped = !stands(r);
    if (stopped)
        stop(r);
    if (!stopped && (r->consumed || r->exit.kind == MOTE__EXIT_DOORBELL))
        return;
    if (r->exit.kind == MOTE__EXIT_STRANGE || r->exit.kind == MOTE__EXIT_NO_THREAD)
        sandbox->broken = true;
    settle(sandbox);
    if (r->exit.kind == MOTE__EXIT_INTERRUPTED)
        r->consumed = true;
}

/* ---- resets ---- */

void mote__resident_before_reset(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    if (!r)
        return;
    r->stood = !sandbox->shell;
    if (r->stood)
        return;
    bool stays = r->rang && !stands(r) && sandbox->state == MOTE_STATE_READY &&
                 !sandbox->shell->memory.changed && !sandbox->shell->memory.damaged &&
                 !sandbox->shell->own_scrub;
    sandbox->shell->running = stays;
    if (!stays)
        mote__resident_stand(sandbox);
}

bool mote__resident_start_anew(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    if (!r)
        return false;
    r->fresh = r->rang = !r->stood;
    if (r->fresh) {
        sandbox->shell->stand = MOTE__STAND_SNAPSHOT;
        return true;
    }
    r->consumed = true;       /* whatever the guest did */
    atomic_store(r->rung, 0); /* and said, which may be in a snapshot */
    return false;
}

/* ---- shells ---- */

/* How often the doorbell looks in `ns`: a look is hardly more than its `pause`. */
static uint32_t rounds_in(uint64_t ns)
{
    enum { TRIAL = 1000 };
    uint64_t start = mote__now_ns();
    for (int i = 0; i < TRIAL; i++)
        mote__cpu_pause();
    uint64_t took = mote__now_ns() - start;
    uint64_t rounds = ns / (took / TRIAL + 1) + 1;
    return rounds < UINT32_MAX ? (uint32_t)rounds : UINT32_MAX;
}

void mote__resident_attach(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    struct mote__ring *ring = mote__shell_ring(sandbox->shell);
    uint64_t go = atomic_load(&ring->go) + 1; /* it may wait since it was resident before */
    if (!r)
        return;
    size_t size = sizeof *r->rung;
    ring->rung = sandbox->shell->layout->mailbox + offsetof(struct mote_mailbox, reserved);
    r->rung = mote__memory_at(&sandbox->shell->memory, ring->rung, &size, MOTE__READ | MOTE__WRITE);
    r->gate = sandbox->shell->layout->gate;
    r->ring = ring;
    r->vm = sandbox->shell->vm;
    r->go = go;
    ring->rounds = r->rounds;
    mote__ring_set_registers(ring, &sandbox->snapshot->regs);
    atomic_store(&ring->go, go);
    atomic_store(&ring->resident, 1);
    r->rang = r->consumed = r->stood = true; /* it stands at its start, or at a doorbell */
    r->fresh = false;
}

void mote__resident_detach(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    if (!r || !r->ring)
        return;
    mote__resident_stand(sandbox);
    r->ring = NULL;
    r->fresh = false; /* whatever shell comes next is set right without it */
}

/* ---- start and end ---- */

static void let_go(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    mote__resident_stand(sandbox);
    if (r->ring) {
        atomic_store(&r->ring->resident, 0);
        atomic_store(&r->ring->go, ++r->go); /* one that waits returns from its doorbell */
        atomic_store(&r->ring->fresh, 0);
    }
    if (r->fresh)
        mote__shell_go_clean(sandbox->shell, sandbox->snapshot);
    if (!r->consumed && r->exit.kind != MOTE__EXIT_DOORBELL)
        sandbox->state = MOTE_STATE_POISONED; /* nobody will serve what it did out of turn */
}

void mote__resident_end(mote_sandbox *sandbox)
{
    struct mote__resident *r = sandbox->resident;
    if (!r)
        return;
    if (!mote__host_forked(sandbox->host)) {
        let_go(sandbox);
        give_turn(r, TURN_END);
        pthread_join(r->thread, NULL);
        mote__handle_drop_runner(sandbox->handle);
    }
    sandbox->resident = NULL;
    mote__free(r);
}

static int pin(const struct mote__resident *r, unsigned processor, mote_error *error)
{
    int status = processor ? mote__thread_pin(r->thread, processor - 1) : 0;
    if (status == -EINVAL)
        return mote__fail_argument(error, "mote_resident_options.processor is not one that may be "
                                          "used here");
    return status < 0 ? mote__fail_system(error, status, "sched_setaffinity") : 0;
}

static int start_thread(mote_sandbox *sandbox, struct mote__resident *r, unsigned processor,
                        mote_error *error)
{
    r->consumed = true;
    int status = mote__thread_start(&r->thread, run_thread, r);
    if (status < 0) {
        mote__free(r);
        return mote__fail_system(error, status, "starting the thread of a resident sandbox");
    }
    sandbox->resident = r;
    mote__handle_set_runner(sandbox->handle, r->thread);
    status = pin(r, processor, error);
    if (status)
        mote__resident_end(sandbox);
    return status;
}

static int start(mote_sandbox *sandbox, const mote_resident_options *options, mote_error *error)
{
    mote__resident_end(sandbox);
    if (!options->processor && mote__processors() < 2)
        return 0; /* one would wait for the other: exits are faster */
    struct mote__resident *r = mote__alloc(&sandbox->host->allocator, sizeof *r);
    if (!r)
        return mote__fail_memory(error, "a resident sandbox");
    r->signal = sandbox->host->signal;
    r->rounds = rounds_in(options->guest_spin_ns ? options->guest_spin_ns : GUEST_SPIN_NS);
    r->spin_ns = r->spin_now = options->call_spin_ns ? options->call_spin_ns : CALL_SPIN_NS;
    int status = start_thread(sandbox, r, options->processor, error);
    if (!status && sandbox->shell)
        mote__resident_attach(sandbox);
    return status;
}

int mote_resident_start(mote_sandbox *sandbox, const mote_resident_options *given,
                        mote_error *error)
{
    mote_resident_options options;
    int status = mote__options_copy(&options, sizeof options, given,
                                    MOTE__SIZE_UP_TO(mote_resident_options, processor),
                                    "mote_resident_options", error);
    if (!status)
        status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    status = start(sandbox, &options, error);
    mote__sandbox_leave(sandbox);
    return status;
}

int mote_resident_stop(mote_sandbox *sandbox)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    mote__resident_end(sandbox);
    mote__sandbox_leave(sandbox);
    return 0;
}

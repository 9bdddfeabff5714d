/* SPDX-License-Identifier: Apache-2.0 */
/* The run loop: enters the guest and serves its exits until it stops. */
#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "resident.h"
#include "sandbox.h"

/* What one exit comes to. */
enum step {
    GO_ON = 1, /* enter the guest again */
    STOPPED = 0
    /* negative: the call ends with this code */
};

/* ---- doorbells ---- */

static int guest_aborted(mote_sandbox *sandbox, uint64_t message)
{
    struct mote_text head;
    size_t size;
    if (mote__mailbox_text(sandbox, message, &head, sandbox->report.text, &size))
        return mote__fault_end(sandbox, MOTE_EPROTOCOL, MOTE_FAULT_PROTOCOL, 0,
                               "the guest aborted with a text that is not in its memory");
    bool trap = head.kind == MOTE_ABORT_TRAP;
    return mote__fault_end(sandbox, trap ? MOTE_EFAULT : MOTE_EABORTED,
                           trap ? MOTE_FAULT_TRAP : MOTE_FAULT_ABORT, head.code, "%s: %.400s",
                           trap ? "trap" : "the guest aborted", sandbox->report.text);
}

/* The guest function reports a failure; the sandbox stays usable. */
static int guest_failed(mote_sandbox *sandbox, uint64_t message)
{
    struct mote_text head;
    size_t size;
    if (mote__mailbox_text(sandbox, message, &head, sandbox->report.text, &size))
        return mote__fault_end(sandbox, MOTE_EPROTOCOL, MOTE_FAULT_PROTOCOL, 0,
                               "the guest failed with a text that is not in its memory");
    sandbox->report.code = head.code;
    mote__describe(&sandbox->error, MOTE_DOMAIN_GUEST, MOTE_EGUEST, head.code, NULL,
                   "the guest function failed with code %u: %.400s", head.code,
                   sandbox->report.text);
    return STOPPED;
}

static int out_of_turn(mote_sandbox *sandbox, uint32_t request)
{
    return mote__fault_end(sandbox, MOTE_EPROTOCOL, MOTE_FAULT_PROTOCOL, request,
                           "the guest rang the doorbell with request %u out of turn", request);
}

/* Calls return inner first: the guest says which one it has answered. */
static int check_frame(mote_sandbox *sandbox, const struct mote_mailbox *mailbox)
{
#if !defined(MOTE_CONTROL_NO_FRAME_CHECK)
    uint64_t frame = mote__call_now(sandbox)->frame;
    if (mailbox->call != frame)
        return mote__fault_end(sandbox, MOTE_EPROTOCOL, MOTE_FAULT_PROTOCOL, mailbox->request,
                               "the guest returned from the call at %#llx, not from the one in "
                               "progress at %#llx",
                               (unsigned long long)mailbox->call, (unsigned long long)frame);
#endif
    return 0;
}

/* RETURN and FAIL: the innermost call is answered. */
static int serve_answer(mote_sandbox *sandbox, const struct mote_mailbox *mailbox,
                        enum mote__stop *stop)
{
    if (!sandbox->snapshot || mote__image_is_program(sandbox->image))
        return out_of_turn(sandbox, mailbox->request);
    int status = check_frame(sandbox, mailbox);
    if (status)
        return status;
    bool failed = mailbox->request == MOTE_REQUEST_FAIL;
    *stop = failed ? MOTE__STOP_FAIL : MOTE__STOP_RETURN;
    return failed ? guest_failed(sandbox, mailbox->message) : STOPPED;
}

static int serve_host_call(mote_sandbox *sandbox, uint64_t message, enum mote__stop *stop)
{
    int status = mote__hostcall_serve(sandbox, message);
    if (status == MOTE_PENDING) {
        *stop = MOTE__STOP_PENDING;
        return STOPPED;
    }
    return status ? status : GO_ON;
}

static int serve_doorbell(mote_sandbox *sandbox, enum mote__stop *stop)
{
    struct mote_mailbox mailbox = mote__mailbox_read(sandbox);
    switch (mailbox.request) {
    case MOTE_REQUEST_READY:
        *stop = MOTE__STOP_READY;
        return sandbox->snapshot ? out_of_turn(sandbox, mailbox.request) : STOPPED;
    case MOTE_REQUEST_RETURN:
    case MOTE_REQUEST_FAIL:
        return serve_answer(sandbox, &mailbox, stop);
    case MOTE_REQUEST_CALL:
        return serve_host_call(sandbox, mailbox.message, stop);
    case MOTE_REQUEST_LOG:
        return mote__hostcall_log(sandbox, mailbox.message) ?: GO_ON;
    case MOTE_REQUEST_ABORT:
        return guest_aborted(sandbox, mailbox.message);
    default:
        return out_of_turn(sandbox, mailbox.request);
    }
}

/* ---- traps and system calls ---- */

static int serve_syscall(mote_sandbox *sandbox, struct mote__cpu_regs *regs, enum mote__stop *stop)
{
    sandbox->report.syscalls++;
    if (regs->rip >= MOTE__USER_TOP) /* after a jump to LSTAR it is whatever rcx held */
        return mote__fault_end(sandbox, MOTE_EFAULT, MOTE_FAULT_PROTECTION, 0,
                               "a system call would return to %#llx",
                               (unsigned long long)regs->rip);
    switch (mote__linux_syscall(sandbox, regs)) {
    case MOTE__SYSCALL_RETURN:
        mote__shell_go(sandbox->shell, regs);
        return GO_ON;
    case MOTE__SYSCALL_EXIT:
        sandbox->report.fault = MOTE_FAULT_EXIT;
        sandbox->report.code = (int32_t)regs->rdi & 0xff;
        *stop = MOTE__STOP_EXIT;
        return STOPPED;
    case MOTE__SYSCALL_ABORT:
        return mote__fault_end(sandbox, MOTE_EABORTED, MOTE_FAULT_ABORT, (int64_t)regs->rdi,
                               "the guest ended itself with signal %lld", (long long)regs->rdi);
    default:
        return sandbox->error.code ? sandbox->error.code : MOTE_ESYSTEM;
    }
}

static int serve_trap(mote_sandbox *sandbox, struct mote__halt *halt)
{
    int status = mote__fault_serve(sandbox, halt);
    if (status)
        return status;
    mote__shell_go(sandbox->shell, &halt->regs);
    return GO_ON;
}

static int strange(mote_sandbox *sandbox, const char *what)
{
    mote__fault_end(sandbox, MOTE_ESTRANGE, MOTE_FAULT_STRANGE, 0,
                    "the virtual machine cannot go on: %s", what);
    sandbox->broken = true;
    return MOTE_ESTRANGE;
}

static int serve_halt(mote_sandbox *sandbox, enum mote__stop *stop)
{
    struct mote__shell *shell = sandbox->shell;
    struct mote__halt halt;
    mote__monitor_decode(&halt, mote__vm_regs(shell->vm), shell->layout->monitor,
                         shell->layout->monitor_stack_top,
                         mote__system_page(&shell->memory, MOTE__PAGE_MONITOR_STACK));
    shell->in_monitor = true;
    switch (halt.kind) {
    case MOTE__HALT_SYSCALL:
        return serve_syscall(sandbox, &halt.regs, stop);
    case MOTE__HALT_TRAP:
        return serve_trap(sandbox, &halt);
    default:
        return strange(sandbox, "the monitor faulted");
    }
}

/* The guest has not run: the VM is given up, and tried again by the next reset. */
static int no_thread(mote_sandbox *sandbox)
{
    sandbox->broken = true;
    mote__fault_end(sandbox, MOTE_EPROCESSES, MOTE_FAULT_STRANGE, EAGAIN,
                    "each VM has a kernel thread, and one more was denied to this process");
    sandbox->error.domain = MOTE_DOMAIN_SYSTEM;
    snprintf(sandbox->error.remedy, sizeof sandbox->error.remedy,
             "raise RLIMIT_NPROC (ulimit -u) or pids.max, then reset the sandbox");
    return MOTE_EPROCESSES;
}

static int bad_access(mote_sandbox *sandbox, const char *text)
{
    return mote__fault_end(sandbox, MOTE_EFAULT, MOTE_FAULT_DOORBELL, 0, "bad doorbell: %s", text);
}

static int serve(mote_sandbox *sandbox, const struct mote__exit *exit, enum mote__stop *stop)
{
    switch (exit->kind) {
    case MOTE__EXIT_DOORBELL:
        return serve_doorbell(sandbox, stop);
    case MOTE__EXIT_HALT:
        return serve_halt(sandbox, stop);
    case MOTE__EXIT_BAD_ACCESS:
        return bad_access(sandbox, exit->text);
    case MOTE__EXIT_INTERRUPTED:
        return GO_ON; /* the cause decides */
    case MOTE__EXIT_NO_THREAD:
        return no_thread(sandbox);
    default:
        return strange(sandbox, exit->text);
    }
}

/* ---- ends ---- */

/* The guest was stopped at any instruction: find out where the vCPU stands, and
 * leave no event behind that would hit whoever comes next. */
static void settle(mote_sandbox *sandbox)
{
    struct mote__cpu_special special;
    struct mote__vm *vm = sandbox->shell->vm;
    mote__resident_stand(sandbox);
    if (mote__vm_get_special(vm, &special, NULL) || mote__vm_forget_events(vm, NULL)) {
        sandbox->broken = true;
        return;
    }
    sandbox->shell->in_monitor = special.privileged;
}

static int stopped_by(mote_sandbox *sandbox, enum mote__cause cause)
{
    settle(sandbox);
    switch (cause) {
    case MOTE__CAUSE_DEADLINE:
        return mote__fault_end(sandbox, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE, 0,
                               "the deadline passed after %llu us",
                               (unsigned long long)(sandbox->report.wall_ns / 1000));
    case MOTE__CAUSE_CPU:
        return mote__fault_end(sandbox, MOTE_ECPU, MOTE_FAULT_CPU, 0,
                               "the CPU budget was used up: %llu us of %llu",
                               (unsigned long long)(sandbox->report.cpu_ns / 1000),
                               (unsigned long long)(sandbox->policy->cpu_budget_ns / 1000));
    default:
        return mote__fault_end(sandbox, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT, 0,
                               "the call was interrupted");
    }
}

/* ---- entering ---- */

static int run(mote_sandbox *sandbox, enum mote__stop *stop)
{
    struct mote__exit exit;
    int step = GO_ON;
    while (step == GO_ON && mote__handle_cause(sandbox->handle) == MOTE__CAUSE_NONE) {
        sandbox->report.exits += mote__resident_run(sandbox, &exit);
        sandbox->shell->in_monitor = false;
        sandbox->shell->stand = MOTE__STAND_RAN;
        step = serve(sandbox, &exit, stop);
    }
    return step == GO_ON ? STOPPED : step;
}

/* ---- limits ---- */

uint64_t mote__deadline_in(uint64_t ns)
{
    uint64_t now = ns ? mote__now_ns() : 0;
    return ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
}

static uint64_t cpu_budget(const mote_sandbox *sandbox)
{
    return sandbox->policy ? sandbox->policy->cpu_budget_ns : 0;
}

static bool measures_cpu(const mote_sandbox *sandbox)
{
    return sandbox->policy && (sandbox->policy->cpu_time || sandbox->policy->cpu_budget_ns);
}

/* What the call may still take. Its processor time counts from here, as if it had run on this
 * thread all along. */
static struct mote__limits limits_from_now(mote_sandbox *sandbox)
{
    struct mote__limits limits = {.deadline = mote__call_now(sandbox)->deadline};
    if (measures_cpu(sandbox)) {
        uint64_t now = mote__handle_cpu_now(sandbox->handle), budget = cpu_budget(sandbox);
        uint64_t used = sandbox->report.cpu_ns, left = budget > used ? budget - used : 0;
        sandbox->cpu_started = now - used;
        if (budget)
            limits.cpu = left < UINT64_MAX - now ? now + left : UINT64_MAX;
    }
    return limits;
}

static bool begin(mote_sandbox *sandbox, bool (*move)(mote_handle *handle, struct mote__vm *vm,
                                                      struct mote__limits limits))
{
    struct mote__limits limits = limits_from_now(sandbox);
    if (!move(sandbox->handle, sandbox->shell->vm, limits)) {
        mote__describe(&sandbox->error, MOTE_DOMAIN_API, MOTE_EINVAL, sandbox->handle->signal,
                       "unblock it with pthread_sigmask, or name another in mote_host_options",
                       "this thread blocks signal %d, with which calls are stopped",
                       sandbox->handle->signal);
        return false;
    }
    sandbox->cpu_seen = 0; /* another thread, perhaps */
    if (limits.deadline || limits.cpu)
        mote__watchdog_armed(&sandbox->host->watchdog);
    return true;
}

static void measure(mote_sandbox *sandbox, uint64_t now)
{
    sandbox->report.wall_ns = now - sandbox->started;
    if (measures_cpu(sandbox))
        sandbox->report.cpu_ns = mote__handle_cpu_now(sandbox->handle) - sandbox->cpu_started;
}

/* What the watchdog would have seen at its next look. */
static enum mote__cause overdue(mote_sandbox *sandbox, uint64_t now)
{
#if !defined(MOTE_CONTROL_NO_DEADLINE_HOSTFN)
    uint64_t deadline = mote__call_now(sandbox)->deadline;
    if (deadline && now > deadline)
        return MOTE__CAUSE_DEADLINE;
#endif
    uint64_t budget = cpu_budget(sandbox);
    return budget && sandbox->report.cpu_ns > budget ? MOTE__CAUSE_CPU : MOTE__CAUSE_NONE;
}

/* ---- ends of calls, nested ones too ---- */

static int conclude(mote_sandbox *sandbox, int status, enum mote__cause cause)
{
    uint64_t now = mote__now_ns();
    measure(sandbox, now);
    if (cause == MOTE__CAUSE_NONE)
        cause = overdue(sandbox, now);
    if (cause != MOTE__CAUSE_NONE && !status)
        status = stopped_by(sandbox, cause);
#if !defined(MOTE_CONTROL_NO_POISON)
    if (status) /* the guest stands in the middle of something */
        sandbox->state = MOTE_STATE_POISONED;
#endif
    if (status && !sandbox->ended) /* else it is told */
        mote__report_place(sandbox);
    return status;
}

static int go_on(mote_sandbox *sandbox, enum mote__stop *stop)
{
    mote_handle *handle = sandbox->handle;
    int status = run(sandbox, stop);
    if (mote__host_forked(sandbox->host))
        return status; /* in the child of a callback that forked */
    if (status || *stop != MOTE__STOP_PENDING)
        return conclude(sandbox, status, mote__handle_end(handle));
    status = conclude(sandbox, 0, mote__handle_suspend(handle));
    if (status)
        mote__handle_end(handle);
    else
        sandbox->state = MOTE_STATE_SUSPENDED;
    return status;
}

int mote__execute_go_on(mote_sandbox *sandbox, int status, enum mote__stop *stop)
{
    if (!status)
        status = go_on(sandbox, stop);
    else
        status = conclude(sandbox, status, mote__handle_end(sandbox->handle));
    if (mote__host_forked(sandbox->host))
        return status;
    if (sandbox->broken) { /* not before the phase is IDLE: a kick looks at the VM */
        mote__host_log(sandbox->host, 2, "%s: a VM is given up: %s", sandbox->image->name,
                       sandbox->error.text);
        mote__sandbox_retire(sandbox);
    }
    if (sandbox->shell)
        sandbox->report.memory = mote__memory_in_use(&sandbox->shell->memory);
    return status;
}

int mote__execute(mote_sandbox *sandbox, uint64_t deadline, enum mote__stop *stop)
{
    mote__call_now(sandbox)->deadline = deadline;
    sandbox->started = mote__now_ns();
    atomic_store_explicit(&sandbox->place.used, sandbox->started, memory_order_relaxed);
    if (sandbox->snapshot) /* else its image boots */
        mote__published_call(&sandbox->host->published);
    return begin(sandbox, mote__handle_begin) ? mote__execute_go_on(sandbox, 0, stop) : MOTE_EINVAL;
}

int mote__execute_resume(mote_sandbox *sandbox)
{
    uint64_t deadline = mote__call_now(sandbox)->deadline;
    if (!begin(sandbox, mote__handle_resume))
        return MOTE_EINVAL;
    sandbox->state = MOTE_STATE_READY;
    atomic_store_explicit(&sandbox->place.used, mote__now_ns(), memory_order_relaxed);
    if (deadline && mote__now_ns() > deadline)
        mote__handle_leave_cause(sandbox->handle, MOTE__CAUSE_DEADLINE);
    return 0;
}

int mote__execute_nested(mote_sandbox *sandbox, enum mote__stop *stop)
{
    const struct mote__call *call = mote__call_now(sandbox);
    mote__handle_go_in(sandbox->handle, call->deadline);
    if (call->deadline)
        mote__watchdog_armed(&sandbox->host->watchdog);
    uint32_t depth = sandbox->depth;
    int status = run(sandbox, stop);
    if (mote__host_forked(sandbox->host) || sandbox->depth != depth)
        return status; /* in a child, or an orphan */
    return conclude(sandbox, status, mote__handle_come_back(sandbox->handle, call[-1].deadline));
}

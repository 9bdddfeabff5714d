/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: libraries set them up, and none ever comes. One that the guest sends itself ends it,
 * unless it ignores that signal. */
#include <signal.h>
#include <string.h>

#include "linux/internal.h"

#define SIGNALS 64u

/* The kernel's structure; the libraries' is another. */
struct action {
    uint64_t handler, flags, restorer, mask;
};

static uint64_t bit_of(uint64_t signal)
{
    return 1ull << (signal - 1);
}

int64_t mote__linux_sigaction(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t signal = call->args[0], *ignored = &sandbox->personality.ignored;
    struct action action, old = {0};
    if (signal < 1 || signal > SIGNALS || call->args[3] != sizeof old.mask)
        return -EINVAL;
    bool fixed = signal == SIGKILL || signal == SIGSTOP;
    if (call->args[1] && mote__linux_get(sandbox, call->args[1], &action, sizeof action))
        return -EFAULT;
    if (call->args[1] && fixed)
        return -EINVAL;
    old.handler = *ignored & bit_of(signal) ? (uintptr_t)SIG_IGN : (uintptr_t)SIG_DFL;
    if (call->args[2] && mote__linux_put(sandbox, call->args[2], &old, sizeof old))
        return -EFAULT;
    if (!call->args[1])
        return 0;
    *ignored &= ~bit_of(signal);
    if (action.handler == (uintptr_t)SIG_IGN)
        *ignored |= bit_of(signal);
    return 0;
}

int64_t mote__linux_sigprocmask(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t old = sandbox->personality.blocked, set;
    if (call->args[3] != sizeof set)
        return -EINVAL;
    if (call->args[1] && mote__linux_get(sandbox, call->args[1], &set, sizeof set))
        return -EFAULT;
    if (call->args[1] && call->args[0] > SIG_SETMASK)
        return -EINVAL;
    if (call->args[2] && mote__linux_put(sandbox, call->args[2], &old, sizeof old))
        return -EFAULT;
    if (!call->args[1])
        return 0;
    set = call->args[0] == SIG_BLOCK ? old | set : call->args[0] == SIG_UNBLOCK ? old & ~set : set;
    sandbox->personality.blocked = set & ~(bit_of(SIGKILL) | bit_of(SIGSTOP));
    return 0;
}

int64_t mote__linux_sigpending(mote_sandbox *sandbox, struct mote__syscall *call)
{
    static const uint64_t none;
    return call->args[1] == sizeof none
               ? mote__linux_put(sandbox, call->args[0], &none, sizeof none)
               : -EINVAL;
}

/* Taken and never used; the old one is none. */
int64_t mote__linux_sigaltstack(mote_sandbox *sandbox, struct mote__syscall *call)
{
    stack_t given, none;
    memset(&none, 0, sizeof none);
    none.ss_flags = SS_DISABLE;
    if (call->args[0] && mote__linux_get(sandbox, call->args[0], &given, sizeof given))
        return -EFAULT;
    return call->args[1] ? mote__linux_put(sandbox, call->args[1], &none, sizeof none) : 0;
}

static bool is_harmless(const mote_sandbox *sandbox, uint64_t signal)
{
    const uint64_t by_default =
        bit_of(SIGCHLD) | bit_of(SIGURG) | bit_of(SIGWINCH) | bit_of(SIGCONT);
    return (sandbox->personality.ignored | by_default) & bit_of(signal);
}

static int64_t send_to(mote_sandbox *sandbox, struct mote__syscall *call, int32_t to,
                       uint64_t signal)
{
    if (signal > SIGNALS)
        return -EINVAL;
    if (to > MOTE__LINUX_ID || to < -1)
        return -ESRCH; /* there is nobody else; 0 and -1 mean the guest, too */
    if (signal == 0 || is_harmless(sandbox, signal)) /* 0 only asks whether one could */
        return 0;
    call->regs->rdi = signal;
    call->outcome = MOTE__SYSCALL_ABORT;
    return 0;
}

/* And tkill: there is one thread, with the number of the process. */
int64_t mote__linux_kill(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return send_to(sandbox, call, (int32_t)call->args[0], call->args[1]);
}

int64_t mote__linux_tgkill(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return send_to(sandbox, call, (int32_t)call->args[1], call->args[2]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Every system call passes here: looked up, served, counted, told. */
#include "linux/personality.h"

#include <stdio.h>
#include <string.h>

#include "linux/internal.h"

void mote__linux_begin(struct mote__linux *linux, uint64_t heap)
{
    *linux = (struct mote__linux){.brk = heap, .umask = 022, .name = "guest"};
}

int64_t mote__linux_get_string(const mote_sandbox *sandbox, uint64_t address, char *to, size_t size)
{
    size_t done = 0;
    while (done < size - 1) {
        size_t part = size - 1 - done;
        const void *from =
            mote__memory_at(&sandbox->shell->memory, address + done, &part, MOTE__READ);
        if (!from)
            return -EFAULT;
        memcpy(to + done, from, part);
        if (memchr(to + done, 0, part))
            return 0;
        done += part;
    }
    to[done] = '\0';
    return 0;
}

static const char *name_of(const struct mote__syscall_row *row)
{
    return row ? row->name : "?";
}

/* Tells the embedder, whose callback runs like any other. */
static void trace(mote_sandbox *sandbox, const struct mote__syscall *call, const char *name,
                  int64_t result)
{
    const mote_policy *policy = sandbox->policy;
    if (!policy || !policy->trace)
        return;
    mote_syscall_event event = {
        .size = sizeof event,
        .number = call->number,
        .name = name,
        .args = {call->args[0], call->args[1], call->args[2], call->args[3], call->args[4],
                 call->args[5]},
        .result = result,
        .refused = call->refused,
    };
    uint32_t depth = mote__callback_begin(sandbox);
    policy->trace(policy->trace_user, sandbox, &event);
    mote__callback_end(sandbox, depth);
}

static bool is_fault(const mote_sandbox *sandbox)
{
#if defined(MOTE_CONTROL_NO_REFUSED_FAULT)
    return false;
#endif
    return sandbox->policy && sandbox->policy->refused == MOTE_REFUSED_FAULT;
}

static void count_refused(mote_sandbox *sandbox, const struct mote__syscall *call, const char *name)
{
    sandbox->report.refused++;
    if (!is_fault(sandbox) || sandbox->error.code)
        return;
    snprintf(sandbox->report.text, sizeof sandbox->report.text, "%s", name);
    mote__fault_end(sandbox, MOTE_EREFUSED, MOTE_FAULT_SYSCALL, (int64_t)call->number,
                    "the policy refuses system call %s (%lld)", name, (long long)call->number);
}

/* No guest goes on in memory that the host has lost track of, whatever its call made of that. */
static void check_memory(mote_sandbox *sandbox)
{
    if (!sandbox->shell->memory.damaged || sandbox->error.code)
        return;
    sandbox->broken = true;
    mote__fault_end(sandbox, MOTE_ESYSTEM, MOTE_FAULT_MEMORY, 0,
                    "guest memory: a mapping that failed could not be undone");
}

enum mote__syscall_outcome mote__linux_syscall(mote_sandbox *sandbox, struct mote__cpu_regs *regs)
{
    struct mote__syscall call = {
        .number = regs->rax,
        .args = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9},
        .regs = regs,
        .outcome = MOTE__SYSCALL_RETURN,
    };
    const struct mote__syscall_row *row = mote__linux_row(call.number);
    int64_t result = row && row->serve ? row->serve(sandbox, &call) : mote__linux_refuse(&call);
    regs->rax = (uint64_t)result;
    check_memory(sandbox);
    if (!sandbox->error.code)
        trace(sandbox, &call, name_of(row), result);
    if (call.refused)
        count_refused(sandbox, &call, name_of(row));
    return sandbox->error.code ? MOTE__SYSCALL_FAILED : call.outcome;
}

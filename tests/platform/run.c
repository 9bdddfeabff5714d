/* SPDX-License-Identifier: Apache-2.0 */
/* Entering the guest, and what its exits mean. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static uint64_t ist_word(const struct vm *vm, uint64_t va)
{
    uint64_t word;
    memcpy(&word, vm->monitor + (va - VA_MONITOR), sizeof word);
    return word;
}

static void read_frame(const struct vm *vm, struct outcome *o)
{
    uint64_t rsp = vm_see(vm)->rsp;
    o->has_error = rsp == VA_IST_TOP - 48;
    if (!o->has_error && rsp != VA_IST_TOP - 40)
        give_up("exception %u left RSP at %#llx", o->vector, (unsigned long long)rsp);
    if (o->has_error)
        o->error = ist_word(vm, rsp);
    rsp = VA_IST_TOP - 40;
    o->rip = ist_word(vm, rsp);
    o->cs = ist_word(vm, rsp + 8);
    o->rflags = ist_word(vm, rsp + 16);
    o->rsp = ist_word(vm, rsp + 24);
    o->ss = ist_word(vm, rsp + 32);
}

static void read_native_syscall(const struct vm *vm, struct outcome *o)
{
    const struct kvm_regs *r = vm_see(vm);
    o->event = EV_SYSCALL;
    o->native_syscall = true;
    o->rip = r->rcx;
    o->rflags = r->r11;
    o->rsp = r->rsp;
}

static void read_halt(const struct vm *vm, struct outcome *o)
{
    uint64_t rip = vm_see(vm)->rip, first = VA_MONITOR + MON_STUBS + 1;
    if (rip == VA_LSTAR + 1) {
        read_native_syscall(vm, o);
        return;
    }
    if (rip < first || rip >= first + 32 * MON_STUB_STEP || (rip - first) % MON_STUB_STEP) {
        o->event = EV_OTHER;
        o->rip = rip;
        return;
    }
    o->event = EV_VECTOR;
    o->vector = (unsigned)((rip - first) / MON_STUB_STEP);
    read_frame(vm, o);
    if (o->vector == V_PF && o->rip == VA_LSTAR && o->error == (PF_PRESENT | PF_USER | PF_FETCH))
        o->event = EV_SYSCALL;
}

static enum event kind_of_io(const struct kvm_run *run)
{
    bool ours = run->io.direction == KVM_EXIT_IO_OUT && run->io.port == DOORBELL_PORT &&
                run->io.size == 1 && run->io.count == 1;
    return ours ? EV_DOORBELL : EV_IO;
}

struct outcome vm_run(struct vm *vm)
{
    struct outcome o = vm_run_raw(vm);
    if (o.event == EV_ERROR)
        give_up("KVM_RUN: %s", strerror(o.error_number));
    return o;
}

struct outcome vm_run_raw(struct vm *vm)
{
    struct outcome o = {0};
    if (ioctl(vm->cpu, KVM_RUN, 0) < 0) {
        o.event = errno == EINTR ? EV_INTERRUPTED : EV_ERROR;
        o.error_number = errno;
        o.reason = vm->run->exit_reason;
        return o;
    }
    o.reason = vm->run->exit_reason;
    o.rip = vm_see(vm)->rip;
    switch (o.reason) {
    case KVM_EXIT_HLT:
        read_halt(vm, &o);
        break;
    case KVM_EXIT_IO:
        o.event = kind_of_io(vm->run);
        break;
    case KVM_EXIT_MMIO:
        o.event = EV_MMIO;
        break;
    case KVM_EXIT_SHUTDOWN:
        o.event = EV_SHUTDOWN;
        break;
    default:
        o.event = EV_OTHER;
    }
    return o;
}

void vm_return_by_iretq(struct vm *vm, uint64_t rip, uint64_t rsp, uint64_t rflags)
{
    const uint64_t frame[5] = {rip, USER_CS, rflags, rsp, USER_SS};
    struct kvm_regs *r = vm_regs(vm);
    r->rsp = VA_IST_TOP - sizeof frame;
    r->rip = VA_IRETQ;
    r->rflags = FLAG_FIXED;
    memcpy(vm->monitor + (r->rsp - VA_MONITOR), frame, sizeof frame);
}

const char *event_name(enum event event)
{
    static const char *const names[] = {
        [EV_VECTOR] = "exception",        [EV_SYSCALL] = "syscall", [EV_DOORBELL] = "doorbell",
        [EV_IO] = "port access",          [EV_MMIO] = "mmio",       [EV_SHUTDOWN] = "shutdown",
        [EV_INTERRUPTED] = "interrupted", [EV_ERROR] = "error",     [EV_OTHER] = "other exit",
    };
    return names[event];
}

const char *tell(const struct outcome *o)
{
    static char text[200];
    int n = snprintf(text, sizeof text, "%s (kvm exit %u, rip %#llx", event_name(o->event),
                     o->reason, (unsigned long long)o->rip);
    if (o->event == EV_VECTOR)
        snprintf(text + n, sizeof text - (size_t)n, ", vector %u, error %#llx, cs %#llx)",
                 o->vector, (unsigned long long)o->error, (unsigned long long)o->cs);
    else
        snprintf(text + n, sizeof text - (size_t)n, ")");
    return text;
}

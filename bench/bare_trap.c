/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bare VM that makes system calls: the least that brings one to the host and back. A page
 * with GDT, IDT and two instructions (`hlt` at the entry of system calls and at that of page
 * faults, as which kvm-pvm delivers them; `iretq`), a page for the stack, registers by
 * KVM_CAP_SYNC_REGS, no other system call of the host than KVM_RUN.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bare_internal.h"
#include "bench.h"

#define MONITOR_AT FIRST_AT /* supervisor's */
#define STACK_AT   (FIRST_AT + PAGE)
#define STACK_TOP  (STACK_AT + PAGE)

/* Offsets in the page of the monitor. */
#define GDT        0x000u
#define IDT        0x100u
#define FAULT      0x400u
#define ENTRY      0x600u
#define RETURN     0x610u

#define PAGE_FAULT 14u
#define GETPID     39u
#define HLT        0xf4

/* What `iretq` pops: Intel SDM vol. 3, section 6.14.2. */
struct frame {
    uint64_t rip, cs, rflags, rsp, ss;
};

static void put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static void build_monitor(struct bare_vm *vm)
{
    uint8_t *page = vm->memory + DATA * PAGE;
    uint64_t fault = MONITOR_AT + FAULT;
    put64(page + GDT + KERNEL_CODE, 0x00209b0000000000);
    put64(page + GDT + 0x10, 0x0000930000000000);
    put64(page + GDT + (USER_DATA & ~3u), 0x0000f30000000000);
    put64(page + GDT + (USER_CODE & ~3u), 0x0020fb0000000000);
    put64(page + IDT + (size_t)16 * PAGE_FAULT, (fault & 0xffff) | KERNEL_CODE << 16 | 1ull << 32 |
                                                    0x8eull << 40 | (fault & 0xffff0000) << 32);
    put64(page + IDT + (size_t)16 * PAGE_FAULT + 8, fault >> 32);
    page[FAULT] = page[ENTRY] = HLT;
    memcpy(page + RETURN, bare_iretq, 2);
    put64(vm->memory + TSS * PAGE + 36, STACK_TOP); /* IST 1 */
    bare_put_entry(vm, HIGH_PT, MONITOR_AT, 0, DATA * PAGE, 0);
    bare_put_entry(vm, HIGH_PT, STACK_AT, 0, (DATA + 1) * PAGE, WRITE);
}

static int set_tables(struct bare_vm *vm)
{
    struct kvm_sregs s;
    if (ioctl(vm->vcpu, KVM_GET_SREGS, &s) < 0)
        return bare_failed("KVM_GET_SREGS");
    s.gdt = (struct kvm_dtable){.base = MONITOR_AT + GDT, .limit = 0x2f};
    s.idt = (struct kvm_dtable){.base = MONITOR_AT + IDT, .limit = 16 * (PAGE_FAULT + 1) - 1};
    return ioctl(vm->vcpu, KVM_SET_SREGS, &s) < 0 ? bare_failed("KVM_SET_SREGS") : 0;
}

/* STAR, LSTAR, FMASK: AMD APM vol. 2, section 6.1. */
static int set_entry(struct bare_vm *vm)
{
    struct { /* struct kvm_msrs with its entries */
        uint32_t count, padding;
        struct kvm_msr_entry entries[3];
    } msrs = {.count = 3,
              .entries = {{.index = 0xc0000081, .data = (uint64_t)KERNEL_CODE << 32},
                          {.index = 0xc0000082, .data = MONITOR_AT + ENTRY},
                          {.index = 0xc0000084, .data = 0x257fd5}}};
    return ioctl(vm->vcpu, KVM_SET_MSRS, &msrs) != 3 ? bare_failed("KVM_SET_MSRS") : 0;
}

struct bare_vm *bare_new_caller(struct bare_kvm *kvm)
{
    struct bare_vm *vm = bare_new(kvm, 2);
    if (!vm)
        return NULL;
    build_monitor(vm);
    if (set_tables(vm) || set_entry(vm)) {
        bare_free(vm);
        return NULL;
    }
    vm->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
    vm->run->s.regs.regs = (struct kvm_regs){
        .rip = CODE_AT + (uint64_t)((uintptr_t)bare_guest_calls - (uintptr_t)bare_guest),
        .rflags = 2};
    vm->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
    return vm;
}

/* Answers the call for which the guest stopped: it goes on with the next KVM_RUN. On real
 * hardware RSP is still the guest's; on kvm-pvm it is in the frame of the fault. */
static void answer(struct bare_vm *vm)
{
    struct kvm_regs *regs = &vm->run->s.regs.regs;
    struct frame *frame =
        (struct frame *)(void *)(vm->memory + (DATA + 2) * PAGE - sizeof(struct frame));
    uint64_t rsp = regs->rip == MONITOR_AT + ENTRY + 1 ? regs->rsp : frame->rsp;
    *frame = (struct frame){regs->rcx, USER_CODE, regs->r11, rsp, USER_DATA};
    regs->rax = 1;
    regs->rip = MONITOR_AT + RETURN;
    regs->rsp = STACK_TOP - sizeof *frame;
    regs->rflags = 2;
    vm->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
}

int64_t bare_time_trap(void *context)
{
    struct bare_vm *vm = context;
    const struct kvm_regs *regs = &vm->run->s.regs.regs;
    uint64_t start = now_ns();
    int status = ioctl(vm->vcpu, KVM_RUN, 0);
    bool called =
        status == 0 && vm->run->exit_reason == KVM_EXIT_HLT && (uint32_t)regs->rax == GETPID;
    if (called)
        answer(vm);
    uint64_t end = now_ns();
    if (called)
        return (int64_t)(end - start);
    fprintf(stderr, "\nmote_bench: the bare system call ended with exit %u: %m\n",
            vm->run->exit_reason);
    return -1;
}

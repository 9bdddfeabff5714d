/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM backend: registers of an x86-64 vCPU. */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "hv/kvm/kvm.h"
#include "os/os.h"

/* Control registers: Intel SDM vol. 3, section 2.5. AM stays clear, so that a
 * misaligned access with AC set is no fault. */
#define CR0_PE         0x1ull
#define CR0_MP         0x2ull
#define CR0_ET         0x10ull
#define CR0_NE         0x20ull
#define CR0_WP         0x10000ull
#define CR0_PG         0x80000000ull
#define CR4_PAE        0x20ull
#define CR4_OSFXSR     0x200ull
#define CR4_OSXMMEXCPT 0x400ull
#define CR4_UMIP       0x800ull
#define CR4_FSGSBASE   0x10000ull
#define CR4_OSXSAVE    0x40000ull
#define CR4_SMEP       0x100000ull
#define EFER_SCE       0x1ull
#define EFER_LME       0x100ull
#define EFER_LMA       0x400ull
#define EFER_NXE       0x800ull

/* MSRs: Intel SDM vol. 4, table 2-2; AMD APM vol. 2, appendix A. */
#define MSR_MISC_FEATURES_ENABLES 0x140u
#define MSR_STAR                  0xc0000081u
#define MSR_LSTAR                 0xc0000082u
#define MSR_CSTAR                 0xc0000083u
#define MSR_FMASK                 0xc0000084u

#define FMASK_ALL                 0x257fd5u /* every flag that `syscall` can clear */

static struct kvm_segment user_segment(uint16_t selector, uint8_t type, bool code)
{
    return (struct kvm_segment){.limit = 0xffffffff,
                                .selector = selector,
                                .type = type,
                                .present = 1,
                                .dpl = 3,
                                .db = !code,
                                .s = 1,
                                .l = code,
                                .g = 1};
}

/* KVM refuses bits of CR4 that its own table does not offer. Software KVM offers
 * few, and runs what they stand for all the same. */
static uint64_t offered_cr4(const struct mote__hv *hv)
{
    return (hv->offers_xsave ? CR4_OSXSAVE : 0) | (hv->offers_fsgsbase ? CR4_FSGSBASE : 0) |
           (hv->offers_smep ? CR4_SMEP : 0) | (hv->offers_umip ? CR4_UMIP : 0);
}

static void fill_sregs(struct kvm_sregs *s, const struct mote__hv *hv,
                       const struct mote__cpu_setup *setup)
{
    s->cs = user_segment(MOTE__USER_CODE, 0xb, true);
    s->ss = user_segment(MOTE__USER_DATA, 0x3, false);
    s->ds = s->es = s->fs = s->gs = (struct kvm_segment){.unusable = 1};
    s->tr = (struct kvm_segment){.base = setup->tss,
                                 .limit = setup->tss_limit,
                                 .selector = MOTE__TSS,
                                 .type = hv->tr_type,
                                 .present = 1};
    s->ldt = (struct kvm_segment){.unusable = 1, .type = 2};
    s->gdt = (struct kvm_dtable){.base = setup->gdt, .limit = setup->gdt_limit};
    s->idt = (struct kvm_dtable){.base = setup->idt, .limit = setup->idt_limit};
    s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    s->cr3 = setup->page_tables;
    s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | offered_cr4(hv);
    s->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
}

static int set_sregs(struct mote__vm *vm, const struct mote__cpu_setup *setup, mote_error *error)
{
    struct kvm_sregs sregs = vm->hv->initial;
    fill_sregs(&sregs, vm->hv, setup);
    int status = mote__ioctl(vm->vcpu, KVM_SET_SREGS, &sregs);
    return status < 0 ? mote__fail_system(error, status, "KVM_SET_SREGS") : 0;
}

static int set_cpuid(struct mote__vm *vm, mote_cpu level, mote_error *error)
{
    int status = mote__ioctl(vm->vcpu, KVM_SET_CPUID2, mote__kvm_cpuid(vm->hv, level));
    return status < 0 ? mote__fail_system(error, status, "KVM_SET_CPUID2") : 0;
}

static int set_xcr0(struct mote__vm *vm, mote_cpu level, mote_error *error)
{
    if (!vm->hv->offers_xsave)
        return 0;
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.value = level == MOTE_CPU_V3 ? 7 : 3}};
    int status = mote__ioctl(vm->vcpu, KVM_SET_XCRS, &xcrs);
    return status < 0 ? mote__fail_system(error, status, "KVM_SET_XCRS") : 0;
}

/* SYSENTER_CS stays 0. With MISC_FEATURES_ENABLES bit 0 CPUID is a #GP at CPL3,
 * so that the host answers every leaf itself, exactly; where kvm-pvm runs on a
 * processor without CPUID faulting, guests see that processor (docs/platform.md). */
static int set_msrs(struct mote__vm *vm, const struct mote__cpu_setup *setup, mote_error *error)
{
    struct { /* struct kvm_msrs with its entries */
        uint32_t nmsrs, padding;
        struct kvm_msr_entry entries[5];
    } msrs = {.nmsrs = 5,
              .entries = {{.index = MSR_STAR, .data = (uint64_t)MOTE__KERNEL_CODE << 32},
                          {.index = MSR_LSTAR, .data = setup->syscall_entry},
                          {.index = MSR_CSTAR, .data = setup->syscall_entry},
                          {.index = MSR_FMASK, .data = FMASK_ALL},
                          {.index = MSR_MISC_FEATURES_ENABLES, .data = 1}}};
    int status = mote__ioctl(vm->vcpu, KVM_SET_MSRS, &msrs);
    if (status < 0)
        return mote__fail_system(error, status, "KVM_SET_MSRS");
    if (status != (int)msrs.nmsrs)
        return mote__fail(error, MOTE_DOMAIN_BACKEND, MOTE_EBACKEND, status,
                          "use Linux 5.10 or later", "KVM refused MSR %#x",
                          msrs.entries[status].index);
    return 0;
}

static int set_syscall_entry(struct mote__vm *vm, uint64_t entry, mote_error *error)
{
    struct { /* struct kvm_msrs with its entries */
        uint32_t nmsrs, padding;
        struct kvm_msr_entry entries[2];
    } msrs = {
        .nmsrs = 2,
        .entries = {{.index = MSR_LSTAR, .data = entry}, {.index = MSR_CSTAR, .data = entry}}};
    int status = mote__ioctl(vm->vcpu, KVM_SET_MSRS, &msrs);
    if (status != (int)msrs.nmsrs)
        return mote__fail_system(error, status < 0 ? status : -EINVAL, "KVM_SET_MSRS");
    vm->syscall_entry = entry;
    return 0;
}

/* All of KVM's system registers are given, so that none need have been shown before. */
int mote__vm_switch(struct mote__vm *vm, const struct mote__cpu_setup *setup, mote_error *error)
{
    if (vm->syscall_entry != setup->syscall_entry) {
        int status = set_syscall_entry(vm, setup->syscall_entry, error);
        if (status)
            return status;
    }
    struct kvm_sregs sregs = vm->hv->initial;
    fill_sregs(&sregs, vm->hv, setup);
    vm->run->s.regs.sregs = sregs;
    vm->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
    return 0;
}

/* A `vmcall` stays what it is: KVM must not patch the guest's code. */
static int no_hypercall_patching(struct mote__vm *vm, mote_error *error)
{
#ifdef KVM_X86_QUIRK_FIX_HYPERCALL_INSN
    struct kvm_enable_cap cap = {.cap = KVM_CAP_DISABLE_QUIRKS2,
                                 .args[0] = KVM_X86_QUIRK_FIX_HYPERCALL_INSN};
    int status = mote__ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
    if (status < 0 && status != -EINVAL) /* an older KVM: code is not writable anyway */
        return mote__fail_system(error, status, "KVM_CAP_DISABLE_QUIRKS2");
#else
    (void)vm;
    (void)error;
#endif
    return 0;
}

int mote__kvm_setup_cpu(struct mote__vm *vm, const struct mote__cpu_setup *setup, mote_error *error)
{
    mote_cpu level = (mote_cpu)setup->cpu_level;
    int status = set_cpuid(vm, level, error);
    if (!status)
        status = set_sregs(vm, setup, error);
    if (!status)
        status = set_xcr0(vm, level, error);
    if (!status)
        status = set_msrs(vm, setup, error);
    if (!status)
        status = no_hypercall_patching(vm, error);
    if (status)
        return status;
    vm->syscall_entry = setup->syscall_entry;
    vm->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
    *mote__vm_regs(vm) = setup->entry;
    mote__vm_regs_changed(vm);
    return 0;
}

/* The control words, from the XSAVE area: a component that XSTATE_BV leaves out is in
 * its initial state, whatever its bytes say (Intel SDM vol. 1, section 13.6). */
int mote__vm_get_controls(struct mote__vm *vm, struct mote__cpu_special *special, mote_error *error)
{
    struct kvm_xsave xsave;
    int status = mote__ioctl(vm->vcpu, KVM_GET_XSAVE, &xsave);
    if (status < 0)
        return mote__fail_system(error, status, "KVM_GET_XSAVE");
    uint32_t components = xsave.region[512 / 4];
    special->x87_control = components & 1 ? (uint16_t)xsave.region[0] : 0x37f;
    special->mxcsr = components & 2 ? xsave.region[24 / 4] : 0x1f80;
    return 0;
}

int mote__vm_get_special(struct mote__vm *vm, struct mote__cpu_special *special, mote_error *error)
{
    struct kvm_sregs s;
    int status = 0;
    if (vm->run->kvm_dirty_regs & KVM_SYNC_X86_SREGS) /* KVM has not seen them yet */
        s = vm->run->s.regs.sregs;
    else
        status = mote__ioctl(vm->vcpu, KVM_GET_SREGS, &s);
    if (status < 0)
        return mote__fail_system(error, status, "KVM_GET_SREGS");
    *special = (struct mote__cpu_special){.cr2 = s.cr2,
                                          .fs_base = s.fs.base,
                                          .gs_base = s.gs.base,
                                          .privileged = (s.cs.selector & 3) != 3};
    return 0;
}

int mote__vm_forget_events(struct mote__vm *vm, mote_error *error)
{
    struct kvm_vcpu_events events;
    int status = mote__ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &events);
    if (status < 0)
        return mote__fail_system(error, status, "KVM_GET_VCPU_EVENTS");
    memset(&events.exception, 0, sizeof events.exception);
    memset(&events.interrupt, 0, sizeof events.interrupt);
    events.exception_has_payload = 0;
    events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
    status = mote__ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &events);
    return status < 0 ? mote__fail_system(error, status, "KVM_SET_VCPU_EVENTS") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Synced registers, system registers read back, CPUID faulting. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

GUEST(swap_all, "xchg %rax,%r15\nxchg %rbx,%r14\nxchg %rcx,%r13\nxchg %rdx,%r12\n"
                "xchg %rsi,%r11\nxchg %rdi,%r10\nxchg %rbp,%r9\n" FINISH);
GUEST(change_bases, "mov $0x123456000,%rax\nwrfsbase %rax\nmov $0x654321000,%rax\n"
                    "wrgsbase %rax\n" FINISH);
GUEST(change_selectors, "xor %eax,%eax\nmov %eax,%fs\nmov %eax,%ds\nmov $0x1b,%eax\n"
                        "mov %eax,%es\n" FINISH);
GUEST(touch_hole, "mov $0x700abc,%eax\nmov %rax,(%rax)\n" FINISH);
GUEST(do_cpuid, "xor %eax,%eax\nxor %ecx,%ecx\ncpuid\n" FINISH);
GUEST(do_xgetbv, "xor %ecx,%ecx\nxgetbv\n" FINISH);

static void test_sync(struct vm *vm)
{
    BOOT(vm, swap_all);
    struct kvm_regs *r = vm_regs(vm);
    r->rax = 1, r->rbx = 2, r->rcx = 3, r->rdx = 4, r->rsi = 5, r->rdi = 6, r->rbp = 7;
    r->r15 = 11, r->r14 = 12, r->r13 = 13, r->r12 = 14, r->r11 = 15, r->r10 = 16, r->r9 = 17;
    r->r8 = 18;
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    const struct kvm_regs *s = vm_see(vm);
    EXPECT(s->rax == 11 && s->rbx == 12 && s->rcx == 13 && s->rdx == 14 && s->rsi == 15 &&
               s->rdi == 16 && s->rbp == 17 && s->r8 == 18,
           "low registers");
    EXPECT(s->r15 == 1 && s->r14 == 2 && s->r13 == 3 && s->r12 == 4 && s->r11 == 5 && s->r10 == 6 &&
               s->r9 == 7,
           "high registers");
    EXPECT_EQ(vm->run->kvm_dirty_regs, 0, "kvm_dirty_regs after KVM_RUN");
}

static void test_odd_flags(struct vm *vm)
{
    /* IOPL, NT, RF, VIF, VIP, IF, ID in the flags the host passes on: entry
     * never fails, but what is kept differs, so the host masks them. */
    static const uint64_t odd[] = {0x3000, 0x4000, 0x10000, 0x80000, 0x100000, 0x200, 0x200000};
    uint64_t kept = 0;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        BOOT(vm, swap_all);
        vm_regs(vm)->rflags = FLAG_FIXED | odd[i];
        struct outcome o = vm_run(vm);
        EXPECT(o.event == EV_DOORBELL, "RFLAGS %#llx: %s", (unsigned long long)odd[i], tell(&o));
        kept |= vm_see(vm)->rflags & odd[i];
    }
    note("of IOPL NT RF VIF VIP IF ID, entry keeps %#llx", (unsigned long long)kept);
}

GUEST(other_port, "nop\nout %al,$0x80\n" FINISH);

static void test_iopl(struct vm *vm)
{
    /* Why they are masked: IOPL 3 opens every port on hardware KVM. */
    BOOT(vm, other_port);
    vm_regs(vm)->rflags = FLAG_FIXED | 0x3000;
    struct outcome o = vm_run(vm);
    note("port 0x80 with IOPL 3 from the host: %s", tell(&o));
    BOOT(vm, other_port);
    o = vm_run(vm);
    EXPECT_VECTOR(o, V_GP);
}

static void test_bases(struct vm *vm)
{
    BOOT(vm, change_bases);
    struct outcome o = vm_run(vm);
    bool offered = vm_sregs(vm).cr4 & 1 << 16;
    note("CR4.FSGSBASE is %s, wrfsbase %s", offered ? "set" : "clear",
         o.event == EV_DOORBELL ? "works" : "faults");
    if (!offered && o.event == EV_VECTOR) {
        EXPECT_VECTOR(o, V_UD);
        return;
    }
    EXPECT_EVENT(o, EV_DOORBELL);
    struct kvm_sregs s = vm_sregs(vm);
    EXPECT_EQ(s.fs.base, 0x123456000, "FS base");
    EXPECT_EQ(s.gs.base, 0x654321000, "GS base");
}

static void test_selectors(struct vm *vm)
{
    /* kvm-pvm keeps the host's own selectors in the processor: what the
     * guest loads natively (null) is not in KVM_GET_SREGS, what it loads
     * from our table is only there. So nothing may be read from these. */
    BOOT(vm, change_selectors);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    struct kvm_sregs s = vm_sregs(vm);
    EXPECT_EQ(s.cs.selector, USER_CS, "CS");
    EXPECT_EQ(s.ss.selector, USER_SS, "SS");
    note("after loading null into FS and DS, KVM_GET_SREGS says %#x and %#x", s.fs.selector,
         s.ds.selector);
}

static void test_cr2(struct vm *vm)
{
    BOOT(vm, touch_hole);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_PF);
    EXPECT_EQ(o.error, PF_USER | PF_WRITE, "error code");
    EXPECT_EQ(vm_sregs(vm).cr2, 0x700abc, "CR2");
}

/* The table says "mote" where the processor says its vendor. */
static void set_own_cpuid(struct vm *vm)
{
    const struct kvm_cpuid_entry2 entry = {.function = 0, .ebx = 0x65746f6d};
    union {
        struct kvm_cpuid2 head;
        uint8_t room[sizeof(struct kvm_cpuid2) + sizeof(struct kvm_cpuid_entry2)];
    } table = {.head.nent = 1};
    memcpy(table.room + sizeof table.head, &entry, sizeof entry);
    EXPECT(ioctl(vm->cpu, KVM_SET_CPUID2, &table) == 0, "KVM_SET_CPUID2: %s", strerror(errno));
}

static void test_cpuid_table(struct vm *vm)
{
    set_own_cpuid(vm);
    vm_boot_keeping_system_registers(vm, do_cpuid.code, do_cpuid.size);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    note("CPUID is answered from %s",
         vm_see(vm)->rbx == 0x65746f6d ? "KVM's table" : "the processor, whatever the table says");
}

/*
 * Where the processor can make CPUID fault, the host answers every leaf
 * itself. Some kvm-pvm hosts accept the MSR and go on regardless, so the
 * library finds out by trial; here only: it faults cleanly, or not at all.
 */
static void test_cpuid_faulting(struct vm *vm)
{
    BOOT(vm, do_cpuid);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    vm_set_msr(vm, 0x140, 1);
    BOOT(vm, do_cpuid);
    o = vm_run(vm);
    if (o.event == EV_DOORBELL) {
        note("CPUID faulting is accepted and does nothing");
        return;
    }
    EXPECT_VECTOR(o, V_GP);
    EXPECT_EQ(o.rip, VA_CODE + 4, "frame RIP");
    EXPECT_EQ(o.error, 0, "error code");
    note("CPUID faulting works");
}

static void test_xgetbv(struct vm *vm)
{
    BOOT(vm, do_xgetbv);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    note("xgetbv gives %#llx", (unsigned long long)vm_see(vm)->rax);
}

const struct test register_tests[] = {
    {"registers.sync", test_sync},
    {"registers.odd_flags", test_odd_flags},
    {"registers.iopl", test_iopl},
    {"registers.bases", test_bases},
    {"registers.selectors", test_selectors},
    {"registers.cr2", test_cr2},
    {"registers.cpuid_table", test_cpuid_table},
    {"registers.cpuid_faulting", test_cpuid_faulting},
    {"registers.xgetbv", test_xgetbv},
    {0},
};

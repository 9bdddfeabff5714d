/* SPDX-License-Identifier: Apache-2.0 */
/* `syscall` and its relatives at CPL3. */
#include "check.h"

GUEST(do_syscall, "mov $0x27,%eax\nmov $1,%edi\nmov %rsp,%rbx\nstd\nstc\nsyscall\n" FINISH);
GUEST(jump_lstar, "mov $0x10000000600,%rax\njmp *%rax\n" FINISH);
GUEST(call_lstar, "mov $0x10000000600,%rax\ncall *%rax\n" FINISH);
GUEST(step_syscall, "pushfq\norl $0x100,(%rsp)\npopfq\nsyscall\n" FINISH);
GUEST(do_sysenter, "sysenter\n" FINISH);
GUEST(do_sysret, "mov %rsp,%rcx\nsysretq\n" FINISH);
GUEST(do_sysexit, "sysexitq\n" FINISH);

static uint64_t after_syscall(void)
{
    return VA_CODE + do_syscall.size - 4;
}

static void test_syscall(struct vm *vm)
{
    BOOT(vm, do_syscall);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_SYSCALL);
    note("arrives as %s", o.native_syscall ? "hlt at LSTAR" : "#PF with RIP = LSTAR");
    const struct kvm_regs *r = vm_see(vm);
    EXPECT_EQ(r->rax, 0x27, "RAX");
    EXPECT_EQ(r->rdi, 1, "RDI");
    EXPECT_EQ(r->rcx, after_syscall(), "RCX (return address)");
    EXPECT_EQ(r->r11 & 0x401, 0x401, "DF and CF in R11");
    uint64_t rsp = o.native_syscall ? r->rsp : o.rsp;
    EXPECT_EQ(rsp, r->rbx, "the guest's RSP");
}

static void test_syscall_and_back(struct vm *vm)
{
    BOOT(vm, do_syscall);
    for (int i = 0; i < 50; i++) {
        struct outcome o = vm_run(vm);
        EXPECT_EVENT(o, EV_SYSCALL);
        struct kvm_regs *r = vm_regs(vm);
        uint64_t rip = r->rcx, rsp = o.rsp, flags = r->r11;
        r->rax = (uint64_t)i;
        vm_return_by_iretq(vm, rip, rsp, flags);
        o = vm_run(vm);
        EXPECT_EVENT(o, EV_DOORBELL);
        EXPECT_EQ(vm_see(vm)->rax, i, "RAX after the call");
        EXPECT_EQ(vm_see(vm)->rflags & 0x401, 0x401, "DF and CF");
        vm_regs(vm)->rip = VA_CODE;
    }
}

static void test_jump(struct vm *vm)
{
    BOOT(vm, jump_lstar);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_SYSCALL);
    EXPECT(!o.native_syscall, "a jump reached CPL0");
    EXPECT_EQ(o.cs & 3, 3, "CPL in the frame");
    BOOT(vm, call_lstar);
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_SYSCALL);
    EXPECT(!o.native_syscall, "a call reached CPL0");
}

static void test_step_over_syscall(struct vm *vm)
{
    BOOT(vm, step_syscall);
    struct outcome o = vm_run(vm);
    note("TF before syscall, first exit: %s", tell(&o));
    EXPECT(o.event == EV_SYSCALL || (o.event == EV_VECTOR && o.vector == V_DB), "%s", tell(&o));
    if (o.event == EV_VECTOR)
        note("frame rflags %#llx", (unsigned long long)o.rflags);
}

static void expect_fault(struct vm *vm, const char *what)
{
    struct outcome o = vm_run(vm);
    EXPECT(o.event == EV_VECTOR && (o.vector == V_GP || o.vector == V_UD), "%s: %s", what,
           tell(&o));
    note("%s: vector %u", what, o.vector);
}

static void test_relatives(struct vm *vm)
{
    BOOT(vm, do_sysenter);
    expect_fault(vm, "sysenter");
    BOOT(vm, do_sysret);
    expect_fault(vm, "sysretq");
    BOOT(vm, do_sysexit);
    expect_fault(vm, "sysexitq");
}

const struct test syscall_tests[] = {
    {"syscall.arrives", test_syscall},           {"syscall.and_back", test_syscall_and_back},
    {"syscall.jump_to_lstar", test_jump},        {"syscall.single_step", test_step_over_syscall},
    {"syscall.relatives_fault", test_relatives}, {0},
};

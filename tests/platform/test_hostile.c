/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that untrusted code may try: they fault or are harmless. */
#include "check.h"

#include <string.h>

GUEST(call_vmcall, "mov $11,%eax\nvmcall\n" FINISH);
GUEST(call_vmmcall, "mov $11,%eax\nvmmcall\n" FINISH);
GUEST(read_msr, "mov $0xc0000080,%ecx\nrdmsr\n" FINISH);
GUEST(write_msr, "mov $0xc0000082,%ecx\nxor %eax,%eax\nxor %edx,%edx\nwrmsr\n" FINISH);
GUEST(read_cr0, "mov %cr0,%rax\n" FINISH);
GUEST(write_cr0, "mov $0x80000001,%eax\nmov %rax,%cr0\n" FINISH);
GUEST(write_cr3, "xor %eax,%eax\nmov %rax,%cr3\n" FINISH);
GUEST(write_cr4, "xor %eax,%eax\nmov %rax,%cr4\n" FINISH);
GUEST(write_cr8, "xor %eax,%eax\nmov %rax,%cr8\n" FINISH);
GUEST(write_dr7, "mov $0x3ff,%eax\nmov %rax,%db7\n" FINISH);
GUEST(read_dr7, "mov %db7,%rax\n" FINISH);
GUEST(load_gdt, "sub $16,%rsp\nlgdt (%rsp)\n" FINISH);
GUEST(load_idt, "sub $16,%rsp\nlidt (%rsp)\n" FINISH);
GUEST(load_ldt, "xor %eax,%eax\nlldt %ax\n" FINISH);
GUEST(load_tr, "mov $0x28,%eax\nltr %ax\n" FINISH);
GUEST(store_gdt, "sub $16,%rsp\nsgdt (%rsp)\n" FINISH);
GUEST(store_msw, "smsw %eax\n" FINISH);
GUEST(load_msw, "mov $1,%eax\nlmsw %ax\n" FINISH);
GUEST(clear_ts, "clts\n" FINISH);
GUEST(disable, "cli\n" FINISH);
GUEST(enable, "sti\n" FINISH);
GUEST(halt, "hlt\n" FINISH);
GUEST(flush_one, "invlpg (%rsp)\n" FINISH);
GUEST(flush_pcid, "xor %eax,%eax\ninvpcid (%rsp),%rax\n" FINISH);
GUEST(write_back, "wbinvd\n" FINISH);
GUEST(set_xcr, "xor %ecx,%ecx\nmov $1,%eax\nxor %edx,%edx\nxsetbv\n" FINISH);
GUEST(swap_gs, "swapgs\n" FINISH);
GUEST(read_pmc, "xor %ecx,%ecx\nrdpmc\n" FINISH);
GUEST(supervisor_save,
      "mov $0x500000,%ebx\nxor %eax,%eax\nxor %edx,%edx\nxsaves64 (%rbx)\n" FINISH);
GUEST(old_mode, ".byte 0xd7,0x27,0x2f\n" FINISH);
GUEST(monitor_wait, "mov %rsp,%rax\nxor %ecx,%ecx\nxor %edx,%edx\nmonitor\nmwait\n" FINISH);
GUEST(svm_run, "mov %rsp,%rax\nvmrun\n" FINISH);
GUEST(vmx_on, "vmxon (%rsp)\n" FINISH);
GUEST(smm_return, "rsm\n" FINISH);
GUEST(alias_ac, "clac\n" FINISH);

GUEST(iret_cpl0, "mov %rsp,%rax\npushq $0x10\npush %rax\npushq $2\npushq $8\n"
                 "lea 98f(%rip),%rax\npush %rax\niretq\n98: nop\n" FINISH);
GUEST(iret_same, "mov %rsp,%rax\npushq $0x1b\npush %rax\npushq $0x3202\npushq $0x23\n"
                 "lea 98f(%rip),%rax\npush %rax\niretq\n98: pushfq\npop %rdx\n" FINISH);
GUEST(iret_null, "mov %rsp,%rax\npushq $0\npush %rax\npushq $2\npushq $0\n"
                 "lea 98f(%rip),%rax\npush %rax\niretq\n98: nop\n" FINISH);
GUEST(far_cpl0, "pushq $8\nlea 98f(%rip),%rax\npush %rax\nlretq\n98: nop\n" FINISH);
GUEST(far_tss, "pushq $0x2b\nlea 98f(%rip),%rax\npush %rax\nlretq\n98: nop\n" FINISH);
GUEST(far_null, "pushq $0\nlea 98f(%rip),%rax\npush %rax\nlretq\n98: nop\n" FINISH);
GUEST(far_absent, "pushq $0x103\nlea 98f(%rip),%rax\npush %rax\nlretq\n98: nop\n" FINISH);
GUEST(far_ldt, "pushq $0x27\nlea 98f(%rip),%rax\npush %rax\nlretq\n98: nop\n" FINISH);
/* 0x23 is 64-bit code in our table, but 32-bit code in a Linux host's. 0x40
 * is `inc %eax` there and a prefix here. */
GUEST(far_23, "pushq $0x23\nlea 98f(%rip),%rax\npush %rax\nxor %eax,%eax\nlretq\n"
              "98: .byte 0x40,0x90\n" FINISH);
GUEST(far_33, "pushq $0x33\nlea 98f(%rip),%rax\npush %rax\nxor %eax,%eax\nlretq\n"
              "98: .byte 0x40,0x90\n" FINISH);
GUEST(ss_null, "xor %eax,%eax\nmov %eax,%ss\n" FINISH);
GUEST(ss_kernel, "mov $0x10,%eax\nmov %eax,%ss\n" FINISH);
GUEST(ss_host, "mov $0x2b,%eax\nmov %eax,%ss\n" FINISH);
GUEST(ds_kernel, "mov $0x10,%eax\nmov %eax,%ds\n" FINISH);
GUEST(ds_absent, "mov $0x103,%eax\nmov %eax,%ds\n" FINISH);
GUEST(fs_host, "mov $0x7b,%eax\nmov %eax,%fs\n" FINISH);
GUEST(fs_ldt, "mov $0x1f,%eax\nmov %eax,%fs\n" FINISH);
GUEST(rsp_wild, "mov $0x8000000000000000,%rsp\npush %rax\n" FINISH);
GUEST(rsp_null, "xor %esp,%esp\npush %rax\n" FINISH);
GUEST(rip_wild, "mov $0x8000000000000000,%rax\njmp *%rax\n");
GUEST(rip_hole_edge, "mov $0x7fffffffffff,%rax\njmp *%rax\n");

/* Where the host goes on: must be 64-bit code with a usable stack. */
GUEST(probe, "mov $0x1122334455667788,%rbx\npush %rbx\npop %rcx\nmov %rsp,%rdx\n" FINISH);

enum { PROBE = 0x800 };

static void continue_at_probe(struct vm *vm, const struct outcome *o)
{
    const uint64_t rsp = VA_STACK_TOP - 512;
    if (o->event == EV_DOORBELL) {
        struct kvm_regs *r = vm_regs(vm);
        r->rip = VA_CODE + PROBE;
        r->rsp = rsp;
        r->rflags = FLAG_FIXED;
        return;
    }
    vm_return_by_iretq(vm, VA_CODE + PROBE, rsp, FLAG_FIXED);
}

static struct outcome try_form(struct vm *vm, const struct guest *form)
{
    vm_boot(vm, form->code, form->size);
    vm_place(vm, VA_CODE + PROBE, &probe);
    struct outcome first = vm_run_raw(vm);
    EXPECT(first.event == EV_VECTOR || first.event == EV_DOORBELL, "%s: %s", form->name,
           tell(&first));
    if (first.event == EV_VECTOR)
        EXPECT((first.cs & 3) == 3, "%s reached CPL0: %s", form->name, tell(&first));
    continue_at_probe(vm, &first);
    struct outcome o = vm_run_raw(vm);
    EXPECT(o.event == EV_DOORBELL, "%s, then the probe: %s", form->name, tell(&o));
    EXPECT_EQ(vm_see(vm)->rbx, 0x1122334455667788, form->name);
    EXPECT_EQ(vm_see(vm)->rcx, 0x1122334455667788, form->name);
    EXPECT_EQ(vm_see(vm)->rdx, VA_STACK_TOP - 512, form->name);
    EXPECT_EQ(vm_see(vm)->rflags & 0x3000, 0, form->name);
    return first;
}

static void expect_faults(struct vm *vm, const struct guest *const *forms)
{
    for (; *forms; forms++) {
        struct outcome o = try_form(vm, *forms);
        EXPECT(o.event == EV_VECTOR && (o.vector == V_GP || o.vector == V_UD), "%s: %s",
               (*forms)->name, tell(&o));
    }
}

/* May be let through or fault; what must hold is in try_form. */
static void expect_harmless(struct vm *vm, const struct guest *const *forms)
{
    for (; *forms; forms++) {
        struct outcome o = try_form(vm, *forms);
        if (o.event == EV_VECTOR)
            note("%s: vector %u, error %#llx", (*forms)->name, o.vector,
                 (unsigned long long)o.error);
        else
            note("%s: passes", (*forms)->name);
    }
}

static void test_privileged(struct vm *vm)
{
    static const struct guest *const forms[] = {
        &read_msr,     &write_msr, &read_cr0,  &write_cr0,  &write_cr3,
        &write_cr4,    &write_cr8, &write_dr7, &read_dr7,   &load_gdt,
        &load_idt,     &load_ldt,  &load_tr,   &load_msw,   &clear_ts,
        &disable,      &enable,    &halt,      &flush_one,  &flush_pcid,
        &write_back,   &set_xcr,   &swap_gs,   &read_pmc,   &supervisor_save,
        &monitor_wait, &svm_run,   &vmx_on,    &smm_return, &alias_ac,
        NULL};
    expect_faults(vm, forms);
}

static void test_hypercalls(struct vm *vm)
{
    static const struct guest *const forms[] = {&call_vmcall, &call_vmmcall, NULL};
    expect_harmless(vm, forms);
    EXPECT(!memcmp(vm_at(vm, VA_CODE), call_vmmcall.code, call_vmmcall.size),
           "the hypercall was patched");
}

static void test_stores(struct vm *vm)
{
    static const struct guest *const forms[] = {&store_gdt, &store_msw, &old_mode, NULL};
    expect_harmless(vm, forms);
}

static void test_far(struct vm *vm)
{
    static const struct guest *const denied[] = {&far_cpl0,  &far_tss,   &far_null,   &far_ldt,
                                                 &iret_cpl0, &iret_null, &far_absent, NULL};
    static const struct guest *const open[] = {&far_33, &iret_same, NULL};
    expect_faults(vm, denied);
    expect_harmless(vm, open);
}

static void test_compatibility_mode(struct vm *vm)
{
    BOOT(vm, far_23);
    struct outcome o = vm_run_raw(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    note("far return to 0x23 runs %s code", vm_see(vm)->rax ? "32-bit" : "64-bit");
    try_form(vm, &far_23);
}

static void test_selectors(struct vm *vm)
{
    static const struct guest *const denied[] = {&ss_null,   &ss_kernel, &ds_kernel,
                                                 &ds_absent, &fs_ldt,    NULL};
    static const struct guest *const open[] = {&ss_host, &fs_host, NULL};
    expect_faults(vm, denied);
    expect_harmless(vm, open);
}

static void test_wild_pointers(struct vm *vm)
{
    static const struct guest *const forms[] = {&rsp_wild, &rsp_null, &rip_wild, &rip_hole_edge,
                                                NULL};
    expect_harmless(vm, forms);
}

const struct test hostile_tests[] = {
    {"hostile.privileged", test_privileged},
    {"hostile.hypercalls", test_hypercalls},
    {"hostile.stores", test_stores},
    {"hostile.far_transfers", test_far},
    {"hostile.compatibility_mode", test_compatibility_mode},
    {"hostile.selectors", test_selectors},
    {"hostile.wild_pointers", test_wild_pointers},
    {0},
};

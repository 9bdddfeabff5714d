/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to touch a port that is not a doorbell. */
#include "check.h"

#include <stdio.h>
#include <string.h>

GUEST(at_new_place, "mov $0x99,%ebx\n" FINISH);
GUEST(out_imm16, "mov $0x1234,%eax\nout %ax,$0x4d\nud2\n");
GUEST(out_imm32, "mov $0x1234,%eax\nout %eax,$0x4d\nud2\n");
GUEST(out_dx16, "mov $0x4d,%edx\nout %ax,(%dx)\nud2\n");
GUEST(out_below16, "out %ax,$0x4c\nud2\n");
GUEST(out_below32, "out %eax,$0x4a\nud2\n");
GUEST(in_imm8, "in $0x4d,%al\nud2\n");
GUEST(in_imm16, "in $0x4d,%ax\nud2\n");
GUEST(in_imm32, "in $0x4d,%eax\nud2\n");
GUEST(string_out, "mov $0x4d,%edx\nmov $0x500000,%esi\noutsb\nud2\n");
GUEST(string_out_rep, "mov $0x4d,%edx\nmov $0x500000,%esi\nmov $5,%ecx\nrep outsb\nud2\n");
GUEST(string_out_rep_long, "mov $0x4d,%edx\nmov $0x500000,%esi\nmov $5000,%ecx\nrep outsb\nud2\n");
GUEST(string_out_rep0, "mov $0x4d,%edx\nmov $0x500000,%esi\nxor %ecx,%ecx\nrep outsb\nud2\n");
GUEST(string_out_unmapped, "mov $0x4d,%edx\nxor %esi,%esi\noutsb\nud2\n");
GUEST(string_outw, "mov $0x4d,%edx\nmov $0x500000,%esi\noutsw\nud2\n");
GUEST(string_in, "mov $0x4d,%edx\nmov $0x500000,%edi\ninsb\nud2\n");
GUEST(string_in_rep, "mov $0x4d,%edx\nmov $0x500000,%edi\nmov $5,%ecx\nrep insb\nud2\n");
GUEST(rep_out, "mov $3,%ecx\n.byte 0xf3\nout %al,$0x4d\nud2\n");
GUEST(lock_out, ".byte 0xf0\nout %al,$0x4d\nud2\n");

enum { NEW_PLACE = 0x800 };

static void place(struct vm *vm)
{
    vm_place(vm, VA_CODE + NEW_PLACE, &at_new_place);
}

/*
 * A guest may do any of these, so the host must be able to go on elsewhere
 * from whatever exit they make: after anything that is not a doorbell, the
 * pending operation is completed by one KVM_RUN with immediate_exit.
 */
static void expect_goes_elsewhere(struct vm *vm, const char *what)
{
    vm->run->immediate_exit = 1;
    struct outcome o = vm_run(vm);
    EXPECT(o.event == EV_INTERRUPTED, "%s, completion: %s", what, tell(&o));
    vm->run->immediate_exit = 0;
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE + NEW_PLACE;
    r->rsp = VA_STACK_TOP - 256;
    r->rflags = FLAG_FIXED;
    r->rbx = 0;
    o = vm_run(vm);
    EXPECT(o.event == EV_DOORBELL, "%s, elsewhere: %s", what, tell(&o));
    EXPECT_EQ(vm_see(vm)->rbx, 0x99, what);
}

static void describe_io(const struct vm *vm, const char *what)
{
    const struct kvm_run *run = vm->run;
    note("%s: %s size %u count %u", what, run->io.direction == KVM_EXIT_IO_OUT ? "out" : "in",
         run->io.size, run->io.count);
}

static void try_form(struct vm *vm, const struct guest *form)
{
    vm_boot(vm, form->code, form->size);
    struct outcome o = vm_run(vm);
    if (o.event == EV_VECTOR) {
        EXPECT(o.vector == V_GP || o.vector == V_UD || o.vector == V_PF, "%s: %s", form->name,
               tell(&o));
        note("%s: vector %u", form->name, o.vector);
        return;
    }
    EXPECT(o.event == EV_IO || o.event == EV_DOORBELL, "%s: %s", form->name, tell(&o));
    describe_io(vm, form->name);
    expect_goes_elsewhere(vm, form->name);
}

static void try_forms(struct vm *vm, const struct guest *const *forms)
{
    place(vm);
    for (; *forms; forms++)
        try_form(vm, *forms);
}

static void test_wide(struct vm *vm)
{
    /* The bitmap's neighbouring bits are set, so a wide access is denied. */
    static const struct guest *const forms[] = {&out_imm16, &out_imm32,   &out_dx16,    &in_imm16,
                                                &in_imm32,  &out_below16, &out_below32, NULL};
    for (const struct guest *const *f = forms; *f; f++) {
        vm_boot(vm, (*f)->code, (*f)->size);
        struct outcome o = vm_run(vm);
        EXPECT(o.event == EV_VECTOR && o.vector == V_GP, "%s: %s", (*f)->name, tell(&o));
    }
}

static void test_in(struct vm *vm)
{
    static const struct guest *const forms[] = {&in_imm8, &string_in, &string_in_rep, NULL};
    try_forms(vm, forms);
}

static void test_strings(struct vm *vm)
{
    static const struct guest *const forms[] = {&string_out,          &string_out_rep,
                                                &string_out_rep_long, &string_outw,
                                                &string_out_unmapped, NULL};
    try_forms(vm, forms);
}

static void test_prefixes(struct vm *vm)
{
    static const struct guest *const forms[] = {&rep_out, &lock_out, &string_out_rep0, NULL};
    try_forms(vm, forms);
}

static void test_string_looks_like_doorbell(struct vm *vm)
{
    /* `outsb` makes the same exit as the doorbell: what tells it apart? */
    BOOT(vm, string_out);
    struct outcome o = vm_run(vm);
    if (o.event != EV_DOORBELL) {
        note("outsb: %s", tell(&o));
        return;
    }
    note("outsb exits like a doorbell; RSI %s",
         vm_see(vm)->rsi == 0x500001 ? "advanced" : "not advanced");
    place(vm);
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE + NEW_PLACE;
    r->rbx = 0;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 0x99, "RIP is honoured after outsb, without completion: mark");
}

static void test_rep_string_new_rip(struct vm *vm)
{
    BOOT(vm, string_out_rep);
    struct outcome o = vm_run(vm);
    if (o.event == EV_VECTOR)
        return;
    place(vm);
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE + NEW_PLACE;
    r->rbx = 0;
    vm_run(vm);
    note("rep outsb, new RIP without completion: %s",
         vm_see(vm)->rbx == 0x99 ? "honoured" : "not honoured");
}

static void test_every_port(struct vm *vm)
{
    char allowed[128] = "";
    for (unsigned port = 0; port < 0x10000; port += port < 0x200 ? 1 : 0x1ff) {
        const unsigned char code[] = {
            0x66, 0xba, (unsigned char)port, (unsigned char)(port >> 8), 0xee, 0x0f, 0x0b};
        vm_boot(vm, code, sizeof code);
        struct outcome o = vm_run(vm);
        if (port == DOORBELL_PORT) {
            EXPECT_EVENT(o, EV_DOORBELL);
            continue;
        }
        if (o.event == EV_VECTOR && o.vector == V_GP)
            continue;
        snprintf(allowed, sizeof allowed, "port %#x: %s", port, tell(&o));
        break;
    }
    EXPECT(allowed[0] == 0, "%s", allowed);
}

static void test_in_pending_wins(struct vm *vm)
{
    /* Why the completion is needed: without it the old instruction goes on. */
    BOOT(vm, in_imm8);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_IO);
    place(vm);
    vm_regs(vm)->rip = VA_CODE + NEW_PLACE;
    o = vm_run(vm);
    note("in, new RIP without completion: %s", o.event == EV_DOORBELL ? "honoured" : "lost");
}

const struct test string_io_tests[] = {
    {"io.wide", test_wide},
    {"io.in", test_in},
    {"io.strings", test_strings},
    {"io.prefixes", test_prefixes},
    {"io.outsb_is_like_a_doorbell", test_string_looks_like_doorbell},
    {"io.rep_outsb_new_rip", test_rep_string_new_rip},
    {"io.every_port", test_every_port},
    {"io.in_pending_wins", test_in_pending_wins},
    {0},
};

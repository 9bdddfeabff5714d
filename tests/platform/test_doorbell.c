/* SPDX-License-Identifier: Apache-2.0 */
/* One byte out to the doorbell port: how it exits and how it goes on. */
#include "check.h"

#include <sys/ioctl.h>

GUEST(ring, "mov $0x41,%eax\n" DOORBELL "inc %ecx\nmov $0x42,%eax\n" DOORBELL FINISH);
GUEST(ring_dx, "mov $0x4d,%edx\nmov $0x41,%eax\nout %al,(%dx)\n" FINISH);
GUEST(ring_step, "pushfq\norl $0x100,(%rsp)\nmov $0,%eax\npopfq\n" DOORBELL "nop\nnop\n" FINISH);
GUEST(ring_shadow, "mov %ss,%ecx\nmov %ecx,%ss\n" DOORBELL "nop\n" FINISH);
GUEST(ring_step_shadow, "mov %ss,%ecx\npushfq\norl $0x100,(%rsp)\npopfq\nmov %ecx,%ss\n" DOORBELL
                        "nop\nnop\n" FINISH);
/* Elsewhere in the code page: sets a mark and rings again. */
GUEST(elsewhere, "mov $0x99,%ebx\nmov $0x43,%eax\n" FINISH);

enum { ELSEWHERE = 0x800 };

static void place_elsewhere(struct vm *vm)
{
    vm_place(vm, VA_CODE + ELSEWHERE, &elsewhere);
}

static void test_exits(struct vm *vm)
{
    BOOT(vm, ring);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    const uint8_t *data = (const uint8_t *)vm->run + vm->run->io.data_offset;
    EXPECT_EQ(*data, 0x41, "the byte");
    note("RIP at the exit: %s", vm_see(vm)->rip == VA_CODE + 7 ? "advanced" : "not advanced");
    BOOT(vm, ring_dx);
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
}

static void test_goes_on(struct vm *vm)
{
    BOOT(vm, ring);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rcx, 1, "RCX");
    const uint8_t *data = (const uint8_t *)vm->run + vm->run->io.data_offset;
    EXPECT_EQ(*data, 0x42, "the second byte");
}

static void test_goes_on_with_registers(struct vm *vm)
{
    /* Registers changed, RIP left as it was seen: also after the `out`. */
    BOOT(vm, ring);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    vm_regs(vm)->rcx = 0x100;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rcx, 0x101, "RCX");
}

static void test_new_rip(struct vm *vm)
{
    place_elsewhere(vm);
    BOOT(vm, ring);
    for (int i = 0; i < 50; i++) {
        struct outcome o = vm_run(vm);
        EXPECT_EVENT(o, EV_DOORBELL);
        vm_regs(vm)->rip = VA_CODE + ELSEWHERE;
        vm_regs(vm)->rbx = 0;
        o = vm_run(vm);
        EXPECT_EVENT(o, EV_DOORBELL);
        EXPECT_EQ(vm_see(vm)->rbx, 0x99, "the mark");
        vm_regs(vm)->rip = VA_CODE;
    }
}

static void test_same_out_again(struct vm *vm)
{
    /* A RIP set to the very `out` that exited: skipped on hardware KVM. */
    BOOT(vm, ring);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    vm_regs(vm)->rip = VA_CODE + 5;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    note("RIP set to the same out: %s", vm_see(vm)->rcx ? "skipped" : "executed again");
    EXPECT(vm_see(vm)->rcx <= 1, "RCX");
}

GUEST(ring_first, DOORBELL "inc %ecx\nmov $0x42,%eax\n" FINISH);

static void test_same_address_completed(struct vm *vm)
{
    /* KVM compares addresses, not code: whatever stands at the address of
     * the last `out` would lose its first bytes. Completion cures it. */
    for (int i = 0; i < 3; i++) {
        BOOT(vm, ring_first);
        struct outcome o = vm_run(vm);
        EXPECT_EVENT(o, EV_DOORBELL);
        EXPECT_EQ(vm_see(vm)->rcx, 0, "RCX: the out was skipped");
        vm->run->immediate_exit = 1;
        o = vm_run(vm);
        EXPECT_EVENT(o, EV_INTERRUPTED);
        vm->run->immediate_exit = 0;
    }
}

/* Runs on at `elsewhere` with TF clear; no late #DB may come. */
static void expect_clean_elsewhere(struct vm *vm, const char *what)
{
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE + ELSEWHERE;
    r->rflags = FLAG_FIXED;
    r->rbx = 0;
    struct outcome o = vm_run(vm);
    EXPECT(o.event == EV_DOORBELL, "%s: %s", what, tell(&o));
    EXPECT_EQ(vm_see(vm)->rbx, 0x99, "the mark");
}

/* With TF set, a #DB may come before the `out`; then step onto it. */
static struct outcome ring_with_tf(struct vm *vm, bool *db_first)
{
    struct outcome o = vm_run(vm);
    *db_first = o.event == EV_VECTOR && o.vector == V_DB;
    return o;
}

static void test_step(struct vm *vm)
{
    bool db_first;
    place_elsewhere(vm);
    BOOT(vm, ring_step);
    struct outcome o = ring_with_tf(vm, &db_first);
    EXPECT(!db_first, "#DB before the out: %s", tell(&o));
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT(vm_see(vm)->rflags & FLAG_TF, "TF not seen by the host");
    expect_clean_elsewhere(vm, "after out with TF, RIP and flags changed");
}

static void test_step_without_change(struct vm *vm)
{
    bool db_first;
    BOOT(vm, ring_step);
    struct outcome o = ring_with_tf(vm, &db_first);
    EXPECT_EVENT(o, EV_DOORBELL);
    o = vm_run(vm);
    EXPECT_VECTOR(o, V_DB);
    note("left alone, #DB %d bytes after the out", (int)(o.rip - (VA_CODE + 16)));
}

static void test_step_tf_kept_elsewhere(struct vm *vm)
{
    bool db_first;
    place_elsewhere(vm);
    BOOT(vm, ring_step);
    struct outcome o = ring_with_tf(vm, &db_first);
    EXPECT_EVENT(o, EV_DOORBELL);
    vm_regs(vm)->rip = VA_CODE + ELSEWHERE;
    o = vm_run(vm);
    EXPECT_VECTOR(o, V_DB);
    note("TF kept, new RIP: #DB at +%d of the new place", (int)(o.rip - VA_CODE - ELSEWHERE));
}

static void test_shadow(struct vm *vm)
{
    place_elsewhere(vm);
    BOOT(vm, ring_shadow);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    struct kvm_vcpu_events events;
    EXPECT(ioctl(vm->cpu, KVM_GET_VCPU_EVENTS, &events) == 0, "KVM_GET_VCPU_EVENTS");
    note("interrupt shadow at the exit: %u", events.interrupt.shadow);
    expect_clean_elsewhere(vm, "after mov ss and out");
}

static void test_step_shadow(struct vm *vm)
{
    place_elsewhere(vm);
    BOOT(vm, ring_step_shadow);
    struct outcome o = vm_run(vm);
    if (o.event == EV_VECTOR && o.vector == V_DB) {
        note("TF with mov ss: #DB first, at +%d", (int)(o.rip - VA_CODE));
        vm_return_by_iretq(vm, o.rip, o.rsp, o.rflags);
        o = vm_run(vm);
    }
    if (o.event == EV_VECTOR) {
        note("then %s", tell(&o));
        vm_return_by_iretq(vm, o.rip, o.rsp, o.rflags & ~(uint64_t)FLAG_TF);
        o = vm_run(vm);
    }
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_clean_elsewhere(vm, "after TF, mov ss and out");
}

static void test_no_events_left(struct vm *vm)
{
    bool db_first;
    BOOT(vm, ring_step);
    struct outcome o = ring_with_tf(vm, &db_first);
    EXPECT_EVENT(o, EV_DOORBELL);
    struct kvm_vcpu_events events;
    EXPECT(ioctl(vm->cpu, KVM_GET_VCPU_EVENTS, &events) == 0, "KVM_GET_VCPU_EVENTS");
    note("at an out with TF: injected %u vector %u pending %u", events.exception.injected,
         events.exception.nr, events.exception.pending);
}

const struct test doorbell_tests[] = {
    {"doorbell.exits", test_exits},
    {"doorbell.goes_on", test_goes_on},
    {"doorbell.goes_on_with_registers", test_goes_on_with_registers},
    {"doorbell.new_rip", test_new_rip},
    {"doorbell.same_out_again", test_same_out_again},
    {"doorbell.same_address_completed", test_same_address_completed},
    {"doorbell.single_step", test_step},
    {"doorbell.single_step_left_alone", test_step_without_change},
    {"doorbell.single_step_new_rip", test_step_tf_kept_elsewhere},
    {"doorbell.single_step_events", test_no_events_left},
    {"doorbell.mov_ss", test_shadow},
    {"doorbell.mov_ss_single_step", test_step_shadow},
    {0},
};

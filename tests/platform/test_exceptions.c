/* SPDX-License-Identifier: Apache-2.0 */
/* Every exception that code at CPL3 can really raise, and the way back. */
#include "check.h"

GUEST(raise_de, "xor %edx,%edx\nmov $1,%eax\nxor %ecx,%ecx\nraise_de_at: div %ecx\n" FINISH);
GUEST(raise_bp, "int3\n" FINISH);
GUEST(raise_ud, "ud2\n" FINISH);
GUEST(raise_gp, "mov $0x8000000000000000,%rax\nmov (%rax),%rax\n" FINISH);
GUEST(raise_db, "pushfq\norl $0x100,(%rsp)\npopfq\nnop\nnop\n" FINISH);
GUEST(raise_mf, "fninit\npushq $0x340\nfldcw (%rsp)\nfldz\nfld1\nfdivp\nfwait\n" FINISH);
GUEST(raise_xm, "pushq $0x1f00\nldmxcsr (%rsp)\nxorps %xmm0,%xmm0\nxorps %xmm1,%xmm1\n"
                "divps %xmm0,%xmm1\nmovl $0x3f800000,(%rsp)\nmovss (%rsp),%xmm1\n"
                "pushq $0x1d00\nldmxcsr (%rsp)\ndivss %xmm0,%xmm1\n" FINISH);
GUEST(raise_ss, "mov $0x8000000000000000,%rbp\nmov (%rbp),%rax\n" FINISH);
GUEST(misaligned, "pushfq\norl $0x40000,(%rsp)\npopfq\nmov $0x500001,%eax\nmov (%rax),%rbx\n"
                  "pushfq\npop %rcx\n" FINISH);
GUEST(go_on, "mov $0x1234,%eax\nud2\nmov $0x77,%ecx\n" FINISH);

static void expect_frame(const struct outcome *o, uint64_t rip)
{
    EXPECT_EQ(o->rip, rip, "frame RIP");
    EXPECT_EQ(o->cs & 0xffff, USER_CS, "frame CS");
    EXPECT_EQ(o->ss & 0xffff, USER_SS, "frame SS");
    EXPECT_EQ(o->rsp, VA_STACK_TOP - 256, "frame RSP");
}

static void test_divide(struct vm *vm)
{
    BOOT(vm, raise_de);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_DE);
    EXPECT(!o.has_error, "#DE with an error code");
    expect_frame(&o, VA_CODE + 9);
    EXPECT_EQ(vm_see(vm)->rax, 1, "RAX in the synced registers");
}

static void test_breakpoint(struct vm *vm)
{
    BOOT(vm, raise_bp);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_BP);
    expect_frame(&o, VA_CODE + 1);
}

static void test_undefined(struct vm *vm)
{
    BOOT(vm, raise_ud);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_UD);
    EXPECT(!o.has_error, "#UD with an error code");
    expect_frame(&o, VA_CODE);
}

static void test_protection(struct vm *vm)
{
    BOOT(vm, raise_gp);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_GP);
    EXPECT(o.has_error, "#GP without an error code");
    EXPECT_EQ(o.error, 0, "error code");
    expect_frame(&o, VA_CODE + 10);
}

static void test_stack_segment(struct vm *vm)
{
    BOOT(vm, raise_ss);
    struct outcome o = vm_run(vm);
    EXPECT(o.event == EV_VECTOR && (o.vector == V_SS || o.vector == V_GP),
           "non-canonical stack address: %s", tell(&o));
    note("non-canonical address through RBP: vector %u", o.vector);
    EXPECT(o.has_error, "without an error code");
}

static void test_single_step(struct vm *vm)
{
    BOOT(vm, raise_db);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_DB);
    EXPECT(o.rflags & FLAG_TF, "TF not in the frame: %#llx", (unsigned long long)o.rflags);
    EXPECT(o.rip == VA_CODE + 10, "frame RIP %#llx", (unsigned long long)o.rip);
}

static void test_x87(struct vm *vm)
{
    BOOT(vm, raise_mf);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_MF);
}

static void test_simd(struct vm *vm)
{
    BOOT(vm, raise_xm);
    struct outcome o = vm_run(vm);
    /* QEMU's emulation never raises #XM; a processor does. */
    if (o.event == EV_DOORBELL) {
        note("unmasked SSE exceptions are not raised here");
        return;
    }
    EXPECT_VECTOR(o, V_XM);
}

static void test_alignment_check(struct vm *vm)
{
    /* CR0.AM is clear in every VM of ours, but kvm-pvm runs CPL3 under the
     * host's CR0: #AC must be taken for a fault like any other. */
    BOOT(vm, misaligned);
    struct outcome o = vm_run(vm);
    if (o.event == EV_DOORBELL) {
        EXPECT(vm_see(vm)->rcx & FLAG_AC, "AC did not stay set");
        note("#AC is not raised with CR0.AM clear");
        return;
    }
    EXPECT_VECTOR(o, V_AC);
    EXPECT(o.has_error, "#AC without an error code");
    EXPECT_EQ(o.error, 0, "error code");
    EXPECT(o.rflags & FLAG_AC, "AC not in the frame");
    note("#AC is raised although CR0.AM is clear");
}

static bool plausible_int(const struct outcome *o, unsigned n)
{
    /* kvm-pvm takes 0x1a for its own form of CPUID, and lets it pass. */
    if (n == 0x1a && o->event == EV_DOORBELL)
        return true;
    bool fault = o->vector == V_GP || o->vector == V_UD;
    return o->event == EV_VECTOR && (fault || (n == V_OF && o->vector == V_OF)) &&
           (o->cs & 3) == 3 && (o->rip == VA_CODE || o->rip == VA_CODE + 2);
}

struct ending {
    unsigned vector;
    bool passes, after;
};

static bool same_ending(const struct ending *a, const struct ending *b)
{
    return a->vector == b->vector && a->passes == b->passes && a->after == b->after;
}

static struct ending try_int(struct vm *vm, unsigned n)
{
    const unsigned char code[] = {0xcd, (unsigned char)n, 0xe6, DOORBELL_PORT};
    vm_boot(vm, code, sizeof code);
    struct outcome o = vm_run(vm);
    EXPECT(n == V_BP ? o.vector == V_BP : plausible_int(&o, n), "int %#x: %s", n, tell(&o));
    struct ending ending = {o.vector, o.event == EV_DOORBELL, o.rip != VA_CODE};
    return ending;
}

static void note_ints(unsigned from, unsigned to, const struct ending *e)
{
    if (e->passes)
        note("int %#x..%#x: passes", from, to);
    else
        note("int %#x..%#x: vector %u%s", from, to, e->vector, e->after ? ", RIP after it" : "");
}

static void test_int_n(struct vm *vm)
{
    unsigned from = 0;
    struct ending last = try_int(vm, 0);
    for (unsigned n = 1; n < 256; n++) {
        struct ending now = try_int(vm, n);
        if (same_ending(&now, &last))
            continue;
        note_ints(from, n - 1, &last);
        from = n;
        last = now;
    }
    note_ints(from, 255, &last);
}

static void test_int3_two_bytes(struct vm *vm)
{
    const unsigned char code[] = {0xcd, 3, 0xe6, DOORBELL_PORT};
    vm_boot(vm, code, sizeof code);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_BP);
}

static void test_into_bound(struct vm *vm)
{
    const unsigned char into[] = {0xce}, icebp[] = {0xf1, 0x90, 0xe6, DOORBELL_PORT};
    vm_boot(vm, into, sizeof into);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_UD);
    vm_boot(vm, icebp, sizeof icebp);
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_VECTOR);
    note("int1 (0xf1): vector %u, rip +%d", o.vector, (int)(o.rip - VA_CODE));
    EXPECT(o.vector == V_DB || o.vector == V_UD || o.vector == V_GP, "int1: %s", tell(&o));
}

static void test_iretq_back(struct vm *vm)
{
    BOOT(vm, go_on);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_UD);
    EXPECT_EQ(vm_see(vm)->rax, 0x1234, "RAX");
    vm_return_by_iretq(vm, o.rip + 2, VA_STACK_TOP - 512, FLAG_FIXED | 0x400 | 1);
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rcx, 0x77, "RCX");
    EXPECT_EQ(vm_see(vm)->rax, 0x1234, "RAX after");
    EXPECT_EQ(vm_see(vm)->rsp, VA_STACK_TOP - 512, "RSP");
    EXPECT_EQ(vm_see(vm)->rflags & 0x401, 0x401, "DF and CF");
}

static void test_many_exceptions(struct vm *vm)
{
    /* The second and later ones come after an entry at CPL0 by iretq. */
    BOOT(vm, go_on);
    struct outcome o = vm_run(vm);
    for (int i = 0; i < 100; i++) {
        EXPECT_VECTOR(o, V_UD);
        vm_return_by_iretq(vm, VA_CODE, VA_STACK_TOP - 512, FLAG_FIXED);
        o = vm_run(vm);
    }
}

static void test_iretq_to_bad_rip(struct vm *vm)
{
    /* The host must never write such a frame; if it does, it is no hang. */
    BOOT(vm, go_on);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_UD);
    vm_return_by_iretq(vm, UINT64_C(0x8000000000000000), VA_STACK_TOP - 512, FLAG_FIXED);
    o = vm_run(vm);
    note("iretq to a non-canonical RIP: %s", tell(&o));
}

const struct test exception_tests[] = {
    {"exception.de", test_divide},
    {"exception.db_by_tf", test_single_step},
    {"exception.bp", test_breakpoint},
    {"exception.ud", test_undefined},
    {"exception.gp", test_protection},
    {"exception.ss", test_stack_segment},
    {"exception.mf", test_x87},
    {"exception.xm", test_simd},
    {"exception.ac", test_alignment_check},
    {"exception.int_n", test_int_n},
    {"exception.int_3", test_int3_two_bytes},
    {"exception.into_int1", test_into_bound},
    {"exception.iretq_back", test_iretq_back},
    {"exception.many", test_many_exceptions},
    {"exception.iretq_bad_rip", test_iretq_to_bad_rip},
    {0},
};

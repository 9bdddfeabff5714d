/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scrub stub: code at CPL3 that leaves nothing of a guest in the
 * registers the synced register file does not carry.
 */
#include "check.h"

#include <string.h>

#define SAVE_AREA VA_RODATA           /* standard format, read-only for the guest */
#define BASES     (VA_RODATA + 0x800) /* fs base, gs base, flags, resume address */
#define DUMP      VA_DATA             /* what is left, written with xsave by the next code */
#define RESUME    (VA_CODE + 0xc00)
#define STUB      (VA_CODE + 0x400)

/* Fills everything that the processor and XCR0 offer, then rings. RDI says
 * which: bit 0 AVX, bit 1 AVX-512, bit 2 segment bases. RSI: a selector. */
#define FILL(n)  "vpcmpeqd %ymm" #n ",%ymm" #n ",%ymm" #n "\n"
#define FILLX(n) "pcmpeqd %xmm" #n ",%xmm" #n "\n"
#define FILLZ(n) "vpternlogd $0xff,%zmm" #n ",%zmm" #n ",%zmm" #n "\n"
#define SIXTEEN(f) \
    f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)
#define UPPER(f) \
    f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27) f(28) f(29) f(30) f(31)
#define FILLK(n) "kxnorw %k" #n ",%k" #n ",%k" #n "\n"
#define MASKS(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

GUEST(pollute,
      "mov $0xdeadbeef,%eax\nmovq %rax,%mm0\nmovq %rax,%mm7\n"
      "fldpi\nfldl2e\npushq $0x077f\nfldcw (%rsp)\npushq $0x7f80\nldmxcsr (%rsp)\n" SIXTEEN(
          FILLX) "test $1,%edi\njz 1f\n" SIXTEEN(FILL) "1: test $2,%edi\njz 2f\n" SIXTEEN(FILLZ)
          UPPER(FILLZ) MASKS(
              FILLK) "2: mov %esi,%eax\nmov %eax,%ds\nmov %eax,%es\nmov %eax,%fs\nmov %eax,%gs\n"
                     "test $4,%edi\njz 3f\nmov $0x123456789,%rax\nwrfsbase %rax\nwrgsbase %rax\n"
                     "3: pushfq\norl $0x240cd5,(%rsp)\npopfq\n" FINISH);

/*
 * As the library's gate page has it. Data selectors are set to null: on
 * kvm-pvm the processor holds the host's selectors, so a load from our table
 * is emulated and changes nothing that CPL3 can see, while null is loaded
 * natively everywhere. SS has only one value that CPL3 can load.
 */
GUEST(scrub, "mov $0x420000,%r10d\n"
             "xor %eax,%eax\nmov %eax,%ds\nmov %eax,%es\nmov %eax,%fs\nmov %eax,%gs\n"
             "mov $0x1b,%eax\nmov %eax,%ss\n"
             "test $4,%edi\njz 1f\n"
             "mov 0x800(%r10),%rax\nwrfsbase %rax\nmov 0x808(%r10),%rax\nwrgsbase %rax\n"
             "1: mov $-1,%eax\nmov $-1,%edx\nxrstor64 (%r10)\n"
             "mov 0x820(%r10),%rax\nmov 0x828(%r10),%rdx\nmov 0x830(%r10),%rdi\n"
             "pushq 0x810(%r10)\nmov 0x838(%r10),%r10\npopfq\njmp *0x420818\n");

/* The next guest's code: saves all there is. */
GUEST(dump, "pushfq\npop %rbp\nmov %ds,%ebx\nmov %es,%ecx\nor %ecx,%ebx\nmov %fs,%ecx\nor "
            "%ecx,%ebx\nmov %gs,%ecx\n"
            "or %ecx,%ebx\nmov %ss,%esi\nmov $-1,%eax\nmov $-1,%edx\n"
            "mov $0x500000,%r8d\nxsave64 (%r8)\n" FINISH);
GUEST(dump_bases, "rdfsbase %rax\nrdgsbase %rbx\n" FINISH);

GUEST(try_wrfsbase, "xor %eax,%eax\nwrfsbase %rax\n" FINISH);

/* By trial: kvm-pvm does not offer the instructions, and they work. */
static bool fsgsbase_works(struct vm *vm)
{
    BOOT(vm, try_wrfsbase);
    return vm_run(vm).event == EV_DOORBELL;
}

GUEST(try_host_selector, "mov $0x7b,%eax\nmov %eax,%ds\n" FINISH);

/* One that stays visible to CPL3: on kvm-pvm that is a selector of the
 * host's, elsewhere one of ours. */
static uint64_t lasting_selector(struct vm *vm)
{
    BOOT(vm, try_host_selector);
    return vm_run(vm).event == EV_DOORBELL ? 0x7b : USER_SS;
}

static uint64_t vector_features(struct vm *vm)
{
    uint64_t xcr0 = supported_xcr0(vm), bits = 0;
    if (xcr0 & 4)
        bits |= 1;
    if ((xcr0 & 0xe0) == 0xe0)
        bits |= 2;
    if (fsgsbase_works(vm))
        bits |= 4;
    return bits;
}

static void put(struct vm *vm, uint64_t va, uint64_t value)
{
    memcpy(vm_at(vm, va), &value, sizeof value);
}

/* XSTATE_BV = x87|SSE: every other component goes to its initial state. */
static void write_save_area(struct vm *vm)
{
    memset(vm_at(vm, SAVE_AREA), 0, PAGE);
    const uint16_t fcw = 0x37f;
    const uint32_t mxcsr = 0x1f80;
    memcpy(vm_at(vm, SAVE_AREA), &fcw, sizeof fcw);
    memcpy(vm_at(vm, SAVE_AREA + 24), &mxcsr, sizeof mxcsr);
    put(vm, SAVE_AREA + 512, 3);
    put(vm, BASES, UINT64_C(0x1111000));
    put(vm, BASES + 8, UINT64_C(0x2222000));
    put(vm, BASES + 16, FLAG_FIXED);
    put(vm, BASES + 24, RESUME);
}

static void pollute_then_scrub(struct vm *vm, bool with_scrub)
{
    uint64_t features = vector_features(vm), selector = lasting_selector(vm);
    BOOT(vm, pollute);
    vm_regs(vm)->rdi = features;
    vm_regs(vm)->rsi = selector;
    write_save_area(vm);
    vm_place(vm, STUB, &scrub);
    vm_place(vm, RESUME, &dump);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    struct kvm_regs *r = vm_regs(vm);
    memset(r, 0, sizeof *r);
    r->rip = with_scrub ? STUB : RESUME;
    r->rsp = VA_STACK_TOP - 256;
    r->rflags = FLAG_FIXED;
    r->rdi = features;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
}

static bool all_zero(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            return false;
    return true;
}

static size_t dirty_components(struct vm *vm, uint64_t *xstate_bv)
{
    size_t dirty = 0;
    const uint8_t *area = vm_at(vm, DUMP);
    *xstate_bv = vm_word(vm, DUMP + 512);
    if (!all_zero(area + 32, 128))
        dirty |= 1; /* x87 */
    if (!all_zero(area + 160, 256))
        dirty |= 2; /* xmm */
    for (uint32_t i = 2; i < 10; i++) {
        struct kvm_cpuid_entry2 leaf;
        if (!(*xstate_bv >> i & 1) || !supported_cpuid(vm, 0xd, i, &leaf))
            continue;
        if (leaf.eax && !all_zero(area + leaf.ebx, leaf.eax))
            dirty |= (size_t)1 << i;
    }
    return dirty;
}

static void test_scrub(struct vm *vm)
{
    uint64_t bv;
    pollute_then_scrub(vm, true);
    size_t dirty = dirty_components(vm, &bv);
    EXPECT(dirty == 0, "components %#zx survive, XSTATE_BV %#llx", dirty, (unsigned long long)bv);
    uint16_t fcw, fsw;
    uint32_t mxcsr;
    memcpy(&fcw, vm_at(vm, DUMP), sizeof fcw);
    memcpy(&fsw, vm_at(vm, DUMP + 2), sizeof fsw);
    memcpy(&mxcsr, vm_at(vm, DUMP + 24), sizeof mxcsr);
    EXPECT_EQ(fcw, 0x37f, "FCW");
    EXPECT_EQ(fsw, 0, "FSW");
    EXPECT_EQ(mxcsr, 0x1f80, "MXCSR");
    EXPECT_EQ(vm_see(vm)->rbp & 0x244dd5, 0, "flags");
    EXPECT_EQ(vm_see(vm)->rbx, 0, "DS, ES, FS and GS together");
    note("CPL3 reads SS as %#llx", vm_see(vm)->rsi);
    note("guest saw XCR0 components %#llx", (unsigned long long)supported_xcr0(vm));
}

static void test_without_scrub(struct vm *vm)
{
    uint64_t bv;
    pollute_then_scrub(vm, false);
    size_t dirty = dirty_components(vm, &bv);
    note("without the scrub components %#zx of %#llx survive", dirty,
         (unsigned long long)supported_xcr0(vm));
    EXPECT(vm_see(vm)->rbx != 0, "negative control: selectors did not survive");
    EXPECT((dirty & 3) == 3, "negative control: only %#zx survived", dirty);
    if (vector_features(vm) & 1)
        EXPECT(dirty & 4, "AVX did not survive");
    if (vector_features(vm) & 2)
        EXPECT((dirty & 0xe0) == 0xe0, "AVX-512 did not survive");
}

static void test_bases(struct vm *vm)
{
    uint64_t features = vector_features(vm);
    if (!(features & 4)) {
        note("no FSGSBASE here");
        return;
    }
    pollute_then_scrub(vm, true);
    struct kvm_sregs s = vm_sregs(vm);
    EXPECT_EQ(s.fs.base, 0x1111000, "FS base after the scrub");
    EXPECT_EQ(s.gs.base, 0x2222000, "GS base after the scrub");
    vm_place(vm, VA_CODE, &dump_bases);
    vm_regs(vm)->rip = VA_CODE;
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rax, 0x1111000, "rdfsbase");
    EXPECT_EQ(vm_see(vm)->rbx, 0x2222000, "rdgsbase");
}

static void test_scrub_after_fault(struct vm *vm)
{
    /* From CPL0 the stub is entered by the host's iretq frame. */
    static const unsigned char fault[] = {0x0f, 0x0b};
    uint64_t features = vector_features(vm), bv;
    vm_boot(vm, fault, sizeof fault);
    write_save_area(vm);
    vm_place(vm, STUB, &scrub);
    vm_place(vm, RESUME, &dump);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_UD);
    vm_return_by_iretq(vm, STUB, VA_STACK_TOP - 256, FLAG_FIXED);
    vm_regs(vm)->rdi = features;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(dirty_components(vm, &bv), 0, "components left");
}

const struct test scrub_tests[] = {
    {"scrub.cleans", test_scrub},
    {"scrub.negative_control", test_without_scrub},
    {"scrub.bases", test_bases},
    {"scrub.after_fault", test_scrub_after_fault},
    {0},
};

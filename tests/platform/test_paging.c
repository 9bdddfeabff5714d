/* SPDX-License-Identifier: Apache-2.0 */
/* What page tables allow at CPL3, and the A and D bits of their entries. */
#include "check.h"

#include <string.h>

/* RAX: address. */
GUEST(reader, "mov (%rax),%rbx\n" FINISH);
GUEST(writer, "movq $0x77,(%rax)\n" FINISH);
GUEST(jumper, "jmp *%rax\n");
GUEST(incrementer, "lock incq (%rax)\n" FINISH);
GUEST(string_writer, "mov %rax,%rdi\nmov $0x200,%ecx\nrep stosq\n" FINISH);
/* Not an `out` as its first instruction: on hardware KVM a RIP set to the
 * `out` that exited last is taken for the one to complete. */
GUEST(just_ring, "nop\n" FINISH);

static struct outcome touch(struct vm *vm, const struct guest *guest, uint64_t va)
{
    vm_boot(vm, guest->code, guest->size);
    vm_regs(vm)->rax = va;
    return vm_run(vm);
}
#define TOUCH(vm, name, va) touch(vm, &(name), va)

static void expect_fault(struct vm *vm, const struct outcome *o, uint64_t va, uint64_t error,
                         const char *what)
{
    EXPECT(o->event == EV_VECTOR && o->vector == V_PF, "%s: %s", what, tell(o));
    EXPECT(o->error == error, "%s: error %#llx, wanted %#llx", what, (unsigned long long)o->error,
           (unsigned long long)error);
    EXPECT(vm_sregs(vm).cr2 == va, "%s: CR2 %#llx", what, (unsigned long long)vm_sregs(vm).cr2);
    EXPECT((o->cs & 3) == 3, "%s: CPL in the frame", what);
}

/* Upper half: kvm-pvm's error codes there tell of the host's tables, so only
 * the kind of access is relied upon. */
static void expect_denied_above(struct vm *vm, uint64_t va)
{
    struct outcome o = TOUCH(vm, reader, va);
    const uint64_t kind = PF_USER | PF_WRITE | PF_FETCH;
    if (o.error != PF_USER)
        note("read at %#llx: error %#llx", (unsigned long long)va, (unsigned long long)o.error);
    o.error &= kind;
    expect_fault(vm, &o, va, PF_USER, "read above");
    o = TOUCH(vm, writer, va);
    o.error &= kind;
    expect_fault(vm, &o, va, PF_USER | PF_WRITE, "write above");
    o = TOUCH(vm, jumper, va);
    o.error &= kind;
    expect_fault(vm, &o, va, PF_USER | PF_FETCH, "jump above");
}

static void expect_denied(struct vm *vm, uint64_t va, unsigned present, const char *what)
{
    struct outcome o = TOUCH(vm, reader, va);
    expect_fault(vm, &o, va, present | PF_USER, what);
    o = TOUCH(vm, writer, va);
    expect_fault(vm, &o, va, present | PF_USER | PF_WRITE, what);
    o = TOUCH(vm, jumper, va);
    expect_fault(vm, &o, va, present | PF_USER | PF_FETCH, what);
    EXPECT_EQ(o.rip, va, "RIP of a denied jump");
}

static void test_supervisor(struct vm *vm)
{
    expect_denied(vm, VA_MONITOR, PF_PRESENT, "monitor");
    expect_denied(vm, VA_IRETQ, PF_PRESENT, "iretq stub");
    expect_denied(vm, VA_IST_TOP - 64, PF_PRESENT, "IST stack");
}

static void test_unmapped(struct vm *vm)
{
    expect_denied(vm, 0, 0, "NULL");
    expect_denied(vm, VA_SPARE, 0, "unmapped user address");
    expect_denied(vm, UINT64_C(0x7ffffffff000), 0, "end of the lower half");
    expect_denied_above(vm, UINT64_C(0xffff800000000000));
}

static void test_host_kernel(struct vm *vm)
{
    /* On kvm-pvm the host's kernel lies in the same address space. */
    static const uint64_t at[] = {UINT64_C(0xffffffff81000000), UINT64_C(0xffffffffff600000),
                                  UINT64_C(0xffff888000001000), UINT64_C(0xfffffe0000000000)};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        expect_denied_above(vm, at[i]);
}

static void test_readonly(struct vm *vm)
{
    struct outcome o = TOUCH(vm, reader, VA_RODATA);
    EXPECT_EVENT(o, EV_DOORBELL);
    o = TOUCH(vm, writer, VA_RODATA);
    expect_fault(vm, &o, VA_RODATA, PF_PRESENT | PF_USER | PF_WRITE, "write to rodata");
    o = TOUCH(vm, writer, VA_CODE + PAGE);
    expect_fault(vm, &o, VA_CODE + PAGE, PF_PRESENT | PF_USER | PF_WRITE, "write to code");
}

static void test_nx(struct vm *vm)
{
    struct outcome o = TOUCH(vm, jumper, VA_DATA);
    uint64_t error = PF_PRESENT | PF_USER | PF_FETCH;
    /* Never touched before: a fetch as the very first access. */
    expect_fault(vm, &o, VA_DATA, error, "execute untouched data");
    o = TOUCH(vm, writer, VA_DATA);
    EXPECT_EVENT(o, EV_DOORBELL);
    o = TOUCH(vm, jumper, VA_DATA);
    expect_fault(vm, &o, VA_DATA, error, "execute written data");
    o = TOUCH(vm, jumper, VA_STACK_TOP - 256);
    expect_fault(vm, &o, VA_STACK_TOP - 256, error, "execute stack");
    o = TOUCH(vm, jumper, VA_RODATA);
    expect_fault(vm, &o, VA_RODATA, error, "execute rodata");
}

static void test_big_protection(struct vm *vm)
{
    vm_map_big(vm, VA_BIG, VA_BIG, PTE_U | PTE_NX);
    struct outcome o = TOUCH(vm, reader, VA_BIG + 0x123000);
    EXPECT_EVENT(o, EV_DOORBELL);
    o = TOUCH(vm, writer, VA_BIG + 0x123000);
    expect_fault(vm, &o, VA_BIG + 0x123000, PF_PRESENT | PF_USER | PF_WRITE, "write");
    o = TOUCH(vm, jumper, VA_BIG + 0x1ff000);
    expect_fault(vm, &o, VA_BIG + 0x1ff000, PF_PRESENT | PF_USER | PF_FETCH, "execute");
}

static void expect_bits(struct vm *vm, uint64_t va, uint64_t bits, const char *what)
{
    uint64_t got = *vm_leaf(vm, va) & (PTE_A | PTE_D);
    EXPECT(got == bits, "%s: A/D bits %#llx, wanted %#llx", what, (unsigned long long)got,
           (unsigned long long)bits);
}

/* The life of one leaf, whose memory begins at va. */
static void follow_bits(struct vm *vm, uint64_t va)
{
    struct outcome o = TOUCH(vm, just_ring, va);
    expect_bits(vm, va, 0, "untouched");
    o = TOUCH(vm, reader, va);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, va, PTE_A, "read");
    o = TOUCH(vm, writer, va);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, va, PTE_A | PTE_D, "written");
    o = TOUCH(vm, reader, va);
    expect_bits(vm, va, PTE_A | PTE_D, "bits stay");
}

static void test_bits(struct vm *vm)
{
    follow_bits(vm, VA_DATA);
    expect_bits(vm, VA_DATA + PAGE, 0, "neighbour");
    struct outcome o = TOUCH(vm, writer, VA_DATA + 2 * PAGE);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_DATA + 2 * PAGE, PTE_A | PTE_D, "written first");
    o = TOUCH(vm, incrementer, VA_DATA + 3 * PAGE);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_DATA + 3 * PAGE, PTE_A | PTE_D, "locked increment");
    o = TOUCH(vm, string_writer, VA_DATA + 4 * PAGE + 8);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_DATA + 4 * PAGE, PTE_A | PTE_D, "string");
    expect_bits(vm, VA_DATA + 5 * PAGE, PTE_A | PTE_D, "string's last word");
    expect_bits(vm, VA_DATA + 6 * PAGE, 0, "after the string");
}

static void test_bits_big(struct vm *vm)
{
    vm_map_big(vm, VA_BIG, VA_BIG, PTE_U | PTE_W | PTE_NX);
    follow_bits(vm, VA_BIG);
}

static void test_unaligned_write_spans_two(struct vm *vm)
{
    struct outcome o = TOUCH(vm, writer, VA_DATA + PAGE - 3);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_DATA, PTE_A | PTE_D, "first page");
    expect_bits(vm, VA_DATA + PAGE, PTE_A | PTE_D, "second page");
}

static void test_preset_bits(struct vm *vm)
{
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX | PTE_A | PTE_D);
    struct outcome o = TOUCH(vm, writer, VA_SPARE);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_SPARE, PTE_A | PTE_D, "both preset");
    vm_map(vm, VA_SPARE + PAGE, VA_SPARE + PAGE, PAGE, PTE_U | PTE_W | PTE_NX | PTE_A);
    o = TOUCH(vm, reader, VA_SPARE + PAGE);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_SPARE + PAGE, PTE_A, "A preset, read");
    o = TOUCH(vm, writer, VA_SPARE + PAGE);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_SPARE + PAGE, PTE_A | PTE_D, "A preset, written");
    vm_map_big(vm, VA_BIG, VA_BIG, PTE_U | PTE_W | PTE_NX | PTE_A);
    o = TOUCH(vm, reader, VA_BIG + 0x5000);
    expect_bits(vm, VA_BIG, PTE_A, "2 MiB, A preset, read");
    o = TOUCH(vm, writer, VA_BIG + 0x6000);
    EXPECT_EVENT(o, EV_DOORBELL);
    expect_bits(vm, VA_BIG, PTE_A | PTE_D, "2 MiB, A preset, written");
}

static void test_kernel_writes_count(struct vm *vm)
{
    /* The IST page is written by the processor (or KVM) itself. */
    static const unsigned char fault[] = {0x0f, 0x0b};
    vm_boot(vm, fault, sizeof fault);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_UD);
    expect_bits(vm, VA_MONITOR + PAGE, PTE_A | PTE_D, "IST page");
    EXPECT(!(*vm_leaf(vm, VA_MONITOR) & PTE_D), "the monitor page was written");
}

const struct test paging_tests[] = {
    {"paging.supervisor_denied", test_supervisor},
    {"paging.unmapped_denied", test_unmapped},
    {"paging.host_kernel_denied", test_host_kernel},
    {"paging.readonly", test_readonly},
    {"paging.nx", test_nx},
    {"paging.big_leaf", test_big_protection},
    {"paging.bits", test_bits},
    {"paging.bits_big", test_bits_big},
    {"paging.bits_unaligned", test_unaligned_write_spans_two},
    {"paging.bits_preset", test_preset_bits},
    {"paging.bits_ist", test_kernel_writes_count},
    {0},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reset leaves out tables whose parent's entry has no A bit. So whatever way a page is first
 * written, the processor (or KVM, where it walks the tables for it) must have set A in every entry
 * above the leaf. Leaves have A set from the start, as the library's have.
 */
#include "check.h"

#include <string.h>

#define MIB2   (UINT64_C(1) << 21)
#define GIB    (UINT64_C(1) << 30)
#define GIB512 (UINT64_C(1) << 39)

/* Far from all that the harness maps: tables of its own at every level. */
#define VA_FAR (3 * GIB512)

enum { LEAF = 1, TOP = 4 };

/* RAX: address; each writes there. */
GUEST(store, "movq $0x77,(%rax)\n" FINISH);
GUEST(load, "mov (%rax),%rbx\n" FINISH);
GUEST(load_then_store, "mov (%rax),%rbx\nmovq $0x77,(%rax)\n" FINISH);
GUEST(locked, "lock incq (%rax)\n" FINISH);
GUEST(exchange, "xor %ecx,%ecx\nlock cmpxchg %rcx,(%rax)\n" FINISH);
GUEST(push, "lea 8(%rax),%rsp\npush %rbx\n" FINISH);
GUEST(call_through, "lea 8(%rax),%rsp\ncall 1f\n1:\n" FINISH);
GUEST(string, "mov %rax,%rdi\nmov $0x100,%ecx\nrep stosq\n" FINISH);
GUEST(vector, "pxor %xmm0,%xmm0\nmovdqu %xmm0,(%rax)\n" FINISH);
GUEST(save, "fxsave (%rax)\n" FINISH);
GUEST(ring, "nop\n" FINISH);

static const struct guest *const writers[] = {
    &store, &load_then_store, &locked, &exchange, &push, &call_through, &string, &vector, &save,
};

static void map_far(struct vm *vm, uint64_t va, uint64_t gpa)
{
    vm_map(vm, va, gpa, PAGE, PTE_U | PTE_W | PTE_NX | PTE_A);
}

static void run_at(struct vm *vm, const struct guest *guest, uint64_t va)
{
    vm_boot(vm, guest->code, guest->size);
    vm_regs(vm)->rax = va;
    struct outcome o = vm_run(vm);
    EXPECT(o.event == EV_DOORBELL, "%s: %s", guest->name, tell(&o));
}

static bool accessed(struct vm *vm, uint64_t va, int level)
{
    return (*vm_entry(vm, va, level) & PTE_A) != 0;
}

/* Levels from 2 up to `last` are as wanted; above, other guests have been there. */
static void expect_parents(struct vm *vm, uint64_t va, int last, bool wanted, const char *what)
{
    for (int level = LEAF + 1; level <= last; level++)
        EXPECT(accessed(vm, va, level) == wanted, "%s: A of level %d is %d", what, level, !wanted);
}

static void expect_written(struct vm *vm, uint64_t va, const char *what)
{
    EXPECT(*vm_leaf(vm, va) & PTE_D, "%s: D of the leaf", what);
    expect_parents(vm, va, TOP, true, what);
}

/* Each writer has a part of the address space of its own, at a distance at which all levels up to
 * `level` are new for it. */
static void each_writer(struct vm *vm, uint64_t distance, int level)
{
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        uint64_t va = VA_FAR + (i + 1) * distance;
        map_far(vm, va, VA_DATA + i * PAGE);
        expect_parents(vm, va, level, false, "before");
    }
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        uint64_t va = VA_FAR + (i + 1) * distance;
        expect_parents(vm, va, level, false, "not yet");
        run_at(vm, writers[i], va);
        expect_written(vm, va, writers[i]->name);
    }
}

static void test_each_writer(struct vm *vm)
{
    each_writer(vm, MIB2, 2);
}

static void test_each_writer_far(struct vm *vm)
{
    each_writer(vm, GIB, 3);
}

static void test_each_writer_farther(struct vm *vm)
{
    each_writer(vm, GIB512, 4);
}

/* One that is only read is marked as used, too: a reset would look at it in vain, no more. */
static void test_read_then_written(struct vm *vm)
{
    map_far(vm, VA_FAR, VA_DATA);
    run_at(vm, &load, VA_FAR);
    expect_parents(vm, VA_FAR, TOP, true, "read");
    EXPECT(!(*vm_leaf(vm, VA_FAR) & PTE_D), "D after a read");
    run_at(vm, &store, VA_FAR);
    expect_written(vm, VA_FAR, "read, then written");
}

/* Nobody else's table is marked: else the skipping would be worth nothing. */
static void test_neighbours(struct vm *vm)
{
    map_far(vm, VA_FAR, VA_DATA);
    map_far(vm, VA_FAR + MIB2, VA_DATA + PAGE);
    map_far(vm, VA_FAR + GIB, VA_DATA + 2 * PAGE);
    run_at(vm, &store, VA_FAR);
    expect_parents(vm, VA_FAR + MIB2, 2, false, "2 MiB further");
    expect_parents(vm, VA_FAR + GIB, 3, false, "1 GiB further");
}

/* A write over the border of two tables marks both, at every level. */
static void test_borders(struct vm *vm)
{
    static const uint64_t borders[] = {VA_FAR + MIB2, VA_FAR + GIB, VA_FAR + GIB512};
    for (size_t i = 0; i < 3; i++) {
        map_far(vm, borders[i] - PAGE, VA_DATA + 2 * i * PAGE);
        map_far(vm, borders[i], VA_DATA + (2 * i + 1) * PAGE);
        run_at(vm, i == 1 ? &vector : &store, borders[i] - 3);
        expect_written(vm, borders[i] - PAGE, "below a border");
        expect_written(vm, borders[i], "above a border");
    }
}

/* Mapped while the VM lives, as `mmap` does: beside a table in use, and beside nothing. */
static void test_added_later(struct vm *vm)
{
    map_far(vm, VA_FAR, VA_DATA);
    run_at(vm, &store, VA_FAR);
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t va = VA_FAR + (i == 0 ? MIB2 : GIB512);
        map_far(vm, va, VA_DATA + (1 + i) * PAGE);
        run_at(vm, &ring, va);
        expect_parents(vm, va, i == 0 ? 2 : TOP, false, "only mapped");
        run_at(vm, &store, va);
        expect_written(vm, va, "mapped later");
    }
}

/* Giving pages up clears D and zaps them, and leaves A: the next write is found again. */
static void test_given_up(struct vm *vm)
{
    map_far(vm, VA_FAR, VA_DATA);
    run_at(vm, &store, VA_FAR);
    for (unsigned i = 0; i < 3; i++) {
        *vm_leaf(vm, VA_FAR) &= ~PTE_D;
        vm_zap_dontneed(vm, VA_DATA, PAGE);
        run_at(vm, &ring, VA_FAR);
        EXPECT(!(*vm_leaf(vm, VA_FAR) & PTE_D), "D without a write");
        run_at(vm, writers[i], VA_FAR);
        expect_written(vm, VA_FAR, "written again");
    }
}

const struct test parent_tests[] = {
    {"parents.each_writer", test_each_writer},
    {"parents.each_writer_far", test_each_writer_far},
    {"parents.each_writer_farther", test_each_writer_farther},
    {"parents.read_then_written", test_read_then_written},
    {"parents.neighbours", test_neighbours},
    {"parents.borders", test_borders},
    {"parents.added_later", test_added_later},
    {"parents.given_up", test_given_up},
    {0},
};

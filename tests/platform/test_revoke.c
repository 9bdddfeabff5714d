/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing page tables under a guest that has used them: touch, change,
 * touch again. No ioctl but KVM_RUN comes between, as in the library.
 */
#include "check.h"

#include <string.h>

/* Stays resident: serves requests in RDI (0 read, 1 write, 2 call) at RAX. */
GUEST(server, "1: out %al,$0x4d\ntest %edi,%edi\njz 2f\ncmp $2,%edi\nje 3f\n"
              "mov %rsi,(%rax)\njmp 1b\n2: mov (%rax),%rbx\njmp 1b\n3: call *%rax\njmp 1b\n");

enum request { READ, WRITE, CALL };

static uint64_t loop_address(void)
{
    return VA_CODE;
}

static void start(struct vm *vm)
{
    BOOT(vm, server);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
}

/* After a fault the guest is taken back to its loop by a frame. */
static void recover(struct vm *vm)
{
    vm_return_by_iretq(vm, loop_address(), VA_STACK_TOP - 256, FLAG_FIXED);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
}

static bool request(struct vm *vm, enum request what, uint64_t va, uint64_t value)
{
    struct kvm_regs *r = vm_regs(vm);
    r->rdi = what;
    r->rax = va;
    r->rsi = value;
    struct outcome o = vm_run(vm);
    if (o.event == EV_DOORBELL)
        return true;
    EXPECT_VECTOR(o, V_PF);
    recover(vm);
    return false;
}

static void test_add(struct vm *vm)
{
    start(vm);
    EXPECT(!request(vm, READ, VA_SPARE, 0), "read before it is mapped");
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, READ, VA_SPARE, 0), "read after it is mapped");
    EXPECT(request(vm, WRITE, VA_SPARE, 5), "write after it is mapped");
    /* And without a fault before. */
    vm_map(vm, VA_SPARE + PAGE, VA_SPARE + PAGE, PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_SPARE + PAGE, 5), "a mapping never missed");
    vm_map_big(vm, VA_BIG, VA_BIG, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_BIG + 0x3000, 5), "a 2 MiB mapping");
}

static void test_widen(struct vm *vm)
{
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_NX);
    static const unsigned char ret = 0xc3;
    memcpy(vm_at(vm, VA_SPARE), &ret, 1);
    start(vm);
    EXPECT(request(vm, READ, VA_SPARE, 0), "read");
    EXPECT(!request(vm, WRITE, VA_SPARE, 5), "write while read-only");
    EXPECT(!request(vm, CALL, VA_SPARE, 0), "call while NX");
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_SPARE + 8, 5), "write once writable");
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U);
    vm_zap_toggle(vm, VA_SPARE, PAGE);
    EXPECT(request(vm, CALL, VA_SPARE, 0), "call once executable");
}

typedef void zap_function(struct vm *vm, uint64_t va, size_t size);

static void check_revoked(struct vm *vm, zap_function *zap, const char *how)
{
    vm_map(vm, VA_SPARE, VA_SPARE, 2 * PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_SPARE, 5), "%s: write", how);
    EXPECT(request(vm, WRITE, VA_SPARE + PAGE, 6), "%s: write the neighbour", how);
    *vm_leaf(vm, VA_SPARE) = 0;
    zap(vm, VA_SPARE, PAGE);
    EXPECT(!request(vm, READ, VA_SPARE, 0), "%s: read after revocation", how);
    EXPECT(!request(vm, WRITE, VA_SPARE, 7), "%s: write after revocation", how);
    EXPECT(request(vm, READ, VA_SPARE + PAGE, 0), "%s: the neighbour", how);
    EXPECT_EQ(vm_see(vm)->rbx, 6, "the neighbour's word");
}

static void check_made_readonly(struct vm *vm, zap_function *zap, const char *how)
{
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_SPARE, 5), "%s: write", how);
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_NX | PTE_A);
    zap(vm, VA_SPARE, PAGE);
    EXPECT(request(vm, READ, VA_SPARE, 0), "%s: read after narrowing", how);
    EXPECT(!request(vm, WRITE, VA_SPARE, 7), "%s: write after narrowing", how);
}

static void check_made_nx(struct vm *vm, zap_function *zap, const char *how)
{
    static const unsigned char ret = 0xc3;
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U);
    zap(vm, VA_SPARE, PAGE);
    memcpy(vm_at(vm, VA_SPARE), &ret, 1);
    EXPECT(request(vm, CALL, VA_SPARE, 0), "%s: call", how);
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_NX);
    zap(vm, VA_SPARE, PAGE);
    EXPECT(request(vm, READ, VA_SPARE, 0), "%s: read after NX", how);
    EXPECT(!request(vm, CALL, VA_SPARE, 0), "%s: call after NX", how);
}

static void check_redirected(struct vm *vm, zap_function *zap, const char *how)
{
    const uint64_t other = VA_SPARE + 0x8000;
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_SPARE, 5), "%s: write", how);
    memset(vm_at(vm, other), 0x11, 8);
    vm_map(vm, VA_SPARE, other, PAGE, PTE_U | PTE_W | PTE_NX);
    zap(vm, VA_SPARE, PAGE);
    EXPECT(request(vm, READ, VA_SPARE, 0), "%s: read after redirection", how);
    EXPECT_EQ(vm_see(vm)->rbx, 0x1111111111111111, how);
}

static void check_all(struct vm *vm, zap_function *zap, const char *how)
{
    start(vm);
    check_revoked(vm, zap, how);
    check_made_readonly(vm, zap, how);
    check_made_nx(vm, zap, how);
    check_redirected(vm, zap, how);
}

static void test_dontneed(struct vm *vm)
{
    check_all(vm, vm_zap_dontneed, "MADV_DONTNEED");
}

static void test_toggle(struct vm *vm)
{
    check_all(vm, vm_zap_toggle, "mprotect toggle");
}

static void test_control(struct vm *vm)
{
    start(vm);
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    EXPECT(request(vm, WRITE, VA_SPARE, 5), "write");
    *vm_leaf(vm, VA_SPARE) = 0;
    note("revoked without a zap: %s",
         request(vm, WRITE, VA_SPARE, 7) ? "still writable" : "denied at once");
}

static void expect_dirty(struct vm *vm, uint64_t va, bool dirty, const char *what)
{
    EXPECT(((*vm_leaf(vm, va) & PTE_D) != 0) == dirty, "%s: D is %s", what,
           dirty ? "clear" : "set");
}

static void check_dirty_again(struct vm *vm, uint64_t va, size_t size, zap_function *zap,
                              const char *how)
{
    EXPECT(request(vm, WRITE, va, 5), "%s: write", how);
    expect_dirty(vm, va, true, how);
    for (int round = 0; round < 3; round++) {
        *vm_leaf(vm, va) &= ~PTE_D;
        zap(vm, va, size);
        EXPECT(request(vm, READ, va, 0), "%s: read", how);
        expect_dirty(vm, va, false, how);
        EXPECT(request(vm, WRITE, va, 6), "%s: write again", how);
        expect_dirty(vm, va, true, how);
        EXPECT_EQ(vm_word(vm, va), 6, how);
    }
}

static void test_dirty_again(struct vm *vm)
{
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    vm_map_big(vm, VA_BIG, VA_BIG, PTE_U | PTE_W | PTE_NX);
    start(vm);
    check_dirty_again(vm, VA_SPARE, PAGE, vm_zap_dontneed, "4 KiB, DONTNEED");
    check_dirty_again(vm, VA_SPARE, PAGE, vm_zap_toggle, "4 KiB, toggle");
    check_dirty_again(vm, VA_BIG, (size_t)2 << 20, vm_zap_dontneed, "2 MiB, DONTNEED");
    check_dirty_again(vm, VA_BIG, (size_t)2 << 20, vm_zap_toggle, "2 MiB, toggle");
}

static void test_dirty_control(struct vm *vm)
{
    vm_map(vm, VA_SPARE, VA_SPARE, PAGE, PTE_U | PTE_W | PTE_NX);
    start(vm);
    EXPECT(request(vm, WRITE, VA_SPARE, 5), "write");
    *vm_leaf(vm, VA_SPARE) &= ~PTE_D;
    EXPECT(request(vm, WRITE, VA_SPARE, 6), "write again");
    note("D cleared without a zap, written again: D %s",
         *vm_leaf(vm, VA_SPARE) & PTE_D ? "set" : "stays clear");
}

static void test_split(struct vm *vm)
{
    /* A used 2 MiB leaf gives way to a table of 4 KiB leaves. */
    const uint64_t bits = PTE_U | PTE_W | PTE_NX;
    vm_map_big(vm, VA_BIG, VA_BIG, bits);
    start(vm);
    EXPECT(request(vm, WRITE, VA_BIG + 0x5000, 5), "write");
    *vm_leaf(vm, VA_BIG) = 0;
    vm_map(vm, VA_BIG, VA_BIG, (uint64_t)2 << 20, bits);
    vm_zap_toggle(vm, VA_BIG, (size_t)2 << 20);
    EXPECT(request(vm, READ, VA_BIG + 0x5000, 0), "read after the split");
    EXPECT_EQ(vm_see(vm)->rbx, 5, "the word");
    expect_dirty(vm, VA_BIG + 0x5000, false, "after the split");
    EXPECT(request(vm, WRITE, VA_BIG + 0x6000, 6), "write after the split");
    expect_dirty(vm, VA_BIG + 0x6000, true, "written after the split");
    expect_dirty(vm, VA_BIG + 0x5000, false, "its neighbour");
}

static void test_table_removed(struct vm *vm)
{
    /* A whole table unhooked from its parent. */
    vm_map(vm, VA_BIG, VA_BIG, 8 * PAGE, PTE_U | PTE_W | PTE_NX);
    start(vm);
    EXPECT(request(vm, WRITE, VA_BIG + PAGE, 5), "write");
    uint64_t *root = (uint64_t *)(void *)vm->tables;
    uint64_t *pdpt = (uint64_t *)(void *)(vm->tables + (root[0] & PTE_ADDRESS));
    uint64_t *pd = (uint64_t *)(void *)(vm->tables + (pdpt[0] & PTE_ADDRESS));
    uint64_t kept = pd[VA_BIG >> 21];
    pd[VA_BIG >> 21] = 0;
    vm_zap_toggle(vm, VA_BIG, 8 * PAGE);
    EXPECT(!request(vm, READ, VA_BIG + PAGE, 0), "read without the table");
    pd[VA_BIG >> 21] = kept;
    EXPECT(request(vm, READ, VA_BIG + PAGE, 0), "read with the table back");
    EXPECT_EQ(vm_see(vm)->rbx, 5, "the word");
}

static void test_host_write_seen(struct vm *vm)
{
    /* A reset by memcpy: the guest reads what the host wrote, always. */
    start(vm);
    for (uint64_t i = 0; i < 100; i++) {
        EXPECT(request(vm, WRITE, VA_DATA, 1000 + i), "write");
        EXPECT_EQ(vm_word(vm, VA_DATA), 1000 + i, "seen by the host");
        memcpy(vm_at(vm, VA_DATA), &i, sizeof i);
        EXPECT(request(vm, READ, VA_DATA, 0), "read");
        EXPECT_EQ(vm_see(vm)->rbx, i, "seen by the guest");
    }
}

const struct test revoke_tests[] = {
    {"revoke.added_is_seen", test_add},
    {"revoke.widened_is_seen", test_widen},
    {"revoke.by_dontneed", test_dontneed},
    {"revoke.by_mprotect_toggle", test_toggle},
    {"revoke.negative_control", test_control},
    {"revoke.dirty_again", test_dirty_again},
    {"revoke.dirty_negative_control", test_dirty_control},
    {"revoke.split_big_leaf", test_split},
    {"revoke.table_removed", test_table_removed},
    {"revoke.host_write_seen", test_host_write_seen},
    {0},
};

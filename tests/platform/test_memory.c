/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and what may stand behind them. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Reads and runs code from the file, writes to the anonymous part. */
GUEST(span_user, "mov $0xa00000,%eax\nmov (%rax),%rbx\nmov $0xa01000,%ecx\ncall *%rcx\n"
                 "mov $0xa10000,%ecx\nmov %rbx,(%rcx)\nmov (%rcx),%rdx\n" FINISH);
GUEST(span_called, "mov $0x31,%edi\nret\n");
GUEST(write_file, "mov $0xa00000,%eax\nmovq $1,(%rax)\n" FINISH);
GUEST(null_user, "xor %eax,%eax\nmov (%rax),%rbx\nmovq $0x77,8(%rax)\nmov 8(%rax),%rcx\n" FINISH);
GUEST(null_reader, "xor %eax,%eax\nmov (%rax),%rbx\n" FINISH);
GUEST(mmio_read, "mov $0xb00000,%eax\nmov (%rax),%rbx\nmov $0x1,%ecx\n" FINISH);
GUEST(mmio_write, "mov $0xb00000,%eax\nmov %rax,(%rax)\nmov $0x1,%ecx\n" FINISH);
GUEST(mmio_run, "mov $0xb00000,%eax\njmp *%rax\n");

#define FILE_PART (UINT64_C(16) * PAGE)

static int image_file(void)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    const uint64_t mark = UINT64_C(0x1122334455667788);
    if (fd < 0 || ftruncate(fd, (off_t)FILE_PART) < 0 ||
        pwrite(fd, &mark, sizeof mark, 0) != sizeof mark ||
        pwrite(fd, span_called.code, span_called.size, PAGE) < 0)
        give_up("memfd: %s", strerror(errno));
    return fd;
}

/* One slot at VA_SPARE's GPA + 1 MiB over: file pages read-only, then anonymous. */
static uint8_t *make_span(struct vm *vm, int fd, int sharing)
{
    uint8_t *range =
        mmap(NULL, FILE_PART * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED)
        give_up("mmap: %s", strerror(errno));
    if (mmap(range, FILE_PART, PROT_READ, sharing | MAP_FIXED, fd, 0) == MAP_FAILED)
        give_up("mmap file: %s", strerror(errno));
    const uint64_t gpa = UINT64_C(0x1000000);
    vm_slot(vm, 3, gpa, FILE_PART * 2, range);
    vm_map(vm, VA_SPARE, gpa, PAGE, PTE_U | PTE_NX);
    vm_map(vm, VA_SPARE + PAGE, gpa + PAGE, FILE_PART - PAGE, PTE_U);
    vm_map(vm, VA_SPARE + FILE_PART, gpa + FILE_PART, FILE_PART, PTE_U | PTE_W | PTE_NX);
    return range;
}

static void use_span(struct vm *vm, int sharing)
{
    uint8_t *range = make_span(vm, image_file(), sharing);
    BOOT(vm, span_user);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 0x1122334455667788, "read from the file");
    EXPECT_EQ(vm_see(vm)->rdi, 0x31, "code run from the file");
    EXPECT_EQ(vm_see(vm)->rdx, 0x1122334455667788, "read back from anonymous memory");
    EXPECT(!memcmp(range + FILE_PART, range, 8), "not seen by the host");
}

static void test_span_shared(struct vm *vm)
{
    use_span(vm, MAP_SHARED);
}

static void test_span_private(struct vm *vm)
{
    use_span(vm, MAP_PRIVATE);
}

static void test_span_write_to_file(struct vm *vm)
{
    /* The table says writable, the host's mapping says not: no write may
     * come through. How KVM says so is told by errno or exit. */
    uint8_t *range = make_span(vm, image_file(), MAP_SHARED);
    vm_map(vm, VA_SPARE, UINT64_C(0x1000000), PAGE, PTE_U | PTE_W | PTE_NX);
    BOOT(vm, write_file);
    struct outcome o = vm_run_raw(vm);
    EXPECT(o.event != EV_DOORBELL, "the write went through");
    EXPECT(range[0] == 0x88, "the file changed");
    note("write to a read-only VMA: KVM_RUN errno %d, %s", o.error_number, tell(&o));
}

static void test_null_page(struct vm *vm)
{
    /* WebAssembly's linear memory begins at address 0. */
    vm_map(vm, 0, VA_SPARE, 16 * PAGE, PTE_U | PTE_W | PTE_NX);
    memset(vm_at(vm, VA_SPARE), 0x5a, 8);
    BOOT(vm, null_user);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 0x5a5a5a5a5a5a5a5a, "read at 0");
    EXPECT_EQ(vm_see(vm)->rcx, 0x77, "read back at 8");
    EXPECT_EQ(vm_word(vm, VA_SPARE + 8), 0x77, "seen by the host");
}

static void test_null_fault(struct vm *vm)
{
    BOOT(vm, null_reader);
    struct outcome o = vm_run(vm);
    EXPECT_VECTOR(o, V_PF);
    EXPECT_EQ(o.error, PF_USER, "error code");
    EXPECT_EQ(vm_sregs(vm).cr2, 0, "CR2");
}

/* Maps a hole of guest physical memory, which only a mistake of ours does. */
static struct outcome run_at_hole(struct vm *vm, const struct guest *guest)
{
    vm_map(vm, UINT64_C(0xb00000), UINT64_C(0x40000000), PAGE, PTE_U | PTE_W);
    vm_boot(vm, guest->code, guest->size);
    return vm_run_raw(vm);
}

static void expect_elsewhere_after_mmio(struct vm *vm)
{
    vm->run->immediate_exit = 1;
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_INTERRUPTED);
    vm->run->immediate_exit = 0;
    vm_place(vm, VA_CODE + 0x800, &null_reader);
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE + 0x800;
    r->rcx = 0x1234;
    o = vm_run(vm);
    EXPECT_VECTOR(o, V_PF);
    EXPECT_EQ(o.rip, VA_CODE + 0x802, "RIP after completion");
    EXPECT_EQ(vm_see(vm)->rcx, 0x1234, "RCX after completion");
}

static void test_mmio(struct vm *vm)
{
    struct outcome o = run_at_hole(vm, &mmio_read);
    EXPECT_EVENT(o, EV_MMIO);
    expect_elsewhere_after_mmio(vm);
    o = run_at_hole(vm, &mmio_write);
    EXPECT_EVENT(o, EV_MMIO);
    expect_elsewhere_after_mmio(vm);
}

static void test_run_at_hole(struct vm *vm)
{
    struct outcome o = run_at_hole(vm, &mmio_run);
    EXPECT(o.event != EV_DOORBELL, "code ran from nowhere");
    note("jump to a hole: errno %d, %s", o.error_number, tell(&o));
}

const struct test memory_tests[] = {
    {"memory.slot_spans_vmas", test_span_shared},
    {"memory.slot_spans_private_vmas", test_span_private},
    {"memory.write_to_readonly_vma", test_span_write_to_file},
    {"memory.null_mapped", test_null_page},
    {"memory.null_faults", test_null_fault},
    {"memory.mmio_completes", test_mmio},
    {"memory.run_at_hole", test_run_at_hole},
    {0},
};

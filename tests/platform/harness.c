/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static void ask(int fd, unsigned long request, void *argument, const char *what)
{
    if (ioctl(fd, request, argument) < 0)
        give_up("%s: %s", what, strerror(errno));
}

static void *new_memory(size_t size)
{
    /* Aligned to 2 MiB, so that large leaves have large backing. */
    const size_t big = (size_t)2 << 20;
    uint8_t *p = mmap(NULL, size + big, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        give_up("mmap: %s", strerror(errno));
    return p + (big - (uintptr_t)p % big) % big;
}

void vm_slot(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *host)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .guest_phys_addr = gpa,
        .memory_size = size,
        .userspace_addr = (uintptr_t)host,
    };
    ask(vm->fd, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

static void map_layout(struct vm *vm)
{
    vm->tables_used = PAGE; /* page 0 is the root */
    vm_map(vm, VA_MONITOR, MONITOR_GPA, PAGE, 0);
    vm_map(vm, VA_MONITOR + PAGE, MONITOR_GPA + PAGE, PAGE, PTE_W | PTE_NX);
    vm_map(vm, VA_CODE, VA_CODE, 16 * PAGE, PTE_U);
    vm_map(vm, VA_RODATA, VA_RODATA, 16 * PAGE, PTE_U | PTE_NX);
    vm_map(vm, VA_DATA, VA_DATA, 64 * PAGE, PTE_U | PTE_W | PTE_NX);
    vm_map(vm, VA_STACK_TOP - 16 * PAGE, VA_STACK_TOP - 16 * PAGE, 16 * PAGE,
           PTE_U | PTE_W | PTE_NX);
}

static void set_cpuid(struct vm *vm)
{
    static union {
        struct kvm_cpuid2 head;
        uint8_t room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
    } table;
    table.head.nent = 256;
    ask(vm->kvm, KVM_GET_SUPPORTED_CPUID, &table, "KVM_GET_SUPPORTED_CPUID");
    ask(vm->cpu, KVM_SET_CPUID2, &table, "KVM_SET_CPUID2");
}

bool supported_cpuid(struct vm *vm, uint32_t leaf, uint32_t sub, struct kvm_cpuid_entry2 *out)
{
    static union {
        struct kvm_cpuid2 head;
        uint8_t room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
    } table;
    table.head.nent = 256;
    ask(vm->kvm, KVM_GET_SUPPORTED_CPUID, &table, "KVM_GET_SUPPORTED_CPUID");
    const struct kvm_cpuid_entry2 *entries = (const void *)(table.room + sizeof table.head);
    for (uint32_t i = 0; i < table.head.nent; i++) {
        if (entries[i].function != leaf || entries[i].index != sub)
            continue;
        *out = entries[i];
        return true;
    }
    return false;
}

uint64_t supported_xcr0(struct vm *vm)
{
    struct kvm_cpuid_entry2 leaf;
    if (!supported_cpuid(vm, 0xd, 0, &leaf))
        return 1;
    return leaf.eax | (uint64_t)leaf.edx << 32;
}

static void set_xcr0(struct vm *vm)
{
    struct kvm_xcrs xcrs = {.nr_xcrs = 1};
    /* AMX needs a permission request of its own; nobody here wants it. */
    xcrs.xcrs[0].value = supported_xcr0(vm) & ~(UINT64_C(3) << 17);
    ask(vm->cpu, KVM_SET_XCRS, &xcrs, "KVM_SET_XCRS");
}

static uint64_t wanted_cr4(struct vm *vm)
{
    const uint64_t pae = 1 << 5, osfxsr = 1 << 9, osxmmexcpt = 1 << 10, osxsave = 1 << 18;
    const uint64_t umip = 1 << 11, fsgsbase = 1 << 16, smep = 1 << 20;
    struct kvm_cpuid_entry2 leaf = {0};
    supported_cpuid(vm, 7, 0, &leaf);
    uint64_t cr4 = pae | osfxsr | osxmmexcpt | osxsave;
    if (leaf.ebx & 1 << 0)
        cr4 |= fsgsbase;
    if (leaf.ebx & 1 << 7)
        cr4 |= smep;
    if (leaf.ecx & 1 << 2)
        cr4 |= umip;
    return cr4;
}

static struct kvm_segment segment(unsigned selector, unsigned type, bool code)
{
    struct kvm_segment s = {
        .selector = (uint16_t)selector,
        .limit = 0xffffffff,
        .type = (uint8_t)type,
        .present = 1,
        .dpl = 3,
        .db = !code,
        .s = 1,
        .l = code,
        .g = 1,
    };
    return s;
}

static void set_system_registers(struct vm *vm)
{
    const uint64_t pe = 1, mp = 2, et = 1 << 4, ne = 1 << 5, wp = 1 << 16;
    struct kvm_sregs s = vm_sregs(vm);
    s.cr0 = pe | mp | et | ne | wp | UINT64_C(1) << 31;
    s.cr3 = TABLES_GPA;
    s.cr4 = wanted_cr4(vm);
    s.efer = 1 | 1 << 8 | 1 << 10 | 1 << 11; /* SCE LME LMA NXE */
    s.cs = segment(USER_CS, 11, true);
    s.ss = s.ds = s.es = s.fs = s.gs = segment(USER_SS, 3, false);
    s.gdt.base = VA_MONITOR;
    s.gdt.limit = 0x37;
    s.idt.base = VA_MONITOR + 0x200;
    s.idt.limit = 32 * 16 - 1;
    s.tr = (struct kvm_segment){
        .base = VA_MONITOR + 0x80,
        .limit = 0x68 + 16 - 1,
        .selector = TSS_SEL,
        .type = vm->tr_type,
        .present = 1,
    };
    s.ldt = (struct kvm_segment){.unusable = 1};
    ask(vm->cpu, KVM_SET_SREGS, &s, "KVM_SET_SREGS");
}

void vm_use_tr_type(struct vm *vm, uint8_t type)
{
    vm->tr_type = type;
    set_system_registers(vm);
}

static void put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static void write_gdt(uint8_t *gdt)
{
    /* Accessed and busy bits are set already: the page is read-only. */
    const uint64_t base = VA_MONITOR + 0x80, limit = 0x68 + 16 - 1;
    put64(gdt + 0x08, UINT64_C(0x00af9b000000ffff));
    put64(gdt + 0x10, UINT64_C(0x00cf93000000ffff));
    put64(gdt + 0x18, UINT64_C(0x00cff3000000ffff));
    put64(gdt + 0x20, UINT64_C(0x00affb000000ffff));
    put64(gdt + 0x28,
          limit | (base & 0xffffff) << 16 | UINT64_C(0x8b) << 40 | (base >> 24 & 0xff) << 56);
    put64(gdt + 0x30, base >> 32);
}

static void write_tss(uint8_t *tss)
{
    const uint16_t bitmap = 0x68;
    put64(tss + 0x24, VA_IST_TOP); /* IST1 */
    put64(tss + 0x04, VA_IST_TOP); /* RSP0 */
    memcpy(tss + 0x66, &bitmap, sizeof bitmap);
    memset(tss + bitmap, 0xff, 16);
    tss[bitmap + DOORBELL_PORT / 8] &= (uint8_t) ~(1u << DOORBELL_PORT % 8);
}

static void write_idt(uint8_t *idt)
{
    for (uint64_t v = 0; v < 32; v++) {
        uint64_t stub = VA_MONITOR + MON_STUBS + v * MON_STUB_STEP;
        uint64_t type = v == V_BP ? 0xee : 0x8e; /* only int3 is for CPL3 */
        put64(idt + 16 * v, (stub & 0xffff) | (uint64_t)KERNEL_CS << 16 | UINT64_C(1) << 32 |
                                type << 40 | (stub >> 16 & 0xffff) << 48);
        put64(idt + 16 * v + 8, stub >> 32);
    }
}

static void write_monitor(uint8_t *page)
{
    const uint8_t hlt = 0xf4, iretq[] = {0x48, 0xcf};
    memset(page, 0xcc, PAGE);
    memset(page, 0, MON_STUBS);
    write_gdt(page);
    write_tss(page + 0x80);
    write_idt(page + 0x200);
    for (unsigned v = 0; v < 32; v++)
        page[MON_STUBS + v * MON_STUB_STEP] = hlt;
    page[MON_LSTAR] = hlt;
    memcpy(page + MON_IRETQ, iretq, sizeof iretq);
}

void vm_set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
    const struct kvm_msr_entry entry = {.index = index, .data = value};
    union {
        struct kvm_msrs head;
        uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } msrs = {.head.nmsrs = 1};
    memcpy(msrs.room + sizeof msrs.head, &entry, sizeof entry);
    if (ioctl(vm->cpu, KVM_SET_MSRS, &msrs) != 1)
        give_up("MSR %#x refused", index);
}

static void set_msrs(struct vm *vm)
{
    vm_set_msr(vm, 0xc0000081, (uint64_t)KERNEL_CS << 32); /* STAR */
    vm_set_msr(vm, 0xc0000082, VA_LSTAR);
    vm_set_msr(vm, 0xc0000084, UINT64_C(0x3f7fd5)); /* FMASK */
    vm_set_msr(vm, 0x174, 0);                       /* SYSENTER_CS */
}

static void disable_quirks(struct vm *vm)
{
    struct kvm_enable_cap cap = {.cap = KVM_CAP_DISABLE_QUIRKS2,
                                 .args[0] = KVM_X86_QUIRK_FIX_HYPERCALL_INSN};
    int known = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2);
    if (known > 0 && (known & KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
        ask(vm->fd, KVM_ENABLE_CAP, &cap, "KVM_CAP_DISABLE_QUIRKS2");
}

static void open_vcpu(struct vm *vm)
{
    vm->cpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
    if (vm->cpu < 0)
        give_up("KVM_CREATE_VCPU: %s", strerror(errno));
    vm->run_size = (size_t)ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->cpu, 0);
    if (vm->run == MAP_FAILED)
        give_up("mmap kvm_run: %s", strerror(errno));
    vm->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
}

void vm_open(struct vm *vm)
{
    vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm < 0)
        give_up("/dev/kvm: %s", strerror(errno));
    vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
    if (vm->fd < 0)
        give_up("KVM_CREATE_VM: %s", strerror(errno));
    disable_quirks(vm);
    vm->tables = new_memory(TABLES_SIZE);
    vm->monitor = new_memory(MONITOR_SIZE);
    vm->user = new_memory(USER_SIZE);
    vm_slot(vm, 0, TABLES_GPA, TABLES_SIZE, vm->tables);
    vm_slot(vm, 1, MONITOR_GPA, MONITOR_SIZE, vm->monitor);
    vm_slot(vm, 2, USER_GPA, USER_SIZE, vm->user);
    map_layout(vm);
    write_monitor(vm->monitor);
    open_vcpu(vm);
    set_cpuid(vm);
    set_xcr0(vm);
    set_system_registers(vm);
    set_msrs(vm);
}

void vm_close(struct vm *vm)
{
    munmap(vm->run, vm->run_size);
    close(vm->cpu);
    close(vm->fd);
    close(vm->kvm);
}

struct kvm_regs *vm_regs(struct vm *vm)
{
    vm->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
    return &vm->run->s.regs.regs;
}

const struct kvm_regs *vm_see(const struct vm *vm)
{
    return &vm->run->s.regs.regs;
}

struct kvm_sregs vm_sregs(struct vm *vm)
{
    struct kvm_sregs s;
    memset(&s, 0, sizeof s);
    ask(vm->cpu, KVM_GET_SREGS, &s, "KVM_GET_SREGS");
    return s;
}

void vm_boot_keeping_system_registers(struct vm *vm, const unsigned char *code, size_t size)
{
    memcpy(vm_at(vm, VA_CODE), code, size);
    struct kvm_regs *r = vm_regs(vm);
    memset(r, 0, sizeof *r);
    r->rip = VA_CODE;
    r->rsp = VA_STACK_TOP - 256;
    r->rflags = FLAG_FIXED;
}

void vm_boot(struct vm *vm, const unsigned char *code, size_t size)
{
    /* An exception left the vCPU at CPL0, and RIP alone does not leave it. */
    set_system_registers(vm);
    vm_boot_keeping_system_registers(vm, code, size);
}

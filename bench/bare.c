/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bare_internal.h"
#include "bench.h"

int bare_failed(const char *what)
{
    fprintf(stderr, "\nmote_bench: the bare VM: %s: %m\n", what);
    return -1;
}

struct bare_kvm *bare_open(void)
{
    struct bare_kvm *kvm = calloc(1, sizeof *kvm);
    if (!kvm)
        return NULL;
    kvm->cpuid.count = 128;
    kvm->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < 0 || ioctl(kvm->fd, KVM_GET_SUPPORTED_CPUID, &kvm->cpuid) < 0) {
        bare_failed("/dev/kvm");
        bare_close(kvm);
        return NULL;
    }
    kvm->run_size = (size_t)size;
    return kvm;
}

void bare_close(struct bare_kvm *kvm)
{
    if (kvm && kvm->fd >= 0)
        close(kvm->fd);
    free(kvm);
}

/* ---- memory ---- */

void bare_put_entry(struct bare_vm *vm, size_t table, uint64_t address, int level,
                    uint64_t physical, uint64_t bits)
{
    uint64_t *entries = (uint64_t *)(void *)(vm->memory + table * PAGE);
    entries[(address >> (12 + 9 * level)) % 512] = physical | bits | PRESENT | ACCESS;
}

static void put_tables(struct bare_vm *vm, uint64_t address, size_t pd, size_t pt)
{
    bare_put_entry(vm, PML4, address, 3, PDPT * PAGE, WRITE | USER);
    bare_put_entry(vm, PDPT, address, 2, pd * PAGE, WRITE | USER);
    bare_put_entry(vm, pd, address, 1, pt * PAGE, WRITE | USER);
}

/* TSS: Intel SDM vol. 3, section 7.7; all ports denied but one. */
static void build_tss(uint8_t *tss)
{
    tss[102] = 104;
    memset(tss + 104, 0xff, PORT / 8 + 2);
    tss[104 + PORT / 8] &= (uint8_t) ~(1u << PORT % 8);
}

static int build_memory(struct bare_vm *vm)
{
    vm->size = (DATA + vm->pages) * PAGE;
    void *memory = mmap(NULL, vm->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return bare_failed("mmap");
    vm->memory = memory;
    build_tss(vm->memory + TSS * PAGE);
    memcpy(vm->memory + CODE * PAGE, bare_guest, bare_guest_size);
    put_tables(vm, CODE_AT, LOW_PD, LOW_PT);
    put_tables(vm, TSS_AT, HIGH_PD, HIGH_PT);
    bare_put_entry(vm, HIGH_PT, TSS_AT, 0, TSS * PAGE, 0);
    bare_put_entry(vm, LOW_PT, CODE_AT, 0, CODE * PAGE, USER);
    if (vm->pages)
        bare_put_entry(vm, HIGH_PT, FIRST_AT, 0, DATA * PAGE, WRITE | USER);
    for (size_t i = 1; i < vm->pages; i++)
        bare_put_entry(vm, LOW_PT, DATA_AT + i * PAGE, 0, (DATA + i) * PAGE, WRITE | USER);
    struct kvm_userspace_memory_region region = {.memory_size = vm->size,
                                                 .userspace_addr = (uintptr_t)memory};
    if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return bare_failed("KVM_SET_USER_MEMORY_REGION");
    return 0;
}

/* ---- processor ---- */

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t code)
{
    return (struct kvm_segment){.limit = 0xffffffff,
                                .selector = selector,
                                .type = type,
                                .present = 1,
                                .dpl = 3,
                                .db = !code,
                                .s = 1,
                                .l = code,
                                .g = 1};
}

static int set_sregs(struct bare_vm *vm)
{
    struct kvm_sregs s;
    if (ioctl(vm->vcpu, KVM_GET_SREGS, &s) < 0)
        return bare_failed("KVM_GET_SREGS");
    s.cs = segment(USER_CODE, 0xb, 1);
    s.ss = segment(USER_DATA, 0x3, 0);
    s.ds = s.es = s.fs = s.gs = (struct kvm_segment){.unusable = 1};
    s.tr = (struct kvm_segment){.base = TSS_AT,
                                .limit = 104 + PORT / 8 + 1,
                                .selector = TSS_SELECT,
                                .type = 11,
                                .present = 1};
    s.cr0 = 0x80010033; /* PG WP NE ET MP PE */
    s.cr3 = PML4 * PAGE;
    s.cr4 = 0x620;  /* OSXMMEXCPT OSFXSR PAE */
    s.efer = 0xd01; /* NXE LMA LME SCE */
    return ioctl(vm->vcpu, KVM_SET_SREGS, &s) < 0 ? bare_failed("KVM_SET_SREGS") : 0;
}

static int build_cpu(struct bare_vm *vm)
{
    vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
    if (vm->vcpu < 0)
        return bare_failed("KVM_CREATE_VCPU");
    void *run = mmap(NULL, vm->kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
    if (run == MAP_FAILED)
        return bare_failed("mmap of the vCPU");
    vm->run = run;
    if (ioctl(vm->vcpu, KVM_SET_CPUID2, &vm->kvm->cpuid) < 0)
        return bare_failed("KVM_SET_CPUID2");
    if (set_sregs(vm))
        return -1;
    struct kvm_regs regs = {
        .rip = CODE_AT, .rsi = DATA_AT + PAGE, .rdi = FIRST_AT, .rcx = vm->pages, .rflags = 2};
    return ioctl(vm->vcpu, KVM_SET_REGS, &regs) < 0 ? bare_failed("KVM_SET_REGS") : 0;
}

struct bare_vm *bare_new(struct bare_kvm *kvm, size_t pages)
{
    struct bare_vm *vm = calloc(1, sizeof *vm);
    if (!vm)
        return NULL;
    *vm = (struct bare_vm){.kvm = kvm, .fd = -1, .vcpu = -1, .pages = pages};
    do
        vm->fd = ioctl(kvm->fd, KVM_CREATE_VM, 0);
    while (vm->fd < 0 && errno == EINTR);
    int status = vm->fd < 0 ? bare_failed("KVM_CREATE_VM") : 0;
    if (!status)
        status = build_memory(vm);
    if (!status)
        status = build_cpu(vm);
    if (status) {
        bare_free(vm);
        return NULL;
    }
    return vm;
}

void bare_free(struct bare_vm *vm)
{
    if (!vm)
        return;
    if (vm->run)
        munmap(vm->run, vm->kvm->run_size);
    if (vm->vcpu >= 0)
        close(vm->vcpu);
    if (vm->fd >= 0)
        close(vm->fd);
    if (vm->memory)
        munmap(vm->memory, vm->size);
    free(vm);
}

/* ---- running ---- */

static int check(const struct bare_vm *vm, int status)
{
    const struct kvm_run *run = vm->run;
    if (status == 0 && run->exit_reason == KVM_EXIT_IO && run->io.port == PORT)
        return 0;
    fprintf(stderr, "\nmote_bench: the bare VM ended with exit %u: %m\n", run->exit_reason);
    return -1;
}

int bare_ring(struct bare_vm *vm)
{
    return check(vm, ioctl(vm->vcpu, KVM_RUN, 0));
}

int64_t bare_time_ring(void *context)
{
    struct bare_vm *vm = context;
    uint64_t start = now_ns();
    int status = ioctl(vm->vcpu, KVM_RUN, 0);
    uint64_t end = now_ns();
    return check(vm, status) ? -1 : (int64_t)(end - start);
}

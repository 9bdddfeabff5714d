/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM backend: the device, VMs, memory slots and the run loop's one ioctl. */
#include "hv/kvm/kvm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"
#include "os/os.h"

/* ---- the device ---- */

static int fail_open(const char *device, int error_negative, mote_error *error)
{
    const char *remedy;
    if (mote__system_code(error_negative) != MOTE_ESYSTEM) /* not the device's: a limit */
        return mote__fail_system(error, error_negative, device);
    switch (-error_negative) {
    case ENOENT:
        remedy = "load kvm_intel or kvm_amd (modprobe), turn virtualization on in the firmware, or "
                 "ask the operator of this VM for nested virtualization";
        break;
    case EACCES:
    case EPERM:
        remedy = "join the group that owns the device: usermod -aG kvm $USER, then log in again";
        break;
    case ENODEV:
    case ENXIO:
        remedy = "no module serves the device: modprobe kvm_intel or kvm_amd";
        break;
    default:
        remedy = "see mote doctor";
    }
    return mote__fail(error, MOTE_DOMAIN_BACKEND, MOTE_EBACKEND, -error_negative, remedy,
                      "cannot open %s: %s", device, strerrordesc_np(-error_negative));
}

/* What must be there; Documentation/virt/kvm/api.rst, sections 4 and 7. */
static const struct {
    int capability;
    int at_least;
    const char *name;
} needed[] = {
    {KVM_CAP_USER_MEMORY, 1, "KVM_CAP_USER_MEMORY"},
    {KVM_CAP_NR_MEMSLOTS, 64, "KVM_CAP_NR_MEMSLOTS"},
    {KVM_CAP_SYNC_REGS, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS, "KVM_CAP_SYNC_REGS"},
    {KVM_CAP_IMMEDIATE_EXIT, 1, "KVM_CAP_IMMEDIATE_EXIT"},
    {KVM_CAP_EXT_CPUID, 1, "KVM_CAP_EXT_CPUID"},
    {KVM_CAP_XCRS, 1, "KVM_CAP_XCRS"},
    {KVM_CAP_XSAVE, 1, "KVM_CAP_XSAVE"},
    {KVM_CAP_VCPU_EVENTS, 1, "KVM_CAP_VCPU_EVENTS"},
};

static int check_capabilities(struct mote__hv *hv, const char *device, mote_error *error)
{
    int version = mote__ioctl_value(hv->fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        return mote__fail(error, MOTE_DOMAIN_BACKEND, MOTE_EBACKEND, version,
                          "use a Linux kernel with KVM API 12 (2.6.22 or later)",
                          "%s is not a KVM device, or speaks KVM API %d", device, version);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        int have =
            mote__ioctl_value(hv->fd, KVM_CHECK_EXTENSION, (unsigned long)needed[i].capability);
        if (have < needed[i].at_least)
            return mote__fail(error, MOTE_DOMAIN_BACKEND, MOTE_EBACKEND, have,
                              "use Linux 5.10 or later on an x86-64 host", "this KVM lacks %s",
                              needed[i].name);
    }
    return 0;
}

static int read_run_size(struct mote__hv *hv, mote_error *error)
{
    int size = mote__ioctl_value(hv->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run))
        return mote__fail_system(error, size < 0 ? size : -EINVAL, "KVM_GET_VCPU_MMAP_SIZE");
    hv->run_size = (size_t)size;
    int slots = mote__ioctl_value(hv->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
    hv->slots = slots > 0 ? (unsigned)slots : 0;
    return 0;
}

static int create_vm_fd(struct mote__hv *hv, mote_error *error)
{
    int fd;
    do
        fd = mote__ioctl_value(hv->fd, KVM_CREATE_VM, 0);
    while (fd == -EINTR);
    if (fd < 0)
        return mote__fail_system(error, fd, "KVM_CREATE_VM");
    return fd;
}

/* The VM that is kept spares the others a patching of the kernel's text
 * (docs/performance.md). */
static int keep_vm(struct mote__hv *hv, mote_error *error)
{
    hv->keep_vm = create_vm_fd(hv, error);
    if (hv->keep_vm < 0)
        return hv->keep_vm;
    int vcpu = mote__ioctl_value(hv->keep_vm, KVM_CREATE_VCPU, 0);
    if (vcpu < 0)
        return mote__fail_system(error, vcpu, "KVM_CREATE_VCPU");
    int status = mote__ioctl(vcpu, KVM_GET_SREGS, &hv->initial);
    if (status < 0) {
        mote__close(vcpu);
        return mote__fail_system(error, status, "KVM_GET_SREGS");
    }
    /* The VM lives as long as its vCPU, and needs no more than that. */
    mote__close(hv->keep_vm);
    hv->keep_vm = vcpu;
    return 0;
}

int mote__hv_open(struct mote__hv **out, const mote_allocator *allocator, const char *device,
                  mote_error *error)
{
    struct mote__hv *hv = mote__alloc(allocator, sizeof *hv);
    if (!hv)
        return mote__fail_memory(error, "the hypervisor");
    hv->allocator = allocator;
    hv->keep_vm = -1;
    device = device ? device : "/dev/kvm";
    hv->fd = mote__open_device(device);
    int status = hv->fd < 0 ? fail_open(device, hv->fd, error) : 0;
    if (!status)
        status = check_capabilities(hv, device, error);
    if (!status)
        status = read_run_size(hv, error);
    if (!status)
        status = mote__kvm_read_cpuid(hv, error);
    if (!status)
        status = keep_vm(hv, error);
    if (!status)
        status = mote__kvm_self_test(hv, error);
    if (status) {
        mote__hv_close(hv);
        return status;
    }
    *out = hv;
    return 0;
}

void mote__hv_close(struct mote__hv *hv)
{
    if (!hv)
        return;
    if (hv->keep_vm >= 0)
        mote__close(hv->keep_vm);
    if (hv->fd >= 0)
        mote__close(hv->fd);
    mote__free(hv);
}

/* ---- VMs ---- */

static int map_run(struct mote__vm *vm, mote_error *error)
{
    void *run;
    int status = mote__map_shared_fd(&run, vm->hv->run_size, vm->vcpu);
    if (status < 0)
        return mote__fail_system(error, status, "mapping the vCPU");
    vm->run = run;
    /* A child's stores to it would reach the parent's VM. */
    status = mote__not_in_child(run, vm->hv->run_size);
    return status < 0 ? mote__fail_system(error, status, "madvise(MADV_DONTFORK)") : 0;
}

static int create_vcpu(struct mote__vm *vm, mote_error *error)
{
    vm->vcpu = mote__ioctl_value(vm->fd, KVM_CREATE_VCPU, 0);
    if (vm->vcpu < 0)
        return mote__fail_system(error, vm->vcpu, "KVM_CREATE_VCPU");
    return map_run(vm, error);
}

int mote__vm_create(struct mote__vm **out, struct mote__hv *hv, const struct mote__cpu_setup *setup,
                    mote_error *error)
{
    struct mote__vm *vm = mote__alloc(hv->allocator, sizeof *vm);
    if (!vm)
        return mote__fail_memory(error, "a VM");
    vm->hv = hv;
    vm->vcpu = -1;
    vm->fd = create_vm_fd(hv, error);
    int status = vm->fd < 0 ? vm->fd : create_vcpu(vm, error);
    if (!status)
        status = mote__kvm_setup_cpu(vm, setup, error);
    if (status) {
        mote__vm_destroy(vm);
        return status;
    }
    *out = vm;
    return 0;
}

void mote__vm_abandon(struct mote__vm *vm)
{
    vm->run = NULL;
}

void mote__vm_destroy(struct mote__vm *vm)
{
    if (!vm)
        return;
    if (vm->run)
        mote__unmap(vm->run, vm->hv->run_size);
    if (vm->vcpu >= 0)
        mote__close(vm->vcpu);
    if (vm->fd >= 0)
        mote__close(vm->fd);
    mote__free(vm);
}

int mote__vm_map(struct mote__vm *vm, unsigned slot, uint64_t physical, void *host, size_t size,
                 mote_error *error)
{
    struct kvm_userspace_memory_region region = {.slot = slot,
                                                 .guest_phys_addr = physical,
                                                 .memory_size = size,
                                                 .userspace_addr = (uintptr_t)host};
    int status = mote__ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
    return status < 0 ? mote__fail_system(error, status, "KVM_SET_USER_MEMORY_REGION") : 0;
}

/* ---- running ---- */

/* Completes the operation that the exit left pending: else it would win over
 * registers that are set afterwards. */
static void complete_pending(struct mote__vm *vm)
{
#if defined(MOTE_CONTROL_NO_PENDING)
    return;
#endif
    vm->run->immediate_exit = 1;
    mote__ioctl_value(vm->vcpu, KVM_RUN, 0);
    vm->run->immediate_exit = 0;
}

static bool is_doorbell(const struct kvm_run *run)
{
    return run->io.direction == KVM_EXIT_IO_OUT && run->io.port == MOTE__DOORBELL_PORT &&
           run->io.size == 1 && run->io.count == 1;
}

static void port_exit(struct mote__vm *vm, struct mote__exit *exit)
{
    const struct kvm_run *run = vm->run;
    if (is_doorbell(run)) {
        exit->kind = MOTE__EXIT_DOORBELL;
        return;
    }
    exit->kind = MOTE__EXIT_BAD_ACCESS;
    snprintf(exit->text, sizeof exit->text, "%s port %#x, %u bytes, %u times",
             run->io.direction == KVM_EXIT_IO_OUT ? "out to" : "in from", run->io.port,
             run->io.size, run->io.count);
    complete_pending(vm);
}

static void memory_exit(struct mote__vm *vm, struct mote__exit *exit)
{
    exit->kind = MOTE__EXIT_BAD_ACCESS;
    snprintf(exit->text, sizeof exit->text, "%s physical address %#llx",
             vm->run->mmio.is_write ? "write to" : "read of",
             (unsigned long long)vm->run->mmio.phys_addr);
    complete_pending(vm);
}

static void strange_exit(struct mote__exit *exit, const char *what, long long number)
{
    exit->kind = MOTE__EXIT_STRANGE;
    snprintf(exit->text, sizeof exit->text, "%s %lld", what, number);
}

static void failed_run(struct mote__exit *exit, int status)
{
    if (status == -EINTR) {
        exit->kind = MOTE__EXIT_INTERRUPTED;
        return;
    }
    exit->kind = status == -EAGAIN ? MOTE__EXIT_NO_THREAD : MOTE__EXIT_STRANGE;
    snprintf(exit->text, sizeof exit->text, "KVM_RUN: %s", strerrordesc_np(-status));
}

void mote__vm_run(struct mote__vm *vm, struct mote__exit *exit)
{
    int status = mote__ioctl_value(vm->vcpu, KVM_RUN, 0);
    const struct kvm_run *run = vm->run;
    exit->text[0] = '\0';
    if (status < 0) {
        failed_run(exit, status);
        return;
    }
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        port_exit(vm, exit);
        break;
    case KVM_EXIT_HLT:
        exit->kind = MOTE__EXIT_HALT;
        break;
    case KVM_EXIT_MMIO:
        memory_exit(vm, exit);
        break;
    case KVM_EXIT_INTR:
        exit->kind = MOTE__EXIT_INTERRUPTED;
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        strange_exit(exit, "KVM internal error, suberror", run->internal.suberror);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        strange_exit(exit, "KVM entry failed, reason",
                     (long long)run->fail_entry.hardware_entry_failure_reason);
        break;
    default:
        strange_exit(exit, "KVM exit reason", run->exit_reason);
    }
}

struct mote__cpu_regs *mote__vm_regs(struct mote__vm *vm)
{
    _Static_assert(sizeof(struct mote__cpu_regs) == sizeof(struct kvm_regs), "same layout");
    return (struct mote__cpu_regs *)(void *)&vm->run->s.regs.regs;
}

void mote__vm_regs_changed(struct mote__vm *vm)
{
    vm->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

void mote__vm_kick(struct mote__vm *vm)
{
    __atomic_store_n(&vm->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

void mote__vm_unkick(struct mote__vm *vm)
{
    __atomic_store_n(&vm->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

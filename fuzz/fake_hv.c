/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_hv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/monitor.h"
#include "arch/x86_64/paging.h"
#include "error.h"
#include "os/os.h"

struct mote__hv {
    int unused;
};

void (*fake_guest)(struct mote__vm *vm, struct mote__exit *exit);

void fake_check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

/* ---- the host's side ---- */

int mote__hv_open(struct mote__hv **hv, const mote_allocator *allocator, const char *device,
                  mote_error *error)
{
    (void)allocator;
    (void)device;
    (void)error;
    *hv = mote__alloc(NULL, sizeof **hv);
    return *hv ? 0 : MOTE_ENOMEM;
}

void mote__hv_close(struct mote__hv *hv)
{
    mote__free(hv);
}

int mote__hv_check_cpu(struct mote__hv *hv, mote_cpu level, mote_error *error)
{
    (void)hv;
    (void)level;
    (void)error;
    return 0;
}

void mote__hv_cpuid(struct mote__hv *hv, mote_cpu level, uint32_t *eax, uint32_t *ebx,
                    uint32_t *ecx, uint32_t *edx)
{
    (void)hv;
    (void)level;
    *eax = *ebx = *ecx = *edx = 0;
}

void mote__hv_room(const struct mote__hv *hv, unsigned *address_bits, unsigned *slots)
{
    (void)hv;
    *address_bits = 46;
    *slots = FAKE_SLOTS;
}

int mote__vm_switch(struct mote__vm *vm, const struct mote__cpu_setup *setup, mote_error *error)
{
    (void)error;
    vm->setup = *setup;
    vm->regs = setup->entry;
    vm->privileged = false;
    return 0;
}

int mote__vm_create(struct mote__vm **out, struct mote__hv *hv, const struct mote__cpu_setup *setup,
                    mote_error *error)
{
    (void)hv;
    (void)error;
    struct mote__vm *vm = mote__alloc(NULL, sizeof *vm);
    if (!vm)
        return MOTE_ENOMEM;
    vm->setup = *setup;
    vm->regs = setup->entry;
    *out = vm;
    return 0;
}

void mote__vm_destroy(struct mote__vm *vm)
{
    mote__free(vm);
}

int mote__vm_map(struct mote__vm *vm, unsigned slot, uint64_t physical, void *host, size_t size,
                 mote_error *error)
{
    (void)error;
    fake_check(slot < FAKE_SLOTS && vm->slots[slot].size == 0, "slots are used once");
    fake_check(size && size % MOTE__PAGE == 0 && physical % MOTE__PAGE == 0, "slots are pages");
    for (unsigned i = 0; i < FAKE_SLOTS; i++) {
        const struct fake_slot *s = &vm->slots[i];
        fake_check(!s->size || physical >= s->physical + s->size || s->physical >= physical + size,
                   "slots do not overlap");
    }
    vm->slots[slot] = (struct fake_slot){physical, host, size};
    return 0;
}

struct mote__cpu_regs *mote__vm_regs(struct mote__vm *vm)
{
    return &vm->regs;
}

void mote__vm_regs_changed(struct mote__vm *vm)
{
    (void)vm;
}

int mote__vm_get_special(struct mote__vm *vm, struct mote__cpu_special *special, mote_error *error)
{
    (void)error;
    *special = (struct mote__cpu_special){.cr2 = vm->cr2, .privileged = vm->privileged};
    return 0;
}

int mote__vm_get_controls(struct mote__vm *vm, struct mote__cpu_special *special, mote_error *error)
{
    (void)vm;
    (void)error;
    special->x87_control = 0x37f;
    special->mxcsr = 0x1f80;
    return 0;
}

void mote__vm_abandon(struct mote__vm *vm)
{
    (void)vm;
}

int mote__vm_forget_events(struct mote__vm *vm, mote_error *error)
{
    (void)vm;
    (void)error;
    return 0;
}

void mote__vm_kick(struct mote__vm *vm)
{
    (void)vm;
}

void mote__vm_unkick(struct mote__vm *vm)
{
    (void)vm;
}

/* ---- memory as the processor sees it ---- */

static uint8_t *physical_at(struct mote__vm *vm, uint64_t physical)
{
    static unsigned last; /* most often it is the same again */
    for (unsigned n = 0; n < FAKE_SLOTS; n++, last = (last + 1) % FAKE_SLOTS) {
        const struct fake_slot *s = &vm->slots[last];
        if (physical - s->physical < s->size)
            return s->host + (physical - s->physical);
    }
    return NULL;
}

/* The leaf entry of an address, or NULL; *user where every level lets CPL 3 pass. Marks the
 * entries as the processor does where `uses`, and leaves no trace otherwise. */
static uint64_t *walk(struct mote__vm *vm, uint64_t address, bool uses, bool *user)
{
    uint64_t table = vm->setup.page_tables;
    *user = true;
    for (int level = 3;; level--) {
        uint64_t *entries = (uint64_t *)(void *)physical_at(vm, table);
        fake_check(entries != NULL, "a page table lies in a slot");
        uint64_t *entry = &entries[address >> (12 + 9 * level) & 511];
        if (!(*entry & MOTE__PTE_PRESENT))
            return NULL;
        *user = *user && *entry & MOTE__PTE_USER;
        if (uses)
            *entry |= MOTE__PTE_ACCESSED;
        if (level == 0)
            return entry;
        table = *entry & MOTE__PTE_ADDRESS;
    }
}

unsigned fake_access(struct mote__vm *vm, uint64_t address)
{
    bool user;
    uint64_t *leaf = address < MOTE__USER_TOP ? walk(vm, address, false, &user) : NULL;
    if (!leaf || !user)
        return 0;
    return MOTE__READ | (*leaf & MOTE__PTE_WRITE ? MOTE__WRITE : 0) |
           (*leaf & MOTE__PTE_NX ? 0 : MOTE__EXECUTE);
}

static uint8_t *page_at(struct mote__vm *vm, uint64_t address, unsigned access, bool uses)
{
    bool user;
    uint64_t *leaf = walk(vm, address, uses, &user);
    if (access & MOTE__WRITE)
        *leaf |= MOTE__PTE_DIRTY;
    uint8_t *page = physical_at(vm, *leaf & MOTE__PTE_ADDRESS);
    fake_check(page != NULL, "a mapped page lies in a slot");
    return page + address % MOTE__PAGE;
}

static bool may(struct mote__vm *vm, uint64_t address, size_t size, unsigned access)
{
    if (size > MOTE__USER_TOP || address > MOTE__USER_TOP - size)
        return false;
    uint64_t end = address + size;
    for (uint64_t at = mote__align_down(address, MOTE__PAGE); at < end; at += MOTE__PAGE)
        if ((fake_access(vm, at) & access) != access)
            return false;
    return true;
}

static size_t part_of(uint64_t address, size_t size)
{
    size_t rest = MOTE__PAGE - address % MOTE__PAGE;
    return rest < size ? rest : size;
}

static bool read_memory(struct mote__vm *vm, uint64_t address, void *to, size_t size, bool uses)
{
    if (!may(vm, address, size, MOTE__READ))
        return false;
    for (uint8_t *out = to; size;) {
        size_t part = part_of(address, size);
        memcpy(out, page_at(vm, address, MOTE__READ, uses), part);
        out += part;
        address += part;
        size -= part;
    }
    return true;
}

bool fake_read(struct mote__vm *vm, uint64_t address, void *to, size_t size)
{
    return read_memory(vm, address, to, size, true);
}

bool fake_peek(struct mote__vm *vm, uint64_t address, void *to, size_t size)
{
    return read_memory(vm, address, to, size, false);
}

bool fake_write(struct mote__vm *vm, uint64_t address, const void *from, size_t size)
{
    if (!may(vm, address, size, MOTE__WRITE))
        return false;
    for (const uint8_t *in = from; size;) {
        size_t part = part_of(address, size);
        memcpy(page_at(vm, address, MOTE__WRITE, true), in, part);
        in += part;
        address += part;
        size -= part;
    }
    return true;
}

/* ---- entering and stopping ---- */

static uint64_t monitor_of(const struct mote__vm *vm)
{
    return vm->setup.syscall_entry - MOTE__MONITOR_SYSCALL;
}

/* The exception stack page; its top is RSP0 in the TSS. */
static uint8_t *monitor_stack(struct mote__vm *vm, uint64_t *top)
{
    bool user;
    const uint8_t *monitor = page_at(vm, monitor_of(vm), MOTE__READ, true);
    memcpy(top, monitor + MOTE__MONITOR_TSS + 4, sizeof *top);
    fake_check(walk(vm, *top - MOTE__PAGE, false, &user) && !user,
               "the monitor's stack is its own");
    return page_at(vm, *top - MOTE__PAGE, MOTE__WRITE, true);
}

static void check_flags(uint64_t flags)
{
    fake_check((flags & ~(uint64_t)MOTE__FLAGS_USER) == MOTE__FLAGS_FIXED, "flags of a guest");
}

/* From the monitor there is one way out: `iretq` with a frame of the host's. */
static void leave_monitor(struct mote__vm *vm)
{
    uint64_t top;
    const uint8_t *stack = monitor_stack(vm, &top);
    struct mote__trap_frame frame;
    fake_check(vm->regs.rip == monitor_of(vm) + MOTE__MONITOR_RETURN, "it leaves by iretq");
    fake_check(vm->regs.rsp == top - sizeof frame, "the frame of iretq");
    memcpy(&frame, stack + MOTE__PAGE - sizeof frame, sizeof frame);
    fake_check(frame.cs == MOTE__USER_CODE && frame.ss == MOTE__USER_DATA, "the guest is CPL 3");
    fake_check(frame.rip < MOTE__USER_TOP, "iretq to a canonical address");
    check_flags(frame.rflags);
    vm->regs.rip = frame.rip;
    vm->regs.rsp = frame.rsp;
    vm->regs.rflags = frame.rflags;
    vm->privileged = false;
}

void mote__vm_run(struct mote__vm *vm, struct mote__exit *exit)
{
    exit->text[0] = '\0';
    if (vm->refused_entries) {
        vm->refused_entries--;
        exit->kind = MOTE__EXIT_INTERRUPTED;
        return;
    }
    if (vm->privileged)
        leave_monitor(vm);
    fake_check(vm->regs.rip < MOTE__USER_TOP, "the guest's RIP is canonical");
    check_flags(vm->regs.rflags);
    if (fake_guest)
        fake_guest(vm, exit);
    else
        fake_doorbell(vm, exit);
}

void fake_doorbell(struct mote__vm *vm, struct mote__exit *exit)
{
    (void)vm;
    exit->kind = MOTE__EXIT_DOORBELL;
}

void fake_syscall(struct mote__vm *vm, struct mote__exit *exit, uint64_t rip)
{
    vm->regs.rcx = rip;
    vm->regs.r11 = vm->regs.rflags;
    vm->regs.rip = vm->setup.syscall_entry + 1;
    vm->regs.rflags = MOTE__FLAGS_FIXED;
    vm->privileged = true;
    exit->kind = MOTE__EXIT_HALT;
}

static bool has_error_code(uint32_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

void fake_trap(struct mote__vm *vm, struct mote__exit *exit, uint32_t vector, uint32_t error_code,
               uint64_t cr2)
{
    uint64_t top, code = error_code;
    uint8_t *end = monitor_stack(vm, &top) + MOTE__PAGE;
    struct mote__trap_frame frame = {.rip = vm->regs.rip,
                                     .cs = MOTE__USER_CODE,
                                     .rflags = vm->regs.rflags,
                                     .rsp = vm->regs.rsp,
                                     .ss = MOTE__USER_DATA};
    size_t pushed = sizeof frame + (has_error_code(vector) ? 8 : 0);
    memcpy(end - sizeof frame, &frame, sizeof frame);
    if (has_error_code(vector))
        memcpy(end - pushed, &code, sizeof code);
    vm->regs.rip = monitor_of(vm) + MOTE__MONITOR_VECTORS + 16 * (uint64_t)vector + 1;
    vm->regs.rsp = top - pushed;
    vm->regs.rflags = MOTE__FLAGS_FIXED;
    vm->cr2 = cr2;
    vm->privileged = true;
    exit->kind = MOTE__EXIT_HALT;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine.h"

#include "error.h"
#include "os/os.h"

/* How many memories this hypervisor's VMs have addresses and slots for. */
static size_t count_seats(const struct mote__hv *hv)
{
    unsigned bits, slots;
    mote__hv_room(hv, &bits, &slots);
    size_t seats = slots / MOTE__SEAT_SLOTS;
    if (bits < MOTE__SEAT_BITS + 3)
        seats = bits > MOTE__SEAT_BITS ? (size_t)1 << (bits - MOTE__SEAT_BITS) : 1;
    return seats < MOTE__SEATS ? seats : MOTE__SEATS;
}

int mote__machine_new(struct mote__shell *shell, struct mote__hv *hv, mote_cpu cpu,
                      mote_error *error)
{
    struct mote__cpu_setup setup;
    struct mote__machine *machine = mote__alloc(shell->memory.regions.allocator, sizeof *machine);
    if (!machine)
        return mote__fail_memory(error, "a VM");
    mote__shell_setup(shell, cpu, &setup);
    int status = mote__vm_create(&machine->vm, hv, &setup, error);
    if (status) {
        mote__free(machine);
        return status;
    }
    machine->cpu = cpu;
    machine->room = mote__memory_is_narrow(shell->memory.ram.reserved, 0) ? count_seats(hv) : 1;
    machine->seats[0] = machine->chosen = shell;
    machine->count = 1;
    shell->machine = machine;
    shell->vm = machine->vm;
    return 0;
}

void mote__machine_free(struct mote__machine *machine)
{
    mote__vm_destroy(machine->vm);
    for (size_t i = 0; i < machine->count; i++)
        mote__shell_release(machine->seats[i]);
    mote__free(machine->tenant);
    mote__free(machine);
}

void mote__machine_abandon(struct mote__machine *machine)
{
    for (size_t i = 0; i < machine->count; i++)
        mote__memory_abandon(&machine->seats[i]->memory);
    mote__vm_abandon(machine->vm);
}

bool mote__machine_has_room(const struct mote__machine *machine,
                            const struct mote__snapshot *snapshot, size_t limit, size_t files)
{
    return machine->count < machine->room && machine->cpu == snapshot->cpu &&
           mote__memory_is_narrow(limit, files);
}

int mote__machine_add(struct mote__shell **out, struct mote__machine *machine,
                      const mote_allocator *allocator, struct mote__snapshot *snapshot,
                      size_t limit, size_t files, mote_error *error)
{
    struct mote__shell *shell = NULL;
    int status = mote__shell_reserve(&shell, allocator, &snapshot->layout, limit, files, error);
    if (status)
        return status;
    mote__memory_stand(&shell->memory, (unsigned)machine->count);
    status = mote__shell_fill(shell, snapshot, error);
    if (!status)
        status = mote__memory_attach(&shell->memory, machine->vm, error);
    /* Even after a failure: the VM may know of its memory. */
    shell->machine = machine;
    shell->vm = machine->vm;
    machine->seats[machine->count++] = shell;
    *out = shell;
    return status;
}

int mote__machine_choose(struct mote__shell *shell, mote_error *error)
{
    struct mote__machine *machine = shell->machine;
    struct mote__cpu_setup setup;
    shell->chosen = ++machine->clock;
    if (machine->chosen != shell) {
        mote__shell_setup(shell, machine->cpu, &setup);
        int status = mote__vm_switch(machine->vm, &setup, error);
        if (status)
            return status;
        shell->in_monitor = false;
        machine->chosen = shell;
    }
    mote__shell_go_clean(shell, shell->snapshot);
    return 0;
}

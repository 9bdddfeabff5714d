/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/arena.h"

#include "error.h"
#include "os/os.h"

#define GRANULE      0x10000u     /* slots are multiples of 64 KiB */
#define LARGEST_STEP (2ull << 30) /* do not double for ever; 31 slots reach 32 GiB */

int mote__arena_reserve(struct mote__arena *arena, size_t size, uint64_t physical,
                        unsigned first_slot, mote_error *error)
{
    *arena = (struct mote__arena){.physical = physical, .first_slot = first_slot};
    size = mote__align_up(size, GRANULE);
    void *host;
    int status = mote__map_anonymous(&host, size);
    if (status < 0)
        return mote__fail_system(error, status, "reserving guest memory");
    arena->host = host;
    arena->reserved = size;
    status = mote__not_in_child(host, size);
    return status < 0 ? mote__fail_system(error, status, "madvise(MADV_DONTFORK)") : 0;
}

void mote__arena_release(struct mote__arena *arena)
{
    if (arena->host)
        mote__unmap(arena->host, arena->reserved);
    arena->host = NULL;
}

static int add_slot(struct mote__arena *arena, size_t backed, mote_error *error)
{
    if (arena->slots == MOTE__ARENA_SLOTS)
        return mote__fail(error, MOTE_DOMAIN_SYSTEM, MOTE_ELIMIT, 0, NULL,
                          "the VM has no memory slot left");
    int status =
        mote__vm_map(arena->vm, arena->first_slot + arena->slots, arena->physical + arena->backed,
                     arena->host + arena->backed, backed - arena->backed, error);
    if (status)
        return status;
    arena->slots++;
    arena->backed = backed;
    return 0;
}

int mote__arena_attach(struct mote__arena *arena, struct mote__vm *vm, size_t size,
                       mote_error *error)
{
    arena->vm = vm;
    arena->slots = 0;
    size_t backed = mote__align_up(size > arena->backed ? size : arena->backed, GRANULE);
    arena->backed = 0;
    return add_slot(arena, backed, error);
}

static int back(struct mote__arena *arena, size_t size, mote_error *error)
{
    if (size <= arena->backed || !arena->vm)
        return 0; /* before there is a VM: mote__arena_attach backs what is used by then */
    size_t step = arena->backed < LARGEST_STEP ? arena->backed : LARGEST_STEP;
    size_t wanted = arena->backed + step;
    wanted = mote__align_up(wanted > size ? wanted : size, GRANULE);
    return add_slot(arena, wanted < arena->reserved ? wanted : arena->reserved, error);
}

int mote__arena_take(struct mote__arena *arena, size_t size, size_t *offset, mote_error *error)
{
    if (size > arena->reserved - arena->used)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                          "grant more memory: MOTE_OPT_MEMORY, mote run --memory",
                          "the guest needs more memory than its limit of %zu KiB",
                          arena->reserved >> 10);
    int status = back(arena, arena->used + size, error);
    if (status)
        return status;
    *offset = arena->used;
    arena->used += size;
    return 0;
}

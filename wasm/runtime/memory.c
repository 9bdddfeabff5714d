/* SPDX-License-Identifier: Apache-2.0 */
/* The linear memory, at address 0, in pages of 64 KiB. */
#include <stdint.h>
#include <sys/mman.h>

#include "mote_wasm_rt.h"
#include "wasm-rt.h"

/* A memory never reaches exactly 4 GiB, whose size does not fit 32 bits. */
#define MAX_PAGES 65535u

static int map(uint64_t from, uint64_t size)
{
    void *const want = (void *)(uintptr_t)from;
    if (size == 0)
        return 0;
    return mmap(want, size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == want
               ? 0
               : -1;
}

bool wasm_rt_is_initialized(void)
{
    return true;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t initial_pages, uint64_t max_pages,
                             bool is64, uint32_t page_size)
{
    const uint64_t size = initial_pages * page_size;
    if (is64 || page_size != WASM_DEFAULT_PAGE_SIZE || initial_pages > MAX_PAGES ||
        map(0, size) != 0)
        mote__wasm_no_memory("linear memory", size);
    memory->data = NULL; /* address 0 */
    memory->data_end = (uint8_t *)(uintptr_t)size;
    memory->page_size = page_size;
    memory->pages = initial_pages;
    memory->max_pages = max_pages < MAX_PAGES ? max_pages : MAX_PAGES;
    memory->size = size;
    memory->is64 = false;
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t delta)
{
    const uint64_t before = memory->pages;
    if (delta > memory->max_pages - before ||
        map(memory->size, delta * WASM_DEFAULT_PAGE_SIZE) != 0)
        return UINT64_MAX;
    memory->pages = before + delta;
    memory->size = memory->pages * WASM_DEFAULT_PAGE_SIZE;
    memory->data_end = (uint8_t *)(uintptr_t)memory->size;
    return before;
}

/* Instances last as long as their guest. */
void wasm_rt_free_memory(wasm_rt_memory_t *memory)
{
    (void)memory;
}

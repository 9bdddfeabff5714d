/* SPDX-License-Identifier: Apache-2.0 */
#include "image/layout.h"

#include "mote_abi.h"
#include "os/os.h"

#define GIB (1ull << 30)

/* 64 GiB apart: no region of the largest guest (16 GiB) can reach the next. */
#define APART (64 * GIB)

void mote__layout_make(struct mote__layout *layout, const struct mote__elf *elf, uint64_t window,
                       uint64_t stack)
{
    /* Off a 2 MiB boundary by 1 MiB, so that the top of the stack, the gate and the
     * start of the mailbox share one page table. */
    uint64_t base = mote__align_up(elf->high + APART, APART) + (17u << 20);
    *layout = (struct mote__layout){
        .window = window,
        .heap = mote__align_up(elf->high, MOTE_REGION_ALIGN),
        .heap_end = base - APART / 4,
        .stack_top = base - MOTE_REGION_ALIGN,
        .gate = base,
        .scrub = base + MOTE__PAGE,
        .info = base + MOTE__PAGE + MOTE__INFO_OFFSET,
        .monitor = base + MOTE_REGION_ALIGN,
        .monitor_stack_top = base + MOTE_REGION_ALIGN + 2 * MOTE__PAGE,
        .mailbox = base + 2ull * MOTE_REGION_ALIGN,
        .mailbox_end = base + APART / 2,
        .init = base + APART / 2 + MOTE_REGION_ALIGN,
        .init_end = base + APART,
        .mmap = base + APART + MOTE_REGION_ALIGN,
        .mmap_end = base + 2 * APART,
    };
    layout->stack_low = layout->stack_top - mote__align_up(stack, MOTE_REGION_ALIGN);
}

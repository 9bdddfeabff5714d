/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are in a guest's address space. Everything but the image is
 * placed relative to one window above it, so that a small guest needs six
 * tables. From low to high:
 *
 *   [memory window]  image  heap ->   ...  <- stack | gate page, scrub data,
 *   info page | monitor (supervisor) | mailbox -> ... | init data ... | mmap ->
 */
#ifndef MOTE_LAYOUT_H
#define MOTE_LAYOUT_H

#include "image/executable.h"

struct mote__layout {
    uint64_t window; /* bytes of linear memory at 0 */
    uint64_t heap, heap_end;
    uint64_t stack_low, stack_top; /* the reserve; it grows down in it */
    uint64_t gate, scrub, info;
    uint64_t monitor, monitor_stack_top;
    uint64_t mailbox, mailbox_end;
    uint64_t init, init_end;
    uint64_t mmap, mmap_end;
};

#define MOTE__INFO_OFFSET   2048u    /* of the info in the page of the scrub data */
#define MOTE__STACK_FIRST   0x40000u /* bytes of stack that are mapped at the start */
#define MOTE__MAILBOX_FIRST 0x10000u /* and of the mailbox */

void mote__layout_make(struct mote__layout *layout, const struct mote__elf *elf, uint64_t window,
                       uint64_t stack);

#endif

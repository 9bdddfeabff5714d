/* SPDX-License-Identifier: Apache-2.0 */
/* The guest of executor.c: work that ends, and work that does not. */
#include <mote_guest.h>

static uint32_t visits;

/* n, while nobody was here before. */
static uint32_t work(uint32_t n)
{
    visits++;
    return visits == 1 ? n : 0;
}
MOTE_EXPORT(work, u32, u32);

static void spin(void)
{
    for (volatile uint32_t n = 0;; n++) {
    }
}
MOTE_EXPORT(spin, void);

/* SPDX-License-Identifier: Apache-2.0 */
/* Five ways to mean harm. */
#include <mote_guest.h>

MOTE_IMPORT(env, add, i32, i32, i32)

static int32_t alive(int32_t a, int32_t b)
{
    int32_t sum = 0;
    (void)env_add(&sum, a, b);
    return sum;
}
MOTE_EXPORT(alive, i32, i32, i32);

static void wild_write(void)
{
    *(volatile uint8_t *)(uintptr_t)0xdead0000 = 1;
}
MOTE_EXPORT(wild_write, void);

static void spin(void)
{
    for (;;)
        __asm__ volatile("");
}
MOTE_EXPORT(spin, void);

/* Each level has memory of its own and needs it afterwards, so that no compiler makes it a loop. */
static uint32_t descend(uint32_t depth) // NOLINT(misc-no-recursion)
{
    volatile uint8_t level[256];
    level[0] = (uint8_t)depth;
    return depth == UINT32_MAX ? 0 : descend(depth + 1) + level[0];
}

static uint32_t recurse(void)
{
    return descend(0);
}
MOTE_EXPORT(recurse, u32);

static void privileged(void)
{
    __asm__ volatile("hlt");
}
MOTE_EXPORT(privileged, void);

static void storm(void)
{
    int32_t sum = 0;
    for (;;)
        (void)env_add(&sum, sum, 1);
}
MOTE_EXPORT(storm, void);

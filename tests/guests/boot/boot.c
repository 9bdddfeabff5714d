/* SPDX-License-Identifier: Apache-2.0 */
/* boot: what a program may do before it is ready, and ways never to get there.
 * BOOT says which one main takes. */
#include <mote_guest.h>
#include <stdlib.h>
#include <string.h>

MOTE_IMPORT_WEAK_AS(maybe_host, "env", "maybe", i32, i32)

static uint32_t table[1024]; /* made before the snapshot */
static int32_t status_at_boot;

__attribute__((unused)) static void prepare(void)
{
    for (uint32_t i = 0; i < 1024; i++)
        table[i] = i * i;
}

__attribute__((unused)) static void call(void)
{
    int32_t ignored;
    status_at_boot = maybe_host(&ignored, 1);
}

__attribute__((unused)) static void log_line(void)
{
    mote_log(MOTE_LOG_INFO, "booting", 7);
}

/* i * i, from before the snapshot. */
static uint32_t square(uint32_t i)
{
    return table[i % 1024];
}
MOTE_EXPORT(square, u32, u32);

/* What the host function answered before there was a sandbox. */
static int32_t boot_status(void)
{
    return status_at_boot;
}
MOTE_EXPORT(boot_status, i32);

__attribute__((unused)) static void take_memory(void)
{
    for (size_t size = 1 << 20;; size += 1 << 20) {
        void *memory = malloc(size);
        if (memory == NULL)
            mote_abort_text("no memory");
        memset(memory, 1, size);
    }
}

__attribute__((unused)) static void spin(void)
{
    for (;;)
        __asm__ volatile("");
}

__attribute__((unused)) static void fault(void)
{
    static const volatile uintptr_t nowhere = 8;
    *(volatile int *)nowhere = 1;
}

__attribute__((unused)) static void leave(void)
{
    exit(3);
}

__attribute__((unused)) static void give_up(void)
{
    mote_abort_text("not today");
}

int main(void)
{
    static volatile bool taken = true; /* keeps what follows in the program */
    if (taken)
        BOOT();
    return mote_serve();
}

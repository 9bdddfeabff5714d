/* SPDX-License-Identifier: Apache-2.0 */
/* The guest of the fault injection: touches every service of the host that needs memory. */
#include <mote_guest.h>
#include <string.h>
#include <sys/mman.h>

MOTE_IMPORT(env, add, i32, i32, i32)
MOTE_IMPORT(env, echo, bytes, bytes)
MOTE_IMPORT(env, nest, u32, u32)
MOTE_IMPORT(env, later, bytes, bytes)

static uint32_t calls;

/* 1 in a fresh sandbox. */
static uint32_t count(void)
{
    return ++calls;
}
MOTE_EXPORT(count, u32);

static int32_t ask(int32_t a, int32_t b)
{
    int32_t sum = 0;
    if (env_add(&sum, a, b) != 0)
        mote_fail(1, "no sum", 6);
    return sum;
}
MOTE_EXPORT(ask, i32, i32, i32);

/* To the host and back, and out as the result. */
static mote_bytes echo(mote_bytes data)
{
    mote_bytes back = {NULL, 0};
    if (env_echo(&back, data) != 0)
        mote_fail(2, "no echo", 7);
    return back;
}
MOTE_EXPORT(echo, bytes, bytes);

/* Maps and unmaps, so that memory comes back in parts. */
static uint32_t map(uint32_t pages)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 8; i++) {
        size_t size = (size_t)(pages + i) * 4096;
        uint8_t *memory =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            mote_fail(3, "no memory", 9);
        memset(memory, (int)i, size);
        sum += memory[size - 1];
        mprotect(memory, 4096, PROT_READ);
        munmap(memory + 4096, size / 2 & ~4095ul);
    }
    return sum;
}
MOTE_EXPORT(map, u32, u32);

/* The host calls back: echo, and nest(n - 1). */
static uint32_t nest(uint32_t n)
{
    uint32_t below = 0;
    if (n && env_nest(&below, n - 1) != 0)
        mote_fail(4, "no nest", 7);
    return below + 1;
}
MOTE_EXPORT(nest, u32, u32);

/* As echo, of a host that answers later. */
static mote_bytes later(mote_bytes data)
{
    mote_bytes back = {NULL, 0};
    if (env_later(&back, data) != 0)
        mote_fail(5, "no answer", 9);
    return back;
}
MOTE_EXPORT(later, bytes, bytes);

static uint32_t deep(uint32_t n)
{
    volatile uint8_t frame[4096];
    frame[0] = (uint8_t)n;
    return n ? deep(n - 1) + 1 + (frame[0] & 0) : 0;
}
MOTE_EXPORT(deep, u32, u32);

static mote_bytes init(void)
{
    return mote_init_data();
}
MOTE_EXPORT(init, bytes);

static void crash(void)
{
    __asm__ volatile("ud2");
}
MOTE_EXPORT(crash, void);

static void log_line(void)
{
    mote_log(MOTE_LOG_INFO, "a line", 6);
}
MOTE_EXPORT_AS(log_line, "log", void);

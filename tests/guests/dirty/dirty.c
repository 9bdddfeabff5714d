/* SPDX-License-Identifier: Apache-2.0 */
/* dirty: calls that write to a known number of pages. */
#include <mote_guest.h>
#include <sys/mman.h>

enum { PAGE = 4096, DATA_PAGES = 256, BSS_PAGES = 4096, SCATTERED_PAGES = 6144 };

static _Alignas(PAGE) volatile uint8_t data[DATA_PAGES * PAGE] = {1}; /* in the file */
static _Alignas(PAGE) volatile uint8_t bss[BSS_PAGES * PAGE];         /* zero until written */

static _Alignas(PAGE) volatile uint8_t scattered[SCATTERED_PAGES * PAGE];

static void touch(volatile uint8_t *memory, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        memory[i * PAGE]++;
}

/* One byte in each of n pages that hold data of the snapshot. */
static void dirty(uint32_t n)
{
    touch(data, n < DATA_PAGES ? n : DATA_PAGES);
}
MOTE_EXPORT(dirty, void, u32);

/* One byte in each of n pages that nobody has touched before. */
static void dirty_bss(uint32_t n)
{
    touch(bss, n < BSS_PAGES ? n : BSS_PAGES);
}
MOTE_EXPORT(dirty_bss, void, u32);

/* The same in memory that is mapped here and never returned; false without memory. */
static bool dirty_mapped(uint32_t n)
{
    void *memory =
        mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    touch(memory, n);
    return true;
}
MOTE_EXPORT(dirty_mapped, bool, u32);

/* Sum of the bytes that the others write: 1 in a fresh sandbox. */
static uint64_t traces(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < DATA_PAGES; i++)
        sum += data[i * PAGE];
    for (size_t i = 0; i < BSS_PAGES; i++)
        sum += bss[i * PAGE];
    return sum;
}
MOTE_EXPORT(traces, u64);

/* One byte in every other page of a large region; how many that were. */
static uint32_t dirty_scattered(void)
{
    for (size_t i = 0; i < SCATTERED_PAGES; i += 2)
        scattered[i * PAGE + i % PAGE]++;
    return SCATTERED_PAGES / 2;
}
MOTE_EXPORT(dirty_scattered, u32);

/* Sum of those bytes: 0 in a fresh sandbox. */
static uint64_t traces_scattered(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SCATTERED_PAGES; i++)
        sum += scattered[i * PAGE + i % PAGE];
    return sum;
}
MOTE_EXPORT(traces_scattered, u64);

static void nothing(void)
{
}
MOTE_EXPORT(nothing, void);

/* SPDX-License-Identifier: Apache-2.0 */
/* scratch: any system call, with its structures in memory that the test reads and writes. */
#include <mote_guest.h>
#include <string.h>
#include <sys/mman.h>

static int64_t raw(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f)
{
    int64_t result;
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
MOTE_EXPORT(raw, i64, u64, u64, u64, u64, u64, u64, u64);

static _Alignas(4096) uint8_t memory[0x10000] = {1}; /* written once: it is the guest's own */

static uint64_t scratch(void)
{
    return (uintptr_t)memory;
}
MOTE_EXPORT(scratch, u64);

/* The system call `n` times; how often the answer was `expected`. */
static uint64_t repeat(uint64_t n, int64_t expected, uint64_t number, uint64_t a, uint64_t b,
                       uint64_t c)
{
    uint64_t hits = 0;
    for (uint64_t i = 0; i < n; i++)
        hits += raw(number, a, b, c, 0, 0, 0) == expected;
    return hits;
}
MOTE_EXPORT(repeat, u64, u64, i64, u64, u64, u64, u64);

static uint32_t peek(uint64_t address)
{
    return *(const volatile uint8_t *)(uintptr_t)address;
}
MOTE_EXPORT(peek, u32, u64);

static void poke(uint64_t address, uint32_t value)
{
    *(volatile uint8_t *)(uintptr_t)address = (uint8_t)value;
}
MOTE_EXPORT(poke, void, u64, u32);

/* Sum of the first bytes of so many pages. */
static uint64_t sum_pages(uint64_t address, uint64_t pages)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < pages; i++)
        sum += peek(address + i * 4096);
    return sum;
}
MOTE_EXPORT(sum_pages, u64, u64, u64);

static uint8_t *boot_pages;

/* Two pages that are mapped and written before the snapshot, the second one read-only by then. */
__attribute__((constructor)) static void map_at_boot(void)
{
    boot_pages = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (boot_pages == MAP_FAILED)
        return;
    memset(boot_pages, 7, 0x2000);
    mprotect(boot_pages + 0x1000, 0x1000, PROT_READ);
}

static uint64_t from_boot(void)
{
    return (uintptr_t)boot_pages;
}
MOTE_EXPORT(from_boot, u64);

static uint32_t alive(void)
{
    return 42;
}
MOTE_EXPORT(alive, u32);

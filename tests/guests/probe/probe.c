/* SPDX-License-Identifier: Apache-2.0 */
/* probe: looks for what should not be there, and leaves traces that should not stay. */
#include <mote_guest.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the monitor --------------------------------------------------------- */

struct descriptor_table {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static uint64_t gdt_base(void)
{
    struct descriptor_table table;
    __asm__ volatile("sgdt %0" : "=m"(table));
    return table.base;
}
MOTE_EXPORT(gdt_base, u64);

static uint64_t idt_base(void)
{
    struct descriptor_table table;
    __asm__ volatile("sidt %0" : "=m"(table));
    return table.base;
}
MOTE_EXPORT(idt_base, u64);

/* ---- single accesses ----------------------------------------------------- */

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

/* Calls whatever lies there. */
static void run_at(uint64_t address)
{
    ((void (*)(void))(uintptr_t)address)();
}
MOTE_EXPORT(run_at, void, u64);

/* ---- mappings ------------------------------------------------------------ */

/* 0 when there is no memory. */
static uint64_t map(uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? 0 : (uintptr_t)memory;
}
MOTE_EXPORT(map, u64, u64);

static int32_t protect(uint64_t address, uint64_t size, uint32_t rights)
{
    return mprotect((void *)(uintptr_t)address, size, (int)rights);
}
MOTE_EXPORT(protect, i32, u64, u64, u32);

static int32_t unmap(uint64_t address, uint64_t size)
{
    return munmap((void *)(uintptr_t)address, size);
}
MOTE_EXPORT(unmap, i32, u64, u64);

/* The new end of the heap; 0 asks for the old one. musl's own brk() refuses to change it. */
static uint64_t set_brk(uint64_t end)
{
    return (uint64_t)syscall(SYS_brk, end);
}
MOTE_EXPORT(set_brk, u64, u64);

static void fill(uint64_t address, uint64_t size, uint32_t value)
{
    memset((void *)(uintptr_t)address, (int)value, size);
}
MOTE_EXPORT(fill, void, u64, u64, u32);

/* How many bytes are not zero. */
static uint64_t nonzero(uint64_t address, uint64_t size)
{
    const uint64_t *words = (const uint64_t *)(uintptr_t)address;
    uint64_t count = 0;
    for (uint64_t i = 0; i < size / 8; i++)
        count += words[i] != 0 ? 8 : 0;
    return count;
}
MOTE_EXPORT(nonzero, u64, u64, u64);

/* Writes the pattern again and again, so that it can be found from outside. */
static void fill_with(uint64_t address, uint64_t size, mote_bytes pattern)
{
    uint8_t *to = (uint8_t *)(uintptr_t)address;
    for (uint64_t i = 0; pattern.size > 0 && i + pattern.size <= size; i += pattern.size)
        memcpy(to + i, pattern.data, pattern.size);
}
MOTE_EXPORT(fill_with, void, u64, u64, bytes);

/* ---- where arguments lie ------------------------------------------------- */

static uint64_t address_of(mote_bytes data)
{
    return (uintptr_t)data.data;
}
MOTE_EXPORT(address_of, u64, bytes);

static uint64_t mailbox(void)
{
    return mote_info()->mailbox;
}
MOTE_EXPORT(mailbox, u64);

static uint64_t info(void)
{
    return (uintptr_t)mote_info();
}
MOTE_EXPORT(info, u64);

/* ---- a host call that somebody else rewrites ----------------------------- */

MOTE_IMPORT_WEAK_AS(take_host, "env", "take", void, bytes)

/* The needle is put together here, so that no copy of it lies in the file. */
static _Alignas(4096) volatile struct {
    uint8_t needle[16];
    struct mote_host_call call;
    struct mote_slot args[MOTE_MAX_PARAMS];
    uint8_t text[64];
} race_block;

static uint64_t race_prepare(mote_bytes needle)
{
    for (size_t i = 0; i < sizeof(race_block.needle) && i < needle.size; i++)
        race_block.needle[i] = needle.data[i];
    for (size_t i = 0; i < sizeof(race_block.text); i++)
        race_block.text[i] = 'a';
    race_block.call.function = 0;
    race_block.call.nargs = 1;
    race_block.call.types[0] = MOTE_TYPE_BYTES;
    race_block.call.result_type = MOTE_TYPE_VOID;
    race_block.args[0].lo = (uintptr_t)race_block.text;
    race_block.args[0].hi = sizeof(race_block.text);
    return (uintptr_t)&race_block;
}
MOTE_EXPORT(race_prepare, u64, bytes);

/* The number of calls that the host took. */
static uint32_t race(uint32_t times)
{
    uint32_t taken = 0;
    struct mote_slot ignored;
    for (uint32_t i = 0; i < times; i++)
        taken += mote__call_host((const struct mote_host_call *)&race_block.call, &ignored) == 0;
    return taken;
}
MOTE_EXPORT(race, u32, u32);

/* Once as it should be, so that the import is used. */
static int32_t take(mote_bytes data)
{
    return take_host(data);
}
MOTE_EXPORT(take, i32, bytes);

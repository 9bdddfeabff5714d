/* SPDX-License-Identifier: Apache-2.0 */
/* privileged.c: instructions that a guest must not get anywhere with. */
#include <mote_guest.h>
#include <string.h>

/*
 * X(name, assembly, harmless): `harmless` ones may come back on some machines
 * (they tell the guest something about itself, or are answered with an error);
 * all others must end the call.
 */
#define INSTRUCTIONS(X)                                       \
    X(hlt, "hlt", 0)                                          \
    X(cli, "cli", 0)                                          \
    X(sti, "sti", 0)                                          \
    X(rdmsr, "mov $0xc0000080, %%ecx; rdmsr", 0)              \
    X(wrmsr, "mov $0xc0000082, %%ecx; wrmsr", 0)              \
    X(rdpmc, "xor %%ecx, %%ecx; rdpmc", 0)                    \
    X(read_cr0, "mov %%cr0, %%rax", 0)                        \
    X(read_cr2, "mov %%cr2, %%rax", 0)                        \
    X(read_cr3, "mov %%cr3, %%rax", 0)                        \
    X(read_cr4, "mov %%cr4, %%rax", 0)                        \
    X(read_cr8, "mov %%cr8, %%rax", 0)                        \
    X(write_cr0, "mov %%rax, %%cr0", 0)                       \
    X(write_cr3, "mov %%rax, %%cr3", 0)                       \
    X(write_cr4, "mov %%rax, %%cr4", 0)                       \
    X(write_cr8, "mov %%rax, %%cr8", 0)                       \
    X(read_dr7, "mov %%db7, %%rax", 0)                        \
    X(write_dr7, "mov %%rax, %%db7", 0)                       \
    X(clts, "clts", 0)                                        \
    X(lmsw, "lmsw %%ax", 0)                                   \
    X(lgdt, "lgdt %0", 0)                                     \
    X(lidt, "lidt %0", 0)                                     \
    X(lldt, "lldt %%ax", 0)                                   \
    X(ltr, "ltr %%ax", 0)                                     \
    X(invlpg, "invlpg %0", 0)                                 \
    X(invd, "invd", 0)                                        \
    X(wbinvd, "wbinvd", 0)                                    \
    X(swapgs, "swapgs", 0)                                    \
    X(sysretq, "mov %%rsp, %%rax; rex.w sysret", 0)           \
    X(sysexit, "sysexitl", 0)                                 \
    X(sysenter, "sysenter", 0)                                \
    X(xsetbv, "xor %%ecx, %%ecx; mov $7, %%eax; xsetbv", 0)   \
    X(monitor, "lea %0, %%rax; xor %%ecx, %%ecx; monitor", 0) \
    X(mwait, "xor %%eax, %%eax; xor %%ecx, %%ecx; mwait", 0)  \
    X(vmlaunch, "vmlaunch", 0)                                \
    X(vmrun, "vmrun", 0)                                      \
    X(int_0x80, "mov $20, %%eax; int $0x80", 0)               \
    X(bad_opcode_in_64_bit, ".byte 0x06", 0)                  \
    X(vmcall, "mov $-1, %%rax; vmcall", 1)                    \
    X(vmmcall, "mov $-1, %%rax; vmmcall", 1)                  \
    X(sgdt, "sgdt %0", 1)                                     \
    X(sidt, "sidt %0", 1)                                     \
    X(sldt, "sldt %%rax", 1)                                  \
    X(str, "str %%rax", 1)                                    \
    X(smsw, "smsw %%rax", 1)                                  \
    X(cpuid, "xor %%eax, %%eax; cpuid", 1)                    \
    X(rdtsc, "rdtsc", 1)                                      \
    X(rdtscp, "rdtscp", 1)                                    \
    X(rdfsbase, "rdfsbase %%rax", 1)                          \
    X(xgetbv, "xor %%ecx, %%ecx; xgetbv", 1)                  \
    X(rdpkru, "xor %%ecx, %%ecx; rdpkru", 1)                  \
    X(lsl, "mov %%cs, %%eax; lsl %%eax, %%eax", 1)            \
    X(lar, "mov %%cs, %%eax; lar %%eax, %%eax", 1)

#define RUN(name, assembly, harmless)                                                           \
    static void run_##name(void)                                                                \
    {                                                                                           \
        __asm__ volatile(assembly : "+m"(operand)::"rax", "rbx", "rcx", "rdx", "cc", "memory"); \
    }
#define ROW(name, assembly, harmless) {#name, run_##name, harmless},

static uint8_t operand[16];

INSTRUCTIONS(RUN)

static const struct {
    const char *name;
    void (*run)(void);
    bool harmless;
} table[] = {INSTRUCTIONS(ROW)};

enum { COUNT = sizeof(table) / sizeof(table[0]) };

static uint32_t privileged_count(void)
{
    return COUNT;
}
MOTE_EXPORT(privileged_count, u32);

static mote_string privileged_name(uint32_t n)
{
    const char *name = n < COUNT ? table[n].name : "";
    return (mote_string){name, strlen(name)};
}
MOTE_EXPORT(privileged_name, string, u32);

static bool privileged_may_return(uint32_t n)
{
    return n < COUNT && table[n].harmless;
}
MOTE_EXPORT(privileged_may_return, bool, u32);

static void privileged(uint32_t n)
{
    if (n < COUNT)
        table[n].run();
}
MOTE_EXPORT(privileged, void, u32);

/* ---- interrupts and ports ------------------------------------------------ */

/* `int n` and `ret`, four bytes each. */
__asm__(".pushsection .text\n"
        "interrupts:\n"
        ".set vector, 0\n"
        ".rept 256\n"
        ".byte 0xcd, vector, 0xc3, 0x90\n"
        ".set vector, vector + 1\n"
        ".endr\n"
        ".popsection\n");
extern const uint8_t interrupts[] __attribute__((visibility("hidden")));

static void int_n(uint32_t vector)
{
    ((void (*)(void))((uintptr_t)interrupts + (vector & 0xff) * 4))();
}
MOTE_EXPORT(int_n, void, u32);

enum { PORT_OUT, PORT_IN, PORT_OUTS, PORT_INS, PORT_REP_OUTS, PORT_REP_INS };

/* The instruction for each way and width; the port is in dx. */
#define BY_WIDTH(b, w, l)                                         \
    if (width == 1)                                               \
        __asm__ volatile(b : "+a"(value) : "d"(port) : "memory"); \
    else if (width == 2)                                          \
        __asm__ volatile(w : "+a"(value) : "d"(port) : "memory"); \
    else                                                          \
        __asm__ volatile(l : "+a"(value) : "d"(port) : "memory")

/* The string forms change their pointer and count. */
#define STRING_BY_WIDTH(b, w, l)                                                        \
    if (width == 1)                                                                     \
        __asm__ volatile(b : "+S"(from), "+D"(to), "+c"(count) : "d"(port) : "memory"); \
    else if (width == 2)                                                                \
        __asm__ volatile(w : "+S"(from), "+D"(to), "+c"(count) : "d"(port) : "memory"); \
    else                                                                                \
        __asm__ volatile(l : "+S"(from), "+D"(to), "+c"(count) : "d"(port) : "memory")

static uint32_t port_plain(uint16_t port, uint32_t width, bool in)
{
    uint32_t value = 0;
    if (in) {
        BY_WIDTH("inb %%dx, %%al", "inw %%dx, %%ax", "inl %%dx, %%eax");
    } else {
        BY_WIDTH("outb %%al, %%dx", "outw %%ax, %%dx", "outl %%eax, %%dx");
    }
    return value;
}

static void port_string(uint16_t port, uint32_t width, bool in)
{
    static uint8_t memory[64];
    uint8_t *from = memory, *to = memory;
    uint64_t count = 4;
    if (in) {
        STRING_BY_WIDTH("insb", "insw", "insl");
    } else {
        STRING_BY_WIDTH("outsb", "outsw", "outsl");
    }
}

static void port_repeated(uint16_t port, uint32_t width, bool in)
{
    static uint8_t memory[64];
    uint8_t *from = memory, *to = memory;
    uint64_t count = 4;
    if (in) {
        STRING_BY_WIDTH("rep insb", "rep insw", "rep insl");
    } else {
        STRING_BY_WIDTH("rep outsb", "rep outsw", "rep outsl");
    }
}

/* One access of 1, 2 or 4 bytes. */
static uint32_t port(uint32_t number, uint32_t width, uint32_t way)
{
    switch (way) {
    case PORT_OUT:
    case PORT_IN:
        return port_plain((uint16_t)number, width, way == PORT_IN);
    case PORT_OUTS:
    case PORT_INS:
        port_string((uint16_t)number, width, way == PORT_INS);
        return 0;
    default:
        port_repeated((uint16_t)number, width, way == PORT_REP_INS);
        return 0;
    }
}
MOTE_EXPORT(port, u32, u32, u32, u32);

/* SPDX-License-Identifier: Apache-2.0 */
/* faults: everything a guest can do wrong to itself, one export each. */
#include <assert.h>
#include <mote_guest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef void function(void);

static uint32_t alive(void)
{
    return 42;
}
MOTE_EXPORT(alive, u32);

/* ---- memory -------------------------------------------------------------- */

static void wild_write(uint64_t address)
{
    *(volatile uint8_t *)(uintptr_t)address = 1;
}
MOTE_EXPORT(wild_write, void, u64);

static uint32_t wild_read(uint64_t address)
{
    return *(volatile uint8_t *)(uintptr_t)address;
}
MOTE_EXPORT(wild_read, u32, u64);

static void jump_to(uint64_t address)
{
    ((function *)(uintptr_t)address)();
}
MOTE_EXPORT(jump_to, void, u64);

/* The first bytes of memory that must be out of reach, and of our own. */
static mote_bytes read_bytes(uint64_t address, uint32_t size)
{
    return (mote_bytes){(const uint8_t *)(uintptr_t)address, size};
}
MOTE_EXPORT(read_bytes, bytes, u64, u32);

static uint64_t address_of_doorbell(void)
{
    return mote_info()->doorbell;
}
MOTE_EXPORT(address_of_doorbell, u64);

static uint64_t address_of_info(void)
{
    return (uintptr_t)mote_info();
}
MOTE_EXPORT(address_of_info, u64);

static uint64_t address_of_mailbox(void)
{
    return mote_info()->mailbox;
}
MOTE_EXPORT(address_of_mailbox, u64);

static uint64_t address_of_stack(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}
MOTE_EXPORT(address_of_stack, u64);

static uint64_t address_of_code(void)
{
    return (uintptr_t)alive;
}
MOTE_EXPORT(address_of_code, u64);

static void write_code(void)
{
    wild_write(address_of_code());
}
MOTE_EXPORT(write_code, void);

/* Constant, so that the linker puts it beside the code's constants. */
static const uint8_t rodata[16] = {0xc3};

static void write_rodata(void)
{
    wild_write((uintptr_t)rodata);
}
MOTE_EXPORT(write_rodata, void);

static void write_gate(void)
{
    wild_write(address_of_doorbell());
}
MOTE_EXPORT(write_gate, void);

static void write_info(void)
{
    wild_write(address_of_info());
}
MOTE_EXPORT(write_info, void);

/* ---- execution of data --------------------------------------------------- */

enum { RET = 0xc3 };

static void execute(volatile uint8_t *memory)
{
    *memory = RET;
    jump_to((uintptr_t)memory);
}

static void exec_data(void)
{
    static volatile uint8_t code[16] = {RET};
    execute(code);
}
MOTE_EXPORT(exec_data, void);

static void exec_bss(void)
{
    static volatile uint8_t code[16];
    execute(code);
}
MOTE_EXPORT(exec_bss, void);

static void exec_heap(void)
{
    volatile uint8_t *code = malloc(16);
    execute(code);
}
MOTE_EXPORT(exec_heap, void);

static void exec_stack(void)
{
    volatile uint8_t code[16];
    execute(code);
}
MOTE_EXPORT(exec_stack, void);

static void exec_mailbox(void)
{
    execute((volatile uint8_t *)(uintptr_t)(address_of_mailbox() + sizeof(struct mote_mailbox)));
}
MOTE_EXPORT(exec_mailbox, void);

static void exec_rodata(void)
{
    jump_to((uintptr_t)rodata);
}
MOTE_EXPORT(exec_rodata, void);

static void exec_info(void)
{
    jump_to(address_of_info());
}
MOTE_EXPORT(exec_info, void);

/* ---- stack --------------------------------------------------------------- */

static uint32_t descend(uint64_t depth)
{
    volatile uint8_t frame[256];
    frame[0] = (uint8_t)depth;
    if (depth == UINT64_MAX)
        return 0;
    return descend(depth + 1) + frame[0];
}

static uint32_t recurse(void)
{
    return descend(0);
}
MOTE_EXPORT(recurse, u32);

/* Touches the far end of a local array first: a jump over small guards. */
static uint32_t big_stack_array(uint64_t size)
{
    volatile uint8_t array[size];
    array[0] = 1;
    return array[0];
}
MOTE_EXPORT(big_stack_array, u32, u64);

/* Does something that needs a stack while the stack pointer is anything. */
enum stack_use { STACK_PUSH, STACK_SYSCALL, STACK_UD2, STACK_INT3, STACK_DOORBELL, STACK_SPIN };

static void use_stack_at(uint64_t stack, uint32_t use)
{
    switch ((enum stack_use)use) {
    case STACK_PUSH:
        __asm__ volatile("mov %0, %%rsp; push %%rax; ud2" ::"r"(stack));
        break;
    case STACK_SYSCALL:
        __asm__ volatile("mov %0, %%rsp; mov $-1, %%rax; syscall; ud2" ::"r"(stack) : "rax");
        break;
    case STACK_UD2:
        __asm__ volatile("mov %0, %%rsp; ud2" ::"r"(stack));
        break;
    case STACK_INT3:
        __asm__ volatile("mov %0, %%rsp; int3; ud2" ::"r"(stack));
        break;
    case STACK_DOORBELL:
        __asm__ volatile("mov %0, %%rsp; jmp *%1" ::"r"(stack), "r"(address_of_doorbell()));
        break;
    case STACK_SPIN:
        __asm__ volatile("mov %0, %%rsp; 1: jmp 1b" ::"r"(stack));
        break;
    }
}
MOTE_EXPORT(use_stack_at, void, u64, u32);

/* ---- exceptions, really raised ------------------------------------------- */

static int32_t divide(int32_t a, int32_t b)
{
    int32_t quotient = a;
    __asm__ volatile("cltd; idivl %1" : "+a"(quotient) : "r"(b) : "rdx", "cc");
    return quotient;
}
MOTE_EXPORT(divide, i32, i32, i32);

static void single_step(void)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory");
}
MOTE_EXPORT(single_step, void);

static void single_step_syscall(void)
{
    __asm__ volatile("mov $-1, %%rax; pushfq; orq $0x100, (%%rsp); popfq; syscall; nop" ::
                         : "rax", "rcx", "r11", "cc", "memory");
}
MOTE_EXPORT(single_step_syscall, void);

static void single_step_doorbell(void)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; call *%0" ::"r"(address_of_doorbell())
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
}
MOTE_EXPORT(single_step_doorbell, void);

static void int1(void)
{
    __asm__ volatile(".byte 0xf1");
}
MOTE_EXPORT(int1, void);

static void int3(void)
{
    __asm__ volatile("int3");
}
MOTE_EXPORT(int3, void);

static void ud2(void)
{
    __asm__ volatile("ud2");
}
MOTE_EXPORT(ud2, void);

/* An address that is not canonical: #GP. */
static void non_canonical(void)
{
    wild_write(0x8000000000000000);
}
MOTE_EXPORT(non_canonical, void);

/* The same through the stack segment: #SS. */
static void stack_segment(void)
{
    __asm__ volatile("push %%rbp; mov %0, %%rbp; mov (%%rbp), %%rax; pop %%rbp" ::"r"(1ull << 63)
                     : "rax", "memory");
}
MOTE_EXPORT(stack_segment, void);

/* #MF: an unmasked exception of the x87, noticed by the next instruction. */
static void x87_fault(void)
{
    static const uint16_t unmasked = 0x0340;
    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(unmasked));
}
MOTE_EXPORT(x87_fault, void);

/* #XM: an unmasked exception of SSE. */
static void sse_fault(void)
{
    static const uint32_t unmasked = 0;
    static const float one = 1, zero = 0;
    __asm__ volatile("ldmxcsr %0; movss %1, %%xmm0; divss %2, %%xmm0" ::"m"(unmasked), "m"(one),
                     "m"(zero)
                     : "xmm0");
}
MOTE_EXPORT(sse_fault, void);

/* #GP: an aligned move to an odd address. */
static void misaligned_sse(void)
{
    static _Alignas(16) uint8_t memory[32];
    __asm__ volatile("movaps %%xmm0, 1(%0)" ::"r"(memory) : "memory");
}
MOTE_EXPORT(misaligned_sse, void);

/* With the AC flag set a misaligned access is #AC where the host allows it. It
 * must not: 1 says that nothing happened. */
static uint32_t misaligned_with_ac(void)
{
    static uint8_t memory[16];
    __asm__ volatile("pushfq; orq $0x40000, (%%rsp); popfq; incl 1(%0);"
                     "pushfq; andq $~0x40000, (%%rsp); popfq" ::"r"(memory)
                     : "cc", "memory");
    return memory[1];
}
MOTE_EXPORT(misaligned_with_ac, u32);

static void load_selector(uint32_t selector, uint32_t segment)
{
    switch (segment) {
    case 0:
        __asm__ volatile("mov %0, %%ds" ::"r"(selector));
        break;
    case 1:
        __asm__ volatile("mov %0, %%es" ::"r"(selector));
        break;
    case 2:
        __asm__ volatile("mov %0, %%fs" ::"r"(selector));
        break;
    case 3:
        __asm__ volatile("mov %0, %%gs" ::"r"(selector));
        break;
    default:
        __asm__ volatile("mov %0, %%ss" ::"r"(selector));
        break;
    }
}
MOTE_EXPORT(load_selector, void, u32, u32);

/* Far jump, far call and interrupt return to any code segment: the way to ring
 * 0, or to 32-bit code, if there were one. */
static void far_jump(uint32_t selector, uint64_t offset)
{
    const struct {
        uint64_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = {offset, (uint16_t)selector};
    __asm__ volatile("rex.w ljmp *%0" ::"m"(target));
}
MOTE_EXPORT(far_jump, void, u32, u64);

static void far_call(uint32_t selector, uint64_t offset)
{
    const struct {
        uint64_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = {offset, (uint16_t)selector};
    __asm__ volatile("rex.w lcall *%0" ::"m"(target) : "memory");
}
MOTE_EXPORT(far_call, void, u32, u64);

static void interrupt_return(uint32_t cs, uint32_t ss, uint64_t flags, uint64_t rip)
{
    __asm__ volatile(
        "mov %%rsp, %%rax; push %1; push %%rax; push %2; push %0; push %3; iretq" ::"r"(
            (uint64_t)cs),
        "r"((uint64_t)ss), "r"(flags), "r"(rip)
        : "rax", "memory");
}
MOTE_EXPORT(interrupt_return, void, u32, u32, u64, u64);

/* ---- time ---------------------------------------------------------------- */

static void spin(void)
{
    for (;;)
        __asm__ volatile("");
}
MOTE_EXPORT(spin, void);

static void spin_syscall(void)
{
    for (;;) {
        long result = -1;
        __asm__ volatile("syscall" : "+a"(result)::"rcx", "r11", "memory");
    }
}
MOTE_EXPORT(spin_syscall, void);

/* Counts to n: about one nanosecond each. */
static uint64_t count_to(uint64_t n)
{
    uint64_t i = 0;
    while (i < n) {
        i++;
        __asm__ volatile("" : "+r"(i));
    }
    return i;
}
MOTE_EXPORT(count_to, u64, u64);

/* ---- giving up ----------------------------------------------------------- */

static void abort_text(uint32_t code, mote_string text)
{
    mote_abort(code, text.data, text.size);
}
MOTE_EXPORT(abort_text, void, u32, string);

static void abort_trap(mote_string text)
{
    mote_abort_kind(MOTE_ABORT_TRAP, 0, text.data, text.size);
}
MOTE_EXPORT(abort_trap, void, string);

/* A text of `size` bytes, all 'x'. */
static void abort_long(uint32_t size)
{
    char *text = malloc(size);
    if (text == NULL)
        abort();
    memset(text, 'x', size);
    mote_abort(7, text, size);
}
MOTE_EXPORT(abort_long, void, u32);

static void abort_libc(void)
{
    abort();
}
MOTE_EXPORT(abort_libc, void);

static void abort_assert(void)
{
    volatile int two = 2;
    assert(two == 3);
}
MOTE_EXPORT(abort_assert, void);

static void abort_trap_instruction(void)
{
    __builtin_trap();
}
MOTE_EXPORT(abort_trap_instruction, void);

static void raise_signal(int32_t number)
{
    raise(number);
}
MOTE_EXPORT(raise_signal, void, i32);

static void exit_code(int32_t code)
{
    exit(code);
}
MOTE_EXPORT(exit_code, void, i32);

static void exit_at_once(int32_t code)
{
    _Exit(code);
}
MOTE_EXPORT(exit_at_once, void, i32);

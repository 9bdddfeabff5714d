/* SPDX-License-Identifier: Apache-2.0 */
/* Processor exceptions of the guest: what can be served, and what ends the call. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "sandbox.h"

/* Vectors and the bits of a page fault's error code: Intel SDM vol. 3, 6.15 and 4.7. */
enum { DE = 0, DB = 1, BP = 3, UD = 6, GP = 13, PF = 14, MF = 16, XM = 19 };
#define PF_WRITE 0x2u
#define PF_FETCH 0x10u

static mote_fault_kind kind_of(uint32_t vector)
{
    switch (vector) {
    case DE:
        return MOTE_FAULT_DIVIDE;
    case DB:
    case BP:
        return MOTE_FAULT_BREAKPOINT;
    case UD:
        return MOTE_FAULT_ILLEGAL;
    case GP:
        return MOTE_FAULT_PROTECTION;
    case PF:
        return MOTE_FAULT_PAGE;
    case MF:
    case XM:
        return MOTE_FAULT_FLOAT;
    default:
        return MOTE_FAULT_EXCEPTION;
    }
}

int mote__fault_end(mote_sandbox *sandbox, int code, mote_fault_kind kind, int64_t detail,
                    const char *format, ...)
{
    sandbox->report.fault = kind;
    sandbox->report.code = detail;
#if !defined(MOTE_CONTROL_NO_POISON)
    sandbox->state = MOTE_STATE_POISONED;
#endif
    va_list arguments;
    va_start(arguments, format);
    mote__describe_list(
        &sandbox->error, kind == MOTE_FAULT_HOST_FUNCTION ? MOTE_DOMAIN_HOSTFN : MOTE_DOMAIN_GUEST,
        code, detail, "the sandbox is poisoned: reset it before the next call", format, arguments);
    va_end(arguments);
    return code;
}

/* ---- the stack grows on demand ---- */

/* Where the mapped part of the stack begins. */
static uint64_t stack_mapped_from(const mote_sandbox *sandbox)
{
    const struct mote__layout *l = sandbox->shell->layout;
    const struct mote__regions *regions = &sandbox->shell->memory.regions;
    uint64_t from = l->stack_top;
    size_t i = mote__regions_find(regions, l->heap_end);
    if (i < regions->count && regions->list[i].start < from)
        from = regions->list[i].start;
    return from;
}

/* The end of the stack's reserve; below it lies the guard. */
static uint64_t stack_end(const struct mote__layout *l)
{
#if defined(MOTE_CONTROL_NO_GUARD)
    return l->heap_end;
#endif
    return l->stack_low;
}

/* Maps the stack down to the fault and as much again as there was. */
static int grow_stack(mote_sandbox *sandbox, uint64_t address)
{
    const struct mote__layout *l = sandbox->shell->layout;
    uint64_t from = stack_mapped_from(sandbox);
    uint64_t twice = l->stack_top - 2 * (l->stack_top - from);
    uint64_t low = mote__align_down(address, MOTE_REGION_ALIGN);
    if (twice < low)
        low = twice;
    if (low < stack_end(l))
        low = stack_end(l);
    mote_error error = MOTE_ERROR_INIT;
    int status = mote__memory_map(&sandbox->shell->memory, low, from - low,
                                  MOTE__READ | MOTE__WRITE, MOTE__REGION_STACK, &error);
    if (status == MOTE_ELIMIT)
        return mote__fault_end(sandbox, MOTE_ELIMIT, MOTE_FAULT_MEMORY, 0,
                               "out of memory: the stack cannot grow: %.400s", error.text);
    return status ? mote__fault_end(sandbox, status, MOTE_FAULT_MEMORY, 0,
                                    "the host has no memory for the stack")
                  : 0;
}

static bool in_stack_reserve(const mote_sandbox *sandbox, uint64_t address)
{
    const struct mote__layout *l = sandbox->shell->layout;
    return address >= stack_end(l) && address < stack_mapped_from(sandbox);
}

/* Nothing is mapped between the heap's reserve and the stack: an access there, or
 * with a stack pointer there, is a stack that ran over. */
static bool is_stack_overflow(const mote_sandbox *sandbox, uint64_t address, uint64_t rsp)
{
    const struct mote__layout *l = sandbox->shell->layout;
    return (address >= l->heap_end && address < l->stack_low) ||
           (rsp >= l->heap_end && rsp < l->stack_low + MOTE__PAGE && address < l->stack_top &&
            address >= l->heap_end);
}

/* ---- CPUID ---- */

/* CPUID is a #GP where the processor can fault on it: answered from our own table. */
static bool answer_cpuid(mote_sandbox *sandbox, struct mote__cpu_regs *regs)
{
    static const uint8_t cpuid[2] = {0x0f, 0xa2};
    uint8_t code[2];
    if (mote__memory_get(&sandbox->shell->memory, regs->rip, code, sizeof code) ||
        memcmp(code, cpuid, sizeof cpuid) != 0)
        return false;
    uint32_t a = (uint32_t)regs->rax, b = 0, c = (uint32_t)regs->rcx, d = 0;
    mote__hv_cpuid(sandbox->host->hv, sandbox->image->cpu, &a, &b, &c, &d);
    regs->rax = a;
    regs->rbx = b;
    regs->rcx = c;
    regs->rdx = d;
    regs->rip += sizeof cpuid;
    return true;
}

/* ---- reports ---- */

/* Registers and frames follow when the call ends (backtrace.c); the text needs the symbol now. */
static void report_processor(mote_sandbox *sandbox, const struct mote__halt *halt)
{
    mote_report *r = &sandbox->report;
    r->vector = halt->vector;
    r->error_code = halt->error_code;
    mote__image_symbol(sandbox->image, halt->regs.rip, r->symbol, sizeof r->symbol);
}

static const char *access_name(mote_access access)
{
    return access == MOTE_ACCESS_WRITE     ? "write"
           : access == MOTE_ACCESS_EXECUTE ? "execution"
                                           : "read";
}

/* The page above the window counts: an address of 33 bits and an access reach into it. */
static bool in_window(const mote_sandbox *sandbox, uint64_t address)
{
    uint64_t window = sandbox->shell->layout->window;
    return window && address < window + MOTE__PAGE;
}

static int end_page_fault(mote_sandbox *sandbox, const struct mote__halt *halt, uint64_t address)
{
    mote_report *r = &sandbox->report;
    report_processor(sandbox, halt);
    r->address = address;
    r->access = halt->error_code & PF_FETCH   ? MOTE_ACCESS_EXECUTE
                : halt->error_code & PF_WRITE ? MOTE_ACCESS_WRITE
                                              : MOTE_ACCESS_READ;
    unsigned long long at = address, rip = halt->regs.rip;
    if (in_window(sandbox, address)) {
        snprintf(r->text, sizeof r->text, "out of bounds memory access");
        return mote__fault_end(sandbox, MOTE_EFAULT, MOTE_FAULT_TRAP, 0,
                               "trap: out of bounds memory access: %s at %#llx",
                               access_name(r->access), at);
    }
    if (is_stack_overflow(sandbox, address, halt->regs.rsp))
        return mote__fault_end(sandbox, MOTE_EFAULT, MOTE_FAULT_STACK, 0,
                               "stack overflow: %s at %#llx, rip %#llx %s", access_name(r->access),
                               at, rip, r->symbol);
    return mote__fault_end(sandbox, MOTE_EFAULT, MOTE_FAULT_PAGE, 0,
                           "page fault: %s at %#llx, rip %#llx %s", access_name(r->access), at, rip,
                           r->symbol);
}

static int serve_page_fault(mote_sandbox *sandbox, const struct mote__halt *halt)
{
    struct mote__cpu_special special;
    int status = mote__vm_get_special(sandbox->shell->vm, &special, &sandbox->error);
    if (status) {
        sandbox->broken = true;
        return mote__fault_end(sandbox, status, MOTE_FAULT_STRANGE, 0,
                               "a page fault could not be looked at");
    }
    if (in_stack_reserve(sandbox, special.cr2) && !(halt->error_code & PF_FETCH))
        return grow_stack(sandbox, special.cr2);
    return end_page_fault(sandbox, halt, special.cr2);
}

int mote__fault_serve(mote_sandbox *sandbox, struct mote__halt *halt)
{
    if (halt->vector == PF)
        return serve_page_fault(sandbox, halt);
    if (halt->vector == GP && answer_cpuid(sandbox, &halt->regs))
        return 0;
    report_processor(sandbox, halt);
    mote_fault_kind kind = kind_of(halt->vector);
    return mote__fault_end(sandbox, MOTE_EFAULT, kind, 0, "%s: vector %u, rip %#llx %s",
                           mote_fault_name(kind), halt->vector, (unsigned long long)halt->regs.rip,
                           sandbox->report.symbol);
}

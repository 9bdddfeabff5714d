/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86_64/monitor.h"

#include <stddef.h>
#include <string.h>

#include "os/os.h"

extern const uint8_t mote__gate_begin[], mote__gate_end[];
extern const uint8_t mote__monitor_iret[], mote__monitor_iret_end[];

_Static_assert(offsetof(struct mote__scrub_data, fs_base) == MOTE__SCRUB_FS_BASE, "gate.h");
_Static_assert(offsetof(struct mote__scrub_data, xsave) == MOTE__SCRUB_XSAVE, "gate.h");

#define AT(field) (offsetof(struct mote__ring, field) + MOTE__RING_OFFSET)
_Static_assert(AT(go) == MOTE__RING_GO && AT(fresh) == MOTE__RING_FRESH, "gate.h");
_Static_assert(AT(wake) == MOTE__RING_WAKE && AT(rung) == MOTE__RING_RUNG, "gate.h");
_Static_assert(AT(resident) == MOTE__RING_RESIDENT && AT(rounds) == MOTE__RING_ROUNDS, "gate.h");
_Static_assert(AT(rflags) == MOTE__RING_RFLAGS && AT(rbx) == MOTE__RING_RBX, "gate.h");
_Static_assert(AT(rbp) == MOTE__RING_RBP && AT(rsp) == MOTE__RING_RSP, "gate.h");
_Static_assert(AT(r12) == MOTE__RING_R12 && AT(r13) == MOTE__RING_R13, "gate.h");
_Static_assert(AT(r14) == MOTE__RING_R14 && AT(r15) == MOTE__RING_R15, "gate.h");
_Static_assert(sizeof(struct mote__scrub_data) <= MOTE__RING_OFFSET, "one page for both");
#undef AT

#define HLT 0xf4

/* Bytes between two labels of gate.S. */
static size_t span(const uint8_t *begin, const uint8_t *end)
{
    return (size_t)((uintptr_t)end - (uintptr_t)begin);
}

/* ---- building ---- */

static void put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static void put16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

/* TSS: Intel SDM vol. 3, section 7.7. The bitmap ends with a byte of ones. */
#define TSS_SIZE  104u
#define BITMAP    (MOTE__DOORBELL_PORT / 8u + 1u)
#define TSS_LIMIT (TSS_SIZE + BITMAP)
#define GDT_SIZE  (MOTE__TSS + 16u)

static void build_gdt(uint8_t *gdt, uint64_t tss)
{
    /* Flat 64-bit segments with the accessed bit set: the page is read-only. */
    put64(gdt + MOTE__KERNEL_CODE, 0x00209b0000000000);
    put64(gdt + MOTE__KERNEL_DATA, 0x0000930000000000);
    put64(gdt + (MOTE__USER_DATA & ~3u), 0x0000f30000000000);
    put64(gdt + (MOTE__USER_CODE & ~3u), 0x0020fb0000000000);
    /* A busy TSS: nobody loads TR, so nothing will ever set the bit. */
    put64(gdt + MOTE__TSS,
          0x00008b0000000000 | TSS_LIMIT | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56);
    put64(gdt + MOTE__TSS + 8, tss >> 32);
}

static void build_idt(uint8_t *idt, uint64_t vectors)
{
    for (uint32_t v = 0; v < MOTE__VECTORS; v++) {
        uint8_t *gate = idt + (size_t)16 * v;
        uint64_t handler = vectors + (size_t)16 * v;
        uint8_t dpl3 = v == 3 ? 0x60 : 0; /* only `int3` may be called */
        put16(gate, (uint16_t)handler);
        put16(gate + 2, MOTE__KERNEL_CODE);
        gate[4] = 1; /* IST 1 */
        gate[5] = 0x8e | dpl3;
        put16(gate + 6, (uint16_t)(handler >> 16));
        put32(gate + 8, (uint32_t)(handler >> 32));
    }
}

static void build_tss(uint8_t *tss, uint64_t stack_top)
{
    put64(tss + 4, stack_top);  /* RSP0 */
    put64(tss + 36, stack_top); /* IST 1 */
    put16(tss + 102, TSS_SIZE); /* the bitmap follows */
    memset(tss + TSS_SIZE, 0xff, BITMAP + 1);
    tss[TSS_SIZE + MOTE__DOORBELL_PORT / 8] &= (uint8_t) ~(1u << MOTE__DOORBELL_PORT % 8);
#if defined(MOTE_CONTROL_NO_BITMAP)
    memset(tss + TSS_SIZE, 0, BITMAP);
#endif
}

void mote__monitor_build(uint8_t *page, uint64_t address, uint64_t stack_top)
{
    memset(page, 0, MOTE__PAGE);
    build_gdt(page + MOTE__MONITOR_GDT, address + MOTE__MONITOR_TSS);
    build_idt(page + MOTE__MONITOR_IDT, address + MOTE__MONITOR_VECTORS);
    build_tss(page + MOTE__MONITOR_TSS, stack_top);
    for (uint32_t v = 0; v < MOTE__VECTORS; v++)
        page[MOTE__MONITOR_VECTORS + (size_t)16 * v] = HLT;
    page[MOTE__MONITOR_SYSCALL] = HLT;
    memcpy(page + MOTE__MONITOR_RETURN, mote__monitor_iret,
           span(mote__monitor_iret, mote__monitor_iret_end));
}

void mote__monitor_setup(struct mote__cpu_setup *setup, uint64_t address)
{
    setup->gdt = address + MOTE__MONITOR_GDT;
    setup->gdt_limit = GDT_SIZE - 1;
    setup->idt = address + MOTE__MONITOR_IDT;
    setup->idt_limit = 16 * MOTE__VECTORS - 1;
    setup->tss = address + MOTE__MONITOR_TSS;
    setup->tss_limit = TSS_LIMIT;
    setup->syscall_entry = address + MOTE__MONITOR_SYSCALL;
}

void mote__gate_build(uint8_t *page)
{
    memcpy(page, mote__gate_begin, span(mote__gate_begin, mote__gate_end));
}

void mote__scrub_build(struct mote__scrub_data *data, uint64_t resume,
                       const struct mote__cpu_special *special)
{
    memset(data, 0, sizeof *data);
    data->resume = resume;
    data->fs_base = special->fs_base;
    data->gs_base = special->gs_base;
    /* Of the vector state only the control words live across a doorbell; all
     * components that XSTATE_BV leaves out take their initial values. */
    memcpy(data->xsave, &special->x87_control, sizeof special->x87_control);
    memcpy(data->xsave + 24, &special->mxcsr, sizeof special->mxcsr);
    data->xsave[512] = 3; /* XSTATE_BV: x87 and SSE */
}

void mote__ring_set_registers(struct mote__ring *ring, const struct mote__cpu_regs *regs)
{
    ring->rflags = regs->rflags;
    ring->rbx = regs->rbx;
    ring->rbp = regs->rbp;
    ring->rsp = regs->rsp;
    ring->r12 = regs->r12;
    ring->r13 = regs->r13;
    ring->r14 = regs->r14;
    ring->r15 = regs->r15;
}

/* ---- what happened ---- */

/* Vectors that push an error code: Intel SDM vol. 3, table 6-1. */
static bool has_error_code(uint32_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

static void decode_syscall(struct mote__halt *halt)
{
    halt->kind = MOTE__HALT_SYSCALL;
    halt->regs.rip = halt->regs.rcx;
    halt->regs.rflags = halt->regs.r11;
}

/* On kvm-pvm a system call is a page fault at its entry; so is a jump there. */
static bool is_syscall_fault(const struct mote__halt *halt, uint64_t address)
{
    return halt->vector == 14 && halt->regs.rip == address + MOTE__MONITOR_SYSCALL;
}

static void decode_trap(struct mote__halt *halt, uint64_t address, const uint8_t *frame_at)
{
    struct mote__trap_frame frame;
    memcpy(&frame, frame_at, sizeof frame);
    if ((frame.cs & 3) != 3) {
        halt->kind = MOTE__HALT_BROKEN;
        return;
    }
    halt->kind = MOTE__HALT_TRAP;
    halt->regs.rip = frame.rip;
    halt->regs.rflags = frame.rflags;
    halt->regs.rsp = frame.rsp;
    if (is_syscall_fault(halt, address))
        decode_syscall(halt);
}

void mote__monitor_decode(struct mote__halt *halt, const struct mote__cpu_regs *now,
                          uint64_t address, uint64_t stack_top, const uint8_t *stack)
{
    *halt = (struct mote__halt){.kind = MOTE__HALT_BROKEN, .regs = *now};
    if (now->rip == address + MOTE__MONITOR_SYSCALL + 1) {
        decode_syscall(halt);
        return;
    }
    uint64_t stub = now->rip - 1 - (address + MOTE__MONITOR_VECTORS);
    if (stub % 16 || stub / 16 >= MOTE__VECTORS)
        return;
    halt->vector = (uint32_t)(stub / 16);
    size_t pushed = sizeof(struct mote__trap_frame) + (has_error_code(halt->vector) ? 8 : 0);
    if (now->rsp != stack_top - pushed)
        return;
    const uint8_t *top = stack + MOTE__PAGE;
    if (has_error_code(halt->vector))
        memcpy(&halt->error_code, top - pushed, sizeof halt->error_code);
    decode_trap(halt, address, top - sizeof(struct mote__trap_frame));
}

/* At the `iretq` the host's own frame says where the guest goes on. */
static bool decode_return(struct mote__cpu_regs *guest, uint64_t stack_top, const uint8_t *stack)
{
    struct mote__trap_frame frame;
    if (guest->rsp != stack_top - sizeof frame)
        return false;
    memcpy(&frame, stack + MOTE__PAGE - sizeof frame, sizeof frame);
    guest->rip = frame.rip;
    guest->rflags = frame.rflags;
    guest->rsp = frame.rsp;
    return (frame.cs & 3) == 3;
}

bool mote__monitor_guest(struct mote__cpu_regs *guest, const struct mote__cpu_regs *now,
                         uint64_t address, uint64_t stack_top, const uint8_t *stack)
{
    struct mote__halt halt;
    *guest = *now;
    if (now->rip == address + MOTE__MONITOR_RETURN)
        return decode_return(guest, stack_top, stack);
    if (guest->rip % 16 == 0)
        guest->rip++; /* as if the stub's `hlt` had been executed */
    mote__monitor_decode(&halt, guest, address, stack_top, stack);
    *guest = halt.regs;
    return halt.kind != MOTE__HALT_BROKEN;
}

void mote__monitor_return(struct mote__cpu_regs *regs, uint64_t address, uint64_t stack_top,
                          uint8_t *stack)
{
    struct mote__trap_frame frame = {.rip = regs->rip,
                                     .cs = MOTE__USER_CODE,
                                     .rflags =
                                         (regs->rflags & MOTE__FLAGS_USER) | MOTE__FLAGS_FIXED,
                                     .rsp = regs->rsp,
                                     .ss = MOTE__USER_DATA};
    memcpy(stack + MOTE__PAGE - sizeof frame, &frame, sizeof frame);
    regs->rip = address + MOTE__MONITOR_RETURN;
    regs->rsp = stack_top - sizeof frame;
    regs->rflags = MOTE__FLAGS_FIXED;
}

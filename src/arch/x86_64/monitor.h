/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: the only privileged code and data in a VM. One page that is
 * never written (GDT, IDT, TSS with the I/O bitmap, the stubs) and one page
 * for the exception stack. Its whole code is `hlt` for each vector and for
 * LSTAR, and one `iretq`; everything else is done by the host, which reads the
 * frame that the processor pushed.
 */
#ifndef MOTE_MONITOR_H
#define MOTE_MONITOR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/gate.h"

/* Offsets in the monitor page. */
#define MOTE__MONITOR_GDT     0x000u
#define MOTE__MONITOR_IDT     0x100u
#define MOTE__MONITOR_TSS     0x300u
#define MOTE__MONITOR_VECTORS 0x400u /* one stub every 16 bytes */
#define MOTE__MONITOR_SYSCALL 0x600u /* LSTAR */
#define MOTE__MONITOR_RETURN  0x610u /* iretq */

#define MOTE__VECTORS         32u

/* What the processor pushes: Intel SDM vol. 3, section 6.14.2. */
struct mote__trap_frame {
    uint64_t rip, cs, rflags, rsp, ss;
};

/* What stopped the guest when the monitor halted. */
enum mote__halt_kind {
    MOTE__HALT_TRAP,    /* a processor exception of the guest */
    MOTE__HALT_SYSCALL, /* `syscall`, or a jump to its entry */
    MOTE__HALT_BROKEN   /* the monitor itself faulted: the VM cannot be trusted */
};

struct mote__halt {
    enum mote__halt_kind kind;
    uint32_t vector;
    uint32_t error_code;
    struct mote__cpu_regs regs; /* of the guest, complete, hostile */
};

/* The data that the scrub stub loads; fields as in gate.h. */
struct mote__scrub_data {
    uint64_t resume;
    uint64_t fs_base, gs_base;
    uint64_t padding[5];
    uint8_t xsave[576]; /* standard form, x87 and SSE: Intel SDM vol. 1, section 13.4 */
};

/* What the host tells the doorbell of a resident guest, which can only read it; fields as in
 * gate.h. The registers are those with which a fresh call begins. */
struct mote__ring {
    _Atomic uint64_t go;    /* changes with each call or answer that the guest is to look at */
    _Atomic uint32_t fresh; /* it starts anew instead of going on */
    _Atomic uint32_t wake;  /* the host sleeps: ring with an exit */
    uint8_t padding[48];
    uint64_t rung; /* address of the word in which the guest says for which `go` it rang */
    _Atomic uint32_t resident; /* 0: the doorbell is an exit, and nothing else here means a thing */
    uint32_t rounds;           /* how often it looks at `go` before it sleeps; not 0 */
    uint64_t rflags, rbx, rbp, rsp, r12, r13, r14, r15;
};

/* Writes the registers of a snapshot into the ring. */
void mote__ring_set_registers(struct mote__ring *ring, const struct mote__cpu_regs *regs);

/* Writes the monitor page for a guest that will see it at `address`, with the
 * exception stack in the page that ends at `stack_top`. */
void mote__monitor_build(uint8_t *page, uint64_t address, uint64_t stack_top);
/* Where its structures are, for the backend. */
void mote__monitor_setup(struct mote__cpu_setup *setup, uint64_t address);
/* Writes the gate page and the page of scrub data behind it. */
void mote__gate_build(uint8_t *page);
void mote__scrub_build(struct mote__scrub_data *data, uint64_t resume,
                       const struct mote__cpu_special *special);

/* Says what happened; `stack` is the host's view of the exception stack page,
 * copied before it is believed. */
void mote__monitor_decode(struct mote__halt *halt, const struct mote__cpu_regs *now,
                          uint64_t address, uint64_t stack_top, const uint8_t *stack);
/* The guest's registers, wherever in the monitor the vCPU stands: at a stub's `hlt`, behind
 * it, or at the `iretq`. False where they are not known. */
bool mote__monitor_guest(struct mote__cpu_regs *guest, const struct mote__cpu_regs *now,
                         uint64_t address, uint64_t stack_top, const uint8_t *stack);
/* From a halted monitor back to the guest with `regs`: writes the frame and
 * makes `regs` those that the vCPU must be given. */
void mote__monitor_return(struct mote__cpu_regs *regs, uint64_t address, uint64_t stack_top,
                          uint8_t *stack);

#endif

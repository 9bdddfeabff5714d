/* SPDX-License-Identifier: Apache-2.0 */
/* Processor state as core and backends pass it around. */
#ifndef MOTE_CPU_H
#define MOTE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/gate.h"

/* General registers, in the order of struct kvm_regs. */
struct mote__cpu_regs {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
};

/* Where the monitor's structures lie, all guest-virtual; and the first instruction. */
struct mote__cpu_setup {
    uint64_t page_tables; /* physical address of the root */
    uint64_t gdt, idt, tss;
    uint16_t gdt_limit, idt_limit, tss_limit;
    uint64_t syscall_entry; /* LSTAR */
    struct mote__cpu_regs entry;
    int cpu_level; /* mote_cpu */
};

/* What a trap or a snapshot must know besides the general registers. */
struct mote__cpu_special {
    uint64_t cr2;
    uint64_t fs_base, gs_base;
    bool privileged;      /* the vCPU stands in the monitor, not in the guest */
    uint16_t x87_control; /* at a snapshot */
    uint32_t mxcsr;       /* at a snapshot */
};

/* Selectors in the GDT that the monitor supplies (arch/x86_64/monitor.c). */
#define MOTE__KERNEL_CODE 0x08u
#define MOTE__KERNEL_DATA 0x10u
#define MOTE__USER_DATA   0x1bu
#define MOTE__USER_CODE   0x23u
#define MOTE__TSS         0x28u

/* RFLAGS (Intel SDM vol. 1, section 3.4.3). */
#define MOTE__FLAGS_FIXED 0x2u
#define MOTE__FLAG_TF     0x100u
/* What a guest may have set when the host returns to it: CF PF AF ZF SF TF DF OF RF AC ID. */
#define MOTE__FLAGS_USER 0x250dd5u

/* In a loop that looks at memory until another processor writes to it. */
static inline void mote__cpu_pause(void)
{
    __asm__ volatile("pause");
}

/* The lower half of 48-bit addresses: canonical, and all that a guest ever has. */
#define MOTE__USER_TOP 0x800000000000ull

#endif

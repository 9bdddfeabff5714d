/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest of fuzz_gate.c, built from an input: some hand-written code fills its mailbox and its
 * registers as the input says, then jumps to the input's code.
 *
 * An input, all fields bytes; an address is a `base` (enum gate_base) and a u32 that is added:
 *
 *   flags      enum gate_flags
 *   answers    what the host functions do, see fuzz_gate.c
 *   nwords     then as many (base, u32): the words at the start of the mailbox
 *   nregs      then as many (register, base, u32); register as in struct gate_page
 *   code       the rest; behind it stands code that answers the call
 */
#ifndef MOTE_GATE_GUEST_H
#define MOTE_GATE_GUEST_H

#include "../tests/unit/tiny_elf.h"
#include "image/layout.h"

enum gate_flags {
    GATE_OWN_IMAGE = 15, /* all of these bits clear: an image of its own, booted for this input */
    GATE_PROGRAM = 16,   /* a program, else a guest with an export */
    GATE_CODE_AT_BOOT = 32, /* of an own image: the code runs before READY */
    GATE_TWO_CALLS = 64     /* two calls without a reset between */
};

enum gate_base {
    GATE_NUMBER,
    GATE_NEGATIVE, /* the number with all upper bits set */
    GATE_HIGH,     /* the number in the upper half */
    GATE_MAILBOX,
    GATE_DOORBELL,
    GATE_INFO,
    GATE_SCRUB,
    GATE_MONITOR,
    GATE_STACK,
    GATE_CODE,
    GATE_DATA,
    GATE_HEAP,
    GATE_INIT,
    GATE_MMAP,
    GATE_BASES
};

enum { GATE_WORDS = 64, GATE_REGISTERS = 17 };

/* The page of constants, which the hand-written code reads. */
struct gate_page {
    /* in the order of `pop`: rax rbx rcx rdx rsi rdi rbp r8 to r15, flags, rsp */
    uint64_t registers[GATE_REGISTERS];
    uint64_t at_boot; /* 1: jump to the code at once */
    uint64_t program; /* 1: there is no call to wait for */
    uint64_t mailbox, doorbell;
    uint64_t nwords;
    uint64_t words[GATE_WORDS];
};

enum { GATE_CODE_AT = 0x800, GATE_CODE_SIZE = 0x800, GATE_PAGE_AT = 0x1000 };

/* The file of a guest with hand-written code only: an export "run(u64,bytes)->bytes", or "echo
 * (u64)->u64" when it is `honest`, or none. It can be opened; its layout is that of all. */
void gate_template(struct tiny_elf *elf, bool program, bool honest);
/* Makes the code and constants at `pages` (two of them, as in the file) those of the input.
 * Returns its first two bytes, flags and answers. */
struct gate_choice {
    uint8_t flags, answers;
};
struct gate_choice gate_fill(uint8_t *pages, const struct mote__layout *layout, bool program,
                             const uint8_t *data, size_t size);

#endif

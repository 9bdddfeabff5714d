/* SPDX-License-Identifier: Apache-2.0 */
/* taint.h: what the taint guest is asked and what it answers; for C and assembly. */
#ifndef TAINT_H
#define TAINT_H

/*
 * probe(what: u32) -> u64 runs one kind of instruction, which faults where the
 * processor or the host does not have it. A host finds the flags with it, each
 * in a fresh sandbox. The answer is XCR0 for TAINT_PROBE_XGETBV, else 0.
 */
#define TAINT_PROBE_FSGSBASE 0
#define TAINT_PROBE_XGETBV   1
#define TAINT_PROBE_AVX      2
#define TAINT_PROBE_AVX512   3
#define TAINT_PROBE_XSAVE    4

/* Flags of look(flags: u32) -> bytes and of taint(flags: u32, selector: u32). */
#define TAINT_FSGSBASE 0x1 /* rdfsbase and wrfsbase work; else arch_prctl sets FS alone */
#define TAINT_AVX      0x2
#define TAINT_AVX512   0x4 /* F and BW */
#define TAINT_XSAVE    0x8 /* look: dump the XSAVE area too */

/* More flags of taint. */
#define TAINT_SELECTORS   0x10  /* load `selector` into DS, ES, FS and GS; else the null one, 3 */
#define TAINT_SS          0x20  /* load `selector` into SS too */
#define TAINT_PENDING_X87 0x40  /* leave an unmasked x87 exception pending */
#define TAINT_TF          0x80  /* set TF: the call ends in a debug exception */
#define TAINT_UD2         0x100 /* end in ud2 instead of a return */
#define TAINT_SPIN        0x200 /* end in an endless loop */
#define TAINT_EXIT        0x400 /* end in exit_group(3) */

/* What taint leaves behind. */
#define TAINT_GPR   0x7a17000000000000 /* plus the register's number, in all but rsp and rip */
#define TAINT_FLAGS 0x244cd5           /* ID AC NT OF DF SF ZF AF PF CF */
#define TAINT_MXCSR 0xe07f             /* FZ, round to zero, nothing masked, all flags, DAZ */
#define TAINT_FCW   0x0c7f             /* round to zero, single precision, all masked */
#define TAINT_BYTE  0xa5               /* every byte of every vector and mask register */
/* FS and GS base: two places in the guest's own data, TAINT_MARK in the first word. */
#define TAINT_MARK 0x7461696e745f6673

/* Offsets in the answer of look. Everything is as it was when the doorbell
 * returned; what a flag leaves out is zero. */
#define LOOK_GPR        0x000 /* rax rbx rcx rdx rsi rdi rbp rsp r8 ... r15, 8 bytes each */
#define LOOK_FLAGS      0x080
#define LOOK_DS         0x088 /* ds es fs gs ss cs, 8 bytes each */
#define LOOK_FS_BASE    0x0b8 /* with TAINT_FSGSBASE */
#define LOOK_GS_BASE    0x0c0 /* with TAINT_FSGSBASE */
#define LOOK_FS_WORD    0x0c8 /* the word at fs:0; LOOK_MARK when the base is the guest's own */
#define LOOK_XCR0       0x0d0 /* with TAINT_AVX */
#define LOOK_GIVEN      0x0d8 /* the flags given to look */
#define LOOK_FXSAVE     0x100 /* 512 bytes; their image of mxcsr and x87 too */
#define LOOK_VECTORS    0x300 /* zmm0 ... zmm31, 64 bytes each; ymm0 ... 15 with TAINT_AVX alone */
#define LOOK_MASKS      0xb00 /* k0 ... k7, 8 bytes each */
#define LOOK_XSAVE      0xb40 /* XSAVE area of all components but AMX tiles */
#define LOOK_XSAVE_SIZE 4096
#define LOOK_SIZE       (LOOK_XSAVE + LOOK_XSAVE_SIZE)

/* The word at fs:0 in an untainted sandbox. */
#define LOOK_MARK 0x6d6f74655f66735f

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets shared by gate.S and C. */
#ifndef MOTE_GATE_H
#define MOTE_GATE_H

#define MOTE__DOORBELL_PORT        0x4d /* `out %al, $port`; no device of a PC answers there */
#define MOTE__GATE_DOORBELL        0x00
#define MOTE__GATE_DOORBELL_OUT    0x0d
#define MOTE__GATE_DOORBELL_RETURN 0x0f /* behind the `out` */
#define MOTE__GATE_SET_FS          0x20
#define MOTE__GATE_SCRUB           0x40
#define MOTE__GATE_RING            0xc0   /* where the doorbell of a resident guest waits, */
#define MOTE__GATE_RING_END        0x110  /* up to here */
#define MOTE__GATE_DATA            0x1000 /* the scrub data, from the start of the gate page */

/* struct mote__scrub_data */
#define MOTE__SCRUB_RESUME  0
#define MOTE__SCRUB_FS_BASE 8
#define MOTE__SCRUB_GS_BASE 16
#define MOTE__SCRUB_XSAVE   64

/* struct mote__ring, in the page of the scrub data; a cache line each for what changes with every
 * call and what does not */
#define MOTE__RING_OFFSET   1024
#define MOTE__RING_GO       (MOTE__RING_OFFSET + 0)
#define MOTE__RING_FRESH    (MOTE__RING_OFFSET + 8)
#define MOTE__RING_WAKE     (MOTE__RING_OFFSET + 12)
#define MOTE__RING_RUNG     (MOTE__RING_OFFSET + 64)
#define MOTE__RING_RESIDENT (MOTE__RING_OFFSET + 72)
#define MOTE__RING_ROUNDS   (MOTE__RING_OFFSET + 76)
#define MOTE__RING_RFLAGS   (MOTE__RING_OFFSET + 80)
#define MOTE__RING_RBX      (MOTE__RING_OFFSET + 88)
#define MOTE__RING_RBP      (MOTE__RING_OFFSET + 96)
#define MOTE__RING_RSP      (MOTE__RING_OFFSET + 104)
#define MOTE__RING_R12      (MOTE__RING_OFFSET + 112)
#define MOTE__RING_R13      (MOTE__RING_OFFSET + 120)
#define MOTE__RING_R14      (MOTE__RING_OFFSET + 128)
#define MOTE__RING_R15      (MOTE__RING_OFFSET + 136)

#endif

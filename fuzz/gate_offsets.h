/* SPDX-License-Identifier: Apache-2.0 */
/* struct gate_page for the assembler; gate_guest.c compares. */
#ifndef MOTE_GATE_OFFSETS_H
#define MOTE_GATE_OFFSETS_H

#define GATE_PAGE_ADDRESS 0x401000
#define PAGE_AT_BOOT      136
#define PAGE_PROGRAM      144
#define PAGE_MAILBOX      152
#define PAGE_DOORBELL     160
#define PAGE_NWORDS       168
#define PAGE_WORDS        176

#endif

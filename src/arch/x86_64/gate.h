/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets shared by gate.S and C. */
#ifndef MOTE_GATE_H
#define MOTE_GATE_H

#define MOTE__DOORBELL_PORT        0x4d /* `out %al, $port`; no device of a PC answers there */
#define MOTE__GATE_DOORBELL        0x00
#define MOTE__GATE_DOORBELL_RETURN 0x02 /* behind the `out` */
#define MOTE__GATE_SET_FS          0x10
#define MOTE__GATE_SCRUB           0x40
#define MOTE__GATE_DATA            0x1000 /* the scrub data, from the start of the gate page */

/* struct mote__scrub_data */
#define MOTE__SCRUB_RESUME  0
#define MOTE__SCRUB_FS_BASE 8
#define MOTE__SCRUB_GS_BASE 16
#define MOTE__SCRUB_XSAVE   64

#endif

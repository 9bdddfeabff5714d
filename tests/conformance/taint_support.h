/* SPDX-License-Identifier: Apache-2.0 */
/* The guest `taint`, which fills all state that it can, and tells what it finds of it. */
#ifndef CONFORMANCE_TAINT_SUPPORT_H
#define CONFORMANCE_TAINT_SUPPORT_H

#include "support.h"

#include "../guests/taint/taint.h"

#define TAINT_ENDINGS 7

/* All ways in which its call may end; flags of taint_fill. */
extern const uint32_t taint_endings[TAINT_ENDINGS];

/* What this processor, or this hypervisor, lets unprivileged code do. Resets. */
uint32_t taint_capabilities(struct box *box);
/* A copy of what a guest finds, to be freed; without XSTATE_BV, which says which components the
 * processor thinks are in use, and that may be more of those that are as at the start. */
unsigned char *taint_look(mote_sandbox *sandbox, mote_image *image, uint32_t flags);
/* Fills everything, and ends as the flags say. */
void taint_fill(struct box *box, uint32_t flags, uint32_t selector);

#endif

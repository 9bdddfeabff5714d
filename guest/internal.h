/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h: what the files of libmote_guest share. */
#ifndef MOTE_GUEST_INTERNAL_H
#define MOTE_GUEST_INTERNAL_H

#include "mote_guest.h"

/* Set by mote_serve: from then on there are calls. */
extern bool mote__serving;

/* The mailbox of this sandbox, or NULL outside mote. */
struct mote_mailbox *mote__mailbox(void);

/*
 * Rings the doorbell: the host sees request and message, and comes back with
 * the rest of the mailbox filled. Only in mote.
 */
void mote__ring(enum mote_request request, const void *message);

/*
 * The same, and serves the nested calls that the host wants answered first.
 * Returns the status of the request, 0 or negative.
 */
int mote__request(enum mote_request request, const void *message);

/* Runs the call in the mailbox and hands the host its answer. */
void mote__answer(void);

#endif

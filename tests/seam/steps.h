/* SPDX-License-Identifier: Apache-2.0 */
/* What the scenarios share: how a step ends, and how it is tried again. */
#ifndef MOTE_TEST_STEPS_H
#define MOTE_TEST_STEPS_H

#include <mote.h>

#include "seam.h"

#define TRIES 4 /* more than calls that fail in a row */

extern mote_error error; /* of the step */

/* A failure of the round: the error is described, and is the one that happened. */
void check_failure(const char *step, int status, const mote_error *e);
/* Makes the step until it succeeds; it must when nothing fails any more. */
void again(const char *step, int (*make)(void));
void reset_at_last(mote_sandbox *sandbox);
/* What a sandbox must be after a call that failed; afterwards it is reset where it must. */
void check_failed_call(const char *name, mote_sandbox *sandbox, int status);

/* In $MOTE_GUEST_DIR; the path is good until the next call. */
const char *guest_path(const char *name);
int open_guest(mote_image **image, mote_host *host, const char *name);
/* A host whose allocator counts; nothing may be left when the host is gone. */
int make_counting_host(mote_host **host);
int make_counting_host_with(mote_host **host, const mote_host_options *options);
void check_nothing_allocated(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resident sandboxes: calls without an exit.
 *
 * A thread of the library owns KVM_RUN; the thread that calls posts and polls. The guest waits in
 * the doorbell of the gate page, which says that it rang in two words of the mailbox and looks at
 * a counter, `go`, that only the host can write (struct mote__ring). All else is as without: what
 * the guest asks for is read from the mailbox, copied before it is believed, since the guest may
 * run meanwhile; system calls and traps are exits, served by the thread that calls while the
 * vCPU stands.
 *
 * Whose turn it is decides who may touch the vCPU: the thread (KVM_RUN is in progress, or is about
 * to be), or the caller. What is said of the guest, that it "has rung", is what it claims: a guest
 * that lies runs on, and harms itself alone. Before anything is done that relies on where the guest
 * really is (registers, mappings, another snapshot), the vCPU is made to stand.
 */
#ifndef MOTE_RESIDENT_H
#define MOTE_RESIDENT_H

#include "hv/hv.h"

struct mote__resident;

/* All of these may be called for any sandbox; where it is not resident they do nothing, and the
 * first is mote__vm_run. */

/* Lets the guest run until it rings or the vCPU stops. False: it rang without an exit. */
bool mote__resident_run(mote_sandbox *sandbox, struct mote__exit *exit);
/* Makes the vCPU stand, so that its registers and mappings can be looked at and changed. */
void mote__resident_stand(mote_sandbox *sandbox);
/* Before memory is put back: decides whether the guest can stay in the gate page meanwhile, and
 * makes the vCPU stand if not. It stands from then on when mote__resident_stand is called. */
void mote__resident_before_reset(mote_sandbox *sandbox);
/* Memory is back: lets the guest start anew at the next run; false: the vCPU stands, and its
 * registers must be set for that. */
bool mote__resident_start_anew(mote_sandbox *sandbox);
/* The sandbox has a new shell; its old one is about to go. */
void mote__resident_attach(mote_sandbox *sandbox);
void mote__resident_detach(mote_sandbox *sandbox);
/* Ends it; the next run is by exit. In a forked child only its memory goes. */
void mote__resident_end(mote_sandbox *sandbox);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts with a pool, and what their log tells of the VMs that sandboxes get. */
#ifndef CONFORMANCE_POOL_SUPPORT_H
#define CONFORMANCE_POOL_SUPPORT_H

#include "support.h"

struct pool_log {
    unsigned reused, fresh; /* sandboxes that got a VM which had one before, or had none */
    unsigned ahead;         /* VMs that were made ahead */
    unsigned made;          /* VMs that sandboxes were seen in */
    unsigned mixed;         /* times that a VM passed to another tenant */
};

/* What was told so far; by any thread. */
struct pool_log pool_log(void);

/* Opens host, guest and an empty policy; the options need no size. */
void pool_open(struct box *box, const char *guest, mote_host_options options);
/* A sandbox for a tenant; NULL: none. The second one ends the test when there is none. */
int pool_start_for(struct box *box, const char *tenant, mote_error *error);
void pool_start(struct box *box, const char *tenant);
/* Frees the sandbox. */
void pool_leave(struct box *box);

#endif

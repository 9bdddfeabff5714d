/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal's streams as the guest's. */
#ifndef MOTE_CLI_STREAMS_H
#define MOTE_CLI_STREAMS_H

#include <mote.h>

struct streams {
    uint64_t deadline_at; /* now_ns() after which nothing waits any more; 0: none */
    int out;              /* where the guest's standard output goes */
};

/* Grants standard input, output and error, and the log; `streams` must outlive the policy. */
int streams_grant(struct streams *streams, mote_policy *policy, mote_error *error);

#endif

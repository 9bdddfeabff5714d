/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal's streams as the guest's. */
#ifndef MOTE_CLI_STREAMS_H
#define MOTE_CLI_STREAMS_H

#include <mote.h>

/* Grants standard input, output (to the descriptor `out`) and error, and the log. */
int streams_grant(int out, mote_policy *policy, mote_error *error);

#endif

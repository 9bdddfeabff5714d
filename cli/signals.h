/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM while a guest runs. */
#ifndef MOTE_CLI_SIGNALS_H
#define MOTE_CLI_SIGNALS_H

#include <mote.h>

/*
 * From now on SIGINT and SIGTERM interrupt the call in progress. When none is,
 * or at the second one, they end the process with 128 + the signal's number.
 * A signal that was ignored stays so.
 */
void signals_catch(mote_handle *handle);
/* Undoes it; the handle may be released afterwards. */
void signals_release(void);
/* The signal that interrupted the guest, or 0. */
int signals_caught(void);

#endif

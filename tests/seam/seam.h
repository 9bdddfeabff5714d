/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_TEST_SEAM_H
#define MOTE_TEST_SEAM_H

#include <stdbool.h>
#include <stddef.h>

/* ---- main.c: the failures ---- */

/* Whether a call has failed in this round. */
bool seam_fired(void);
/* Which one, the last ("ioctl"), or "". */
const char *seam_call(void);
/* Fails the next ioctl of the run loop, besides: the VM is lost. */
void seam_break_next_run(void);
/* Counts and prints a violation. */
__attribute__((format(printf, 1, 2))) void seam_violation(const char *format, ...);

/* ---- scenario.c: calls and sandboxes; world.c: what a policy grants to a program; workers.c:
 * the executor; pooled.c: VMs that are used again ---- */

void scenario_run(void);
void world_run(void);
void workers_run(void);
void pooled_run(void);

/* ---- census.c: what a process holds ---- */

struct census {
    unsigned fds, vms, threads, mappings; /* mappings: of VMs and unnamed files */
    size_t heap;                          /* bytes; 0 where a sanitizer has the heap */
    size_t address_space;                 /* bytes; the same */
};

void census_take(struct census *census);

#endif

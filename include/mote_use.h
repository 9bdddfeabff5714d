/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_use.h: what a host publishes about itself, for other programs to read (`mote top` does).
 *
 * A host with mote_host_options.publish has an unnamed memory file of its own, called
 * MOTE_USE_NAME, whose size is sealed. Whoever may trace the process finds it as
 * /proc/PID/fd/N, which leads to "/memfd:mote-use (deleted)", and reads it: it begins with a
 * struct mote_use. Read it with pread(2) and believe nothing: it is that process's to write.
 */
#ifndef MOTE_USE_H
#define MOTE_USE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOTE_USE_NAME  "mote-use"
#define MOTE_USE_MAGIC UINT64_C(0x3165737565746f6d) /* the bytes "moteuse1" */

/* In the byte order of the machine. Numbers are of about the same moment. Later versions append. */
typedef struct mote_use {
    uint64_t magic;
    uint64_t size;     /* of this structure, in the version of the library that writes it */
    uint64_t vms_used; /* as in mote_host_use */
    uint64_t vms_idle;
    uint64_t sandboxes;
    uint64_t parked;
    uint64_t vms_created; /* since the host was made, like those that follow */
    uint64_t vms_reused;
    uint64_t calls; /* outermost calls and runs that began */
    uint64_t resets;
} mote_use;

#ifdef __cplusplus
}
#endif

#endif

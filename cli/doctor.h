/* SPDX-License-Identifier: Apache-2.0 */
/* `mote doctor`, shared by its files: doctor.c prints what doctor_*.c find. */
#ifndef MOTE_CLI_DOCTOR_H
#define MOTE_CLI_DOCTOR_H

#include <stdbool.h>

#include "cli.h"

enum check_state {
    CHECK_GOOD,
    CHECK_NOTE, /* something optional is missing */
    CHECK_BAD   /* guests cannot run */
};

struct check {
    const char *name;
    enum check_state state;
    char detail[512];
    char remedy[384]; /* what to do; empty when nothing is */
};

CLI_PRINTF(3, 4)
void check_set(struct check *check, enum check_state state, const char *detail, ...);
CLI_PRINTF(2, 3) void check_remedy(struct check *check, const char *remedy, ...);

/* Each looks at one thing; `device` is the path of the hypervisor's device. */
void check_kernel(struct check *check, const char *device);
void check_device(struct check *check, const char *device);
void check_kind(struct check *check, const char *device);
void check_capabilities(struct check *check, const char *device);
void check_library(struct check *check, const char *device);
void check_guest(struct check *check, const char *device);
void check_wasm(struct check *check, const char *device);

#endif

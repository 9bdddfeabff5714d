/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that say how a guest runs and what it is granted: `mote run` and every other command
 * that runs guests have them, with the same meaning. command_line.h says how to add one.
 */
#ifndef MOTE_CLI_GUEST_OPTIONS_H
#define MOTE_CLI_GUEST_OPTIONS_H

#include "command_line.h"

enum {
    GUEST_INVOKE = 1,
    GUEST_DEADLINE,
    GUEST_MEMORY,
    GUEST_STACK,
    GUEST_CPU,
    GUEST_DIR,
    GUEST_DIR_READ_ONLY,
    GUEST_FILE,
    GUEST_CLOCK,
    GUEST_RANDOM,
    GUEST_REFUSED,
    GUEST_SNAPSHOT,
    GUEST_END /* ids from here on are the command's own */
};

#define A_TIME "a time such as 2s or 250ms"
#define A_SIZE "a size such as 64M or 1G"
#define A_PATH "HOST or HOST::GUEST, at most 256 times"

/* Rows of a list of struct cli_option. The test package.options reads them here. */
/* clang-format off */
#define GUEST_OPTIONS \
    {GUEST_INVOKE, 0, "invoke", "NAME", "a name"}, \
    {GUEST_DEADLINE, 0, "deadline", "TIME", A_TIME}, \
    {GUEST_MEMORY, 0, "memory", "SIZE", A_SIZE}, \
    {GUEST_STACK, 0, "stack", "SIZE", A_SIZE}, \
    {GUEST_CPU, 0, "cpu", "LEVEL", "v2 or v3"}, \
    {GUEST_DIR, 0, "dir", "HOST[::GUEST]", A_PATH}, \
    {GUEST_DIR_READ_ONLY, 0, "dir-ro", "HOST[::GUEST]", A_PATH}, \
    {GUEST_FILE, 0, "file", "HOST[::GUEST]", A_PATH}, \
    {GUEST_CLOCK, 0, "clock", "KIND", "none, frozen, coarse or real"}, \
    {GUEST_RANDOM, 0, "random", "KIND", "none, seeded:NUMBER or real"}, \
    {GUEST_REFUSED, 0, "refused", "ANSWER", "enosys or fault"}, \
    {GUEST_SNAPSHOT, 0, "snapshot", "FILE", "a file, at most 256 times"}
/* clang-format on */

/* Takes one of them; false when the value is not one that the option takes. */
bool guest_set_option(struct run_options *options, int id, const char *value);
/* What stands behind the options: the guest and its arguments. */
void guest_set_words(struct run_options *options, char **words);

#endif

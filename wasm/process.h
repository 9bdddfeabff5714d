/* SPDX-License-Identifier: Apache-2.0 */
/* Tools as child processes under resource limits. (Their jail comes later: they
 * can still read files and use the network as the user can.) */
#ifndef MOTE_WASM_PROCESS_H
#define MOTE_WASM_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct mote__limits {
    uint64_t cpu_seconds;  /* of each process */
    uint64_t memory_bytes; /* of address space */
    uint64_t file_bytes;   /* of each file that it writes */
};

struct mote__command {
    const char *what;        /* for messages: "the C compiler" */
    const char *const *argv; /* NULL-terminated; argv[0] is the path of the program */
    const char *directory;   /* where it works, keeps temporary files and finds its log */
    const char *log;         /* file in `directory` that receives its output and errors */
    struct mote__limits limits;
};

/* Starts a command. Errors: ESYSTEM. */
int mote__command_start(const struct mote__command *command, pid_t *pid,
                        struct mote__wasm_error *error);
/* Waits for it. Unless it ended with status 0, the error has the first lines of its
 * log, and `blame` is returned. Errors: blame, ESYSTEM. */
int mote__command_wait(const struct mote__command *command, pid_t pid, int blame,
                       struct mote__wasm_error *error);
/* Both. */
int mote__command_run(const struct mote__command *command, int blame,
                      struct mote__wasm_error *error);
/* Ends a command whose result is not wanted any more. */
void mote__command_kill(pid_t pid);

/* Finds a program: a name with a slash is a path, else $PATH is searched.
 * Returns an absolute path for free(), or NULL. */
char *mote__find_program(const char *name);

#endif

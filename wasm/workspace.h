/* SPDX-License-Identifier: Apache-2.0 */
/* The private, temporary folder of one build, and whole files. */
#ifndef MOTE_WASM_WORKSPACE_H
#define MOTE_WASM_WORKSPACE_H

#include <stdbool.h>

#include "error.h"
#include "text.h"

#define MOTE__PATH_MAX 4096

struct mote__workspace {
    char path[MOTE__PATH_MAX]; /* absolute; empty when there is none */
};

/* Makes a folder under $TMPDIR, or /tmp, that only this user can enter. Errors: ESYSTEM. */
int mote__workspace_create(struct mote__workspace *workspace, struct mote__wasm_error *error);
/* Removes it with all it holds; a missing one is fine. */
void mote__workspace_remove(struct mote__workspace *workspace);

/* Writes a file of the workspace. Errors: ESYSTEM. */
int mote__workspace_write(const struct mote__workspace *workspace, const char *name,
                          const void *data, size_t size, struct mote__wasm_error *error);
/* Appends a file of the workspace to `text`. Errors: ESYSTEM, ENOMEM. */
int mote__workspace_read(const struct mote__workspace *workspace, const char *name,
                         struct mote__text *text, struct mote__wasm_error *error);
/* Makes directory/name visible in the workspace, under its name. False when there is none. */
bool mote__workspace_link(const struct mote__workspace *workspace, const char *directory,
                          const char *name);
/* Moves a file of the workspace to `path`, whole or not at all, as a program that all may
 * run as far as the umask allows. Errors: ESYSTEM. */
int mote__workspace_publish(const struct mote__workspace *workspace, const char *name,
                            const char *path, struct mote__wasm_error *error);

/* Appends a file of at most `limit` bytes to `text`. Errors: ESYSTEM, EMODULE, ENOMEM. */
int mote__whole_file_read(const char *path, size_t limit, struct mote__text *text,
                          struct mote__wasm_error *error);

#endif

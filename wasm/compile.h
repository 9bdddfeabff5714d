/* SPDX-License-Identifier: Apache-2.0 */
/* From C files in the workspace to the image: several compilers at a time, then the linker. */
#ifndef MOTE_WASM_COMPILE_H
#define MOTE_WASM_COMPILE_H

#include "toolchain.h"

#define MOTE__IMAGE_FILE "image"
#define MOTE__MAX_PARTS  64

/* The name of C file number `part` of `parts` that wasm2c writes. */
void mote__part_name(char *name, size_t size, unsigned part, unsigned parts);

/* Compiles the parts, glue.c and the runtime. Errors: EMODULE (the compiler failed), ETOOL,
 * ESYSTEM, ENOMEM, ECANCELED. */
int mote__compile(const struct mote__toolchain *tools,
                  const struct mote__wasm_build_options *options,
                  const struct mote__workspace *workspace, unsigned parts,
                  struct mote__wasm_error *error);

/* Links the objects to MOTE__IMAGE_FILE. Errors as above. */
int mote__link(const struct mote__toolchain *tools, const struct mote__workspace *workspace,
               unsigned parts, struct mote__wasm_error *error);

#endif

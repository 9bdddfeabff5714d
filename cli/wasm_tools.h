/* SPDX-License-Identifier: Apache-2.0 */
/* Where the builder of WebAssembly modules finds what it needs. */
#ifndef MOTE_CLI_WASM_TOOLS_H
#define MOTE_CLI_WASM_TOOLS_H

#include <builder.h>

/*
 * Fills in the folders of the guest SDK and of the runtime's sources: those of
 * the prefix under which this command is installed, else those of its source
 * tree. wasm2c is $MOTE_WASM2C, the one that scripts/fetch-wabt got, or NULL
 * for $PATH. The strings are static.
 */
void wasm_tools_find(struct mote__wasm_build_options *options);

#endif

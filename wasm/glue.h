/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the C file that joins a translated module to the guest SDK: exports,
 * host imports, and a main that instantiates the module and serves calls. */
#ifndef MOTE_WASM_GLUE_H
#define MOTE_WASM_GLUE_H

#include "module.h"
#include "text.h"

/* Name under which wasm2c translates: symbols are w2c_guest_..., the header guest.h. */
#define MOTE__WASM_MODULE_NAME "guest"

/*
 * Appends the glue to `out`. An export that the host cannot call (its type, or a
 * name that is too long) is left out; an import that it cannot serve is refused.
 * `exported` receives the number of functions offered. Errors: EMODULE, ENOMEM.
 */
int mote__wasm_glue(const struct mote__wasm_module *module, struct mote__text *out,
                    size_t *exported, struct mote__wasm_error *error);

#endif

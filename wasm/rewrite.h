/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives a module neutral names before it is translated: import number n becomes
 * function "in" of module "h", export number n "en_" and the letters of its
 * name, exports that are not functions go. So no name of a hostile module
 * reaches a C identifier as it is, and the glue need not know how wasm2c mangles
 * names. Of the custom sections only "name" stays, for the symbols in reports.
 */
#ifndef MOTE_WASM_REWRITE_H
#define MOTE_WASM_REWRITE_H

#include "module.h"
#include "text.h"

#define MOTE__SYMBOL_MAX 64

/* The neutral name of export `number`: a C identifier, NUL-terminated. */
void mote__wasm_export_symbol(const struct mote__wasm_export *export, size_t number,
                              char symbol[MOTE__SYMBOL_MAX]);

/* Appends the rewritten binary to `out`; check mote__text_ok. */
void mote__wasm_rewrite(const struct mote__wasm_module *module, struct mote__text *out);

#endif

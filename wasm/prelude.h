/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns the C that wasm2c 1.0.42 generates into C for a guest of mote: linear
 * memory at address 0, and traps that say which one they are. Each edit replaces
 * a text that must be there exactly once, so that another wasm2c, whose
 * prelude differs, is refused instead of mistranslated.
 */
#ifndef MOTE_WASM_PRELUDE_H
#define MOTE_WASM_PRELUDE_H

#include "error.h"
#include "text.h"

/* `source` is the generated file with the prelude; the edited one is appended
 * to `out`. Errors: ETOOL, ENOMEM. */
int mote__wasm_edit_prelude(const char *source, struct mote__text *out,
                            struct mote__wasm_error *error);

#endif

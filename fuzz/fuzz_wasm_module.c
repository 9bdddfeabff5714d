/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile modules through all that mote itself reads and writes of them: the parser, the rewriting
 * with neutral names (which must parse again, to the same shape), the glue. Needs mote_wasm. */
#include <stdint.h>
#include <stdlib.h>

#include "glue.h"
#include "module.h"
#include "rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_rewritten(const struct mote__wasm_module *module)
{
    struct mote__text binary = MOTE__TEXT_INIT;
    struct mote__wasm_module again;
    mote__wasm_rewrite(module, &binary);
    if (mote__text_ok(&binary)) {
        check(mote__wasm_module_parse(&again, binary.data, binary.size, NULL) == 0);
        check(again.nimports == module->nimports && again.ntypes == module->ntypes &&
              again.nfunctions == module->nfunctions && again.nexports <= module->nexports);
        mote__wasm_module_free(&again);
    }
    mote__text_free(&binary);
}

static void check_glue(const struct mote__wasm_module *module)
{
    struct mote__wasm_error error;
    struct mote__text glue = MOTE__TEXT_INIT;
    size_t exports = 0;
    if (mote__wasm_glue(module, &glue, &exports, &error) == 0)
        check(exports <= module->nexports);
    mote__text_free(&glue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mote__wasm_error error;
    struct mote__wasm_module module;
    if (mote__wasm_module_parse(&module, data, size, &error) != 0)
        return 0;
    check_rewritten(&module);
    check_glue(&module);
    mote__wasm_module_free(&module);
    return 0;
}

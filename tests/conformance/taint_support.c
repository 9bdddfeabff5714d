/* SPDX-License-Identifier: Apache-2.0 */
#include "taint_support.h"

#include <stdlib.h>
#include <string.h>

const uint32_t taint_endings[TAINT_ENDINGS] = {0,
                                               TAINT_UD2,
                                               TAINT_SPIN,
                                               TAINT_EXIT,
                                               TAINT_PENDING_X87,
                                               TAINT_TF,
                                               TAINT_PENDING_X87 | TAINT_UD2};

static bool probe(struct box *box, uint32_t what, uint64_t *answer)
{
    mote_value result;
    bool works = box_call(box, "probe", ARGS(v_u32(what)), &result) == MOTE_OK;

    if (works && answer != NULL) {
        *answer = result.of.u64;
    }
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return works;
}

uint32_t taint_capabilities(struct box *box)
{
    uint64_t xcr0 = 0;
    uint32_t flags = probe(box, TAINT_PROBE_FSGSBASE, NULL) ? TAINT_FSGSBASE : 0;

    if (probe(box, TAINT_PROBE_XGETBV, &xcr0)) {
        flags |= (xcr0 & 4) != 0 && probe(box, TAINT_PROBE_AVX, NULL) ? TAINT_AVX : 0;
        flags |= (xcr0 & 0xe0) == 0xe0 && probe(box, TAINT_PROBE_AVX512, NULL) ? TAINT_AVX512 : 0;
        flags |= probe(box, TAINT_PROBE_XSAVE, NULL) ? TAINT_XSAVE : 0;
    }
    return flags;
}

unsigned char *taint_look(mote_sandbox *sandbox, mote_image *image, uint32_t flags)
{
    unsigned char *seen = malloc(LOOK_SIZE);
    mote_value result;

    CHECK(seen != NULL);
    CHECK_CODE(call(sandbox, image, "look", ARGS(v_u32(flags)), &result), MOTE_OK);
    CHECK_INT(result.of.bytes.size, LOOK_SIZE);
    memcpy(seen, result.of.bytes.data, LOOK_SIZE);
    memset(seen + LOOK_XSAVE + 512, 0, 8);
    return seen;
}

void taint_fill(struct box *box, uint32_t flags, uint32_t selector)
{
    uint64_t deadline = (flags & TAINT_SPIN) != 0 ? SECOND / 20 : 0;
    int rc = call_deadline(box, "taint", deadline, ARGS(v_u32(flags), v_u32(selector)), NULL);

    CHECK(rc == MOTE_OK || rc == MOTE_EFAULT || rc == MOTE_EDEADLINE || rc == MOTE_EEXITED);
    if ((flags & (TAINT_UD2 | TAINT_SPIN | TAINT_EXIT | TAINT_TF)) != 0) {
        CHECK(rc != MOTE_OK);
    }
}

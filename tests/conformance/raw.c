/* SPDX-License-Identifier: Apache-2.0 */
#include "raw.h"

#include <string.h>

static uint64_t scratch; /* one sandbox in each test, and the same address in all */

void raw_open(struct box *box)
{
    box_open(box, "scratch");
}

void raw_start(struct box *box)
{
    mote_value result;

    box_start(box);
    must_call(box, "scratch", NO_ARGS, &result);
    scratch = result.of.u64;
}

uint64_t at(uint64_t offset)
{
    return scratch + offset;
}

void raw_put(struct box *box, uint64_t offset, const void *data, size_t size)
{
    CHECK_CODE(mote_memory_write(box->sandbox, at(offset), data, size), MOTE_OK);
}

void raw_get(struct box *box, uint64_t offset, void *data, size_t size)
{
    CHECK_CODE(mote_memory_read(box->sandbox, at(offset), data, size), MOTE_OK);
}

uint64_t raw_text(struct box *box, uint64_t offset, const char *text)
{
    raw_put(box, offset, text, strlen(text) + 1);
    return at(offset);
}

int64_t raw_call(struct box *box, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                 uint64_t e, uint64_t f)
{
    mote_value result;

    must_call(box, "raw",
              ARGS(v_u64(number), v_u64(a), v_u64(b), v_u64(c), v_u64(d), v_u64(e), v_u64(f)),
              &result);
    return result.of.i64;
}

int raw_fails(struct box *box, uint64_t deadline_ns, uint64_t number, uint64_t a, uint64_t b,
              uint64_t c)
{
    mote_value result;

    return call_deadline(
        box, "raw", deadline_ns,
        ARGS(v_u64(number), v_u64(a), v_u64(b), v_u64(c), v_u64(0), v_u64(0), v_u64(0)), &result);
}

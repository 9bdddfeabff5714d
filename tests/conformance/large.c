/* SPDX-License-Identifier: Apache-2.0 */
/* Memory limits up to 16 GiB: they cost nothing until used, and what is used comes back. */
#include "census.h"
#include "support.h"

#define GIB (1024ull * MIB)

static size_t resident_with(uint64_t limit)
{
    struct box box;
    size_t bytes;

    box_open(&box, "probe");
    CHECK_CODE(mote_image_boot(box.image, NULL), MOTE_OK);
    set_option(&box, MOTE_OPT_MEMORY, limit);
    size_t before = resident_bytes();
    box_start(&box);
    must_call(&box, "map", ARGS(v_u64(4096)), &(mote_value){0});
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    bytes = resident_bytes() - before;
    box_close(&box);
    return bytes;
}

TEST(large, idle_costs_the_same)
{
    resident_with(64 * MIB); /* fills what libc keeps for itself */
    size_t small = resident_with(64 * MIB), large = resident_with(16 * GIB);
    /* The kernel counts resident pages in batches of 64 a thread; tables for 16 GiB are 32 MiB. */
    CHECK(large <= small + 1 * MIB);
}

TEST(large, limits)
{
    struct box box;

    box_open(&box, "probe");
    CHECK_CODE(mote_policy_set(box.policy, MOTE_OPT_MEMORY, 16 * GIB, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_set(box.policy, MOTE_OPT_MEMORY, 16 * GIB + 1, NULL), MOTE_EINVAL);
    box_close(&box);
}

static uint64_t map(struct box *box, uint64_t size)
{
    mote_value address;

    must_call(box, "map", ARGS(v_u64(size)), &address);
    return address.of.u64;
}

static void poke(struct box *box, uint64_t address, uint32_t value)
{
    must_call(box, "poke", ARGS(v_u64(address), v_u32(value)), NULL);
}

static uint32_t peek(struct box *box, uint64_t address)
{
    mote_value value;

    must_call(box, "peek", ARGS(v_u64(address)), &value);
    return value.of.u32;
}

/* A few pages, far from each other, the last ones beyond 4 GiB. */
static const uint64_t touched[] = {
    0, 4096, 2 * MIB, GIB - 4096, GIB, 3 * GIB + 5 * MIB, 4 * GIB - 4096, 4 * GIB, 5 * GIB - 4096};

static void use_sparsely(struct box *box)
{
    uint64_t base = map(box, 5 * GIB);

    CHECK(base != 0);
    for (uint32_t i = 0; i < COUNT(touched); i++) {
        CHECK_INT(peek(box, base + touched[i]), 0);
        poke(box, base + touched[i], i + 1);
    }
    for (uint32_t i = 0; i < COUNT(touched); i++) {
        CHECK_INT(peek(box, base + touched[i]), i + 1);
    }
    CHECK(mote_sandbox_report(box->sandbox)->memory > 5 * GIB);
}

TEST(large, sparse_use_beyond_4_gib)
{
    struct box box;

    box_open(&box, "probe");
    set_option(&box, MOTE_OPT_MEMORY, 16 * GIB);
    box_start(&box);
    must_call(&box, "map", ARGS(v_u64(4096)), &(mote_value){0});
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    size_t before = resident_bytes();
    /* Nothing of the first use shows in the second, and little of it is kept. */
    for (int round = 0; round < 2; round++) {
        use_sparsely(&box);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK(mote_sandbox_report(box.sandbox)->reset_pages < 64);
        CHECK(map(&box, 4096) != 0);
        CHECK(mote_sandbox_report(box.sandbox)->memory < 16 * MIB);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    /* the page tables of 5 GiB are 10 MiB; the shadow of a sanitizer is nobody's to count */
    CHECK(SANITIZED || resident_bytes() < before + 16 * MIB);
    CHECK_INT(map(&box, 17 * GIB), 0);
    box_close(&box);
}

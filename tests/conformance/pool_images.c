/* SPDX-License-Identifier: Apache-2.0 */
/* Any image in any VM: guests of several images take turns in one, and meet nothing of each other.
 */
#include "pool_support.h"
#include "taint_support.h"

#include <stdlib.h>
#include <string.h>

static const mote_host_options freely = {.shells_high = 1, .reuse = MOTE_REUSE_FREELY};

/* ---- guests of several kinds --------------------------------------------------------- */

struct turn {
    struct box *box;
    unsigned char *reference; /* what the untainted guest sees; of the two that are tainted */
    uint32_t flags;           /* of this processor */
    unsigned random;
};

static unsigned next(struct turn *turn)
{
    turn->random = turn->random * 1103515245 + 12345;
    return turn->random >> 16;
}

static void visit_taint(struct turn *turn)
{
    /* Not the ending that takes a deadline: there are many. */
    static const uint32_t endings[] = {0, TAINT_UD2, TAINT_EXIT, TAINT_PENDING_X87, TAINT_TF};
    unsigned char *now = taint_look(turn->box->sandbox, turn->box->image, turn->flags);

    CHECK_BYTES(now, turn->reference, LOOK_SIZE);
    free(now);
    taint_fill(turn->box, turn->flags | endings[next(turn) % COUNT(endings)], 0);
}

static void visit_echo(struct turn *turn)
{
    mote_value result;

    must_call(turn->box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    must_call(turn->box, "kept", NO_ARGS, &result);
    CHECK_INT(result.of.bytes.size, 0);
    must_call(turn->box, "keep", ARGS(v_bytes("secret", 6)), NULL);
}

static void visit_dirty(struct turn *turn)
{
    mote_value result;

    must_call(turn->box, "traces", NO_ARGS, &result);
    CHECK_INT(result.of.u64, 1);
    must_call(turn->box, "dirty", ARGS(v_u32(next(turn) % 20)), NULL);
    if (next(turn) % 16 == 0) {
        must_call(turn->box, "dirty_mapped", ARGS(v_u32(1 + next(turn) % 40)), &result);
    }
}

static void visit_scratch(struct turn *turn)
{
    mote_value result;
    uint64_t word = 0;

    must_call(turn->box, "scratch", NO_ARGS, &result);
    result.of.u64 += 0x8000;
    CHECK_CODE(mote_memory_read(turn->box->sandbox, result.of.u64, &word, 8), MOTE_OK);
    CHECK_HEX(word, 0);
    CHECK_CODE(mote_memory_write(turn->box->sandbox, result.of.u64, "a secret", 8), MOTE_OK);
}

static const struct {
    const char *name;
    void (*visit)(struct turn *turn);
} guests[] = {
    {"taint", visit_taint},     {"echo", visit_echo},       {"taint_high", visit_taint},
    {"dirty", visit_dirty},     {"scratch", visit_scratch}, {"echo_pie", visit_echo},
    {"echo_glibc", visit_echo},
};

struct visitors {
    struct box box;
    mote_image *images[COUNT(guests)];
    unsigned char *references[COUNT(guests)];
    struct turn turn;
};

/* Before any guest has tainted anything. */
static unsigned char *reference_of(struct visitors *v, size_t guest)
{
    unsigned char *reference;

    v->box.image = v->images[guest];
    pool_start(&v->box, NULL);
    v->turn.flags = taint_capabilities(&v->box);
    reference = taint_look(v->box.sandbox, v->box.image, v->turn.flags);
    pool_leave(&v->box);
    return reference;
}

static void open_visitors(struct visitors *v, mote_host_options options)
{
    pool_open(&v->box, guests[0].name, options);
    v->images[0] = v->box.image;
    for (size_t i = 1; i < COUNT(guests); i++) {
        v->images[i] = open_guest(v->box.host, guests[i].name);
    }
    v->turn = (struct turn){.box = &v->box, .random = 4711};
    for (size_t i = 0; i < COUNT(guests); i++) {
        v->references[i] = guests[i].visit == visit_taint ? reference_of(v, i) : NULL;
    }
}

static void visit(struct visitors *v, size_t guest, const char *tenant)
{
    v->box.image = v->images[guest];
    pool_start(&v->box, tenant);
    v->turn.reference = v->references[guest];
    guests[guest].visit(&v->turn);
    pool_leave(&v->box);
}

static void close_visitors(struct visitors *v)
{
    for (size_t i = 0; i < COUNT(guests); i++) {
        free(v->references[i]);
        if (i > 0) {
            mote_image_unref(v->images[i]);
        }
    }
    v->box.image = v->images[0];
    box_close(&v->box);
}

/* ---- tests --------------------------------------------------------------------------- */

TEST(pool, every_image_in_one_vm)
{
    struct visitors v;

    open_visitors(&v, freely);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(guests); i++) {
            for (size_t j = 0; j < COUNT(guests); j++) {
                visit(&v, i, "a");
                visit(&v, j, "b");
            }
        }
    }
    CHECK_INT(pool_log().made, 1);
    CHECK_INT(pool_log().fresh, 1);
    close_visitors(&v);
}

/* The whole of it, many times: images and tenants as chance has it. */
TEST(pool, hundred_thousand_reuses)
{
    static const char *const tenants[] = {"a", "b", "c"};
    mote_host_options options = {.shells_high = COUNT(tenants)};
    unsigned many = test_repeat(100000);
    struct visitors v;

    if (emulated()) {
        many /= 20;
    }
    open_visitors(&v, options);
    for (unsigned i = 0; i < many; i++) {
        size_t guest = next(&v.turn) % COUNT(guests);

        visit(&v, guest, tenants[next(&v.turn) % COUNT(tenants)]);
    }
    CHECK_INT(pool_log().mixed, 0);
    CHECK_INT(pool_log().made, COUNT(tenants) + 2); /* two to look at what is clean */
    close_visitors(&v);
}

/* More images than there is room for in one VM. */
TEST(pool, more_images_than_seats)
{
    mote_image *images[20];
    mote_value result;
    struct box box;

    pool_open(&box, "echo", freely);
    images[0] = box.image;
    for (size_t i = 1; i < COUNT(images); i++) {
        images[i] = open_guest(box.host, "echo");
    }
    for (size_t i = 0; i < 3 * COUNT(images); i++) {
        box.image = images[i % COUNT(images)];
        pool_start(&box, NULL);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
        pool_leave(&box);
    }
    CHECK(pool_log().made > 1);
    CHECK(pool_log().reused > COUNT(images));
    for (size_t i = 1; i < COUNT(images); i++) {
        mote_image_unref(images[i]);
    }
    box.image = images[0];
    box_close(&box);
}

/* A call that is late before its guest has run in the VM, which stands in another's monitor. */
TEST(pool, interrupted_before_the_first_instruction)
{
    struct visitors v;
    mote_value result;

    open_visitors(&v, freely);
    for (unsigned i = 0; i < test_repeat(100); i++) {
        int rc;

        v.box.image = v.images[0];
        pool_start(&v.box, "a");
        taint_fill(&v.box, v.turn.flags | TAINT_UD2, 0);
        pool_leave(&v.box);
        v.box.image = v.images[1];
        pool_start(&v.box, "b");
        rc = call_deadline(&v.box, "count", 1, NO_ARGS, &result);
        CHECK(rc == MOTE_OK || rc == MOTE_EDEADLINE);
        CHECK_CODE(mote_reset(v.box.sandbox), MOTE_OK);
        guests[1].visit(&v.turn);
        pool_leave(&v.box);
    }
    CHECK_INT(pool_log().made, 1);
    close_visitors(&v);
}

/* A VM in use outlives an image that it has served before. */
TEST(pool, image_goes_while_another_has_its_vm)
{
    mote_image *other;
    mote_image *first;
    mote_value result;
    struct box box;

    pool_open(&box, "echo", freely);
    first = box.image;
    for (int i = 0; i < 3; i++) {
        other = box.image = open_guest(box.host, "dirty");
        pool_start(&box, NULL);
        pool_leave(&box);
        box.image = first;
        pool_start(&box, NULL);
        mote_image_unref(other);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
        pool_leave(&box);
    }
    box_close(&box);
}

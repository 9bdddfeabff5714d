/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that lie in the mailbox, and a thread that rewrites it under the library's eyes. */
#include "census.h"
#include "support.h"

#include "mote_abi.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* ---- host functions that believe nothing ---------------------------------------------- */

static unsigned calls;

static int fn_add(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    (void)user;
    (void)context;
    CHECK(nargs == 2 && args[0].type == MOTE_I32 && args[1].type == MOTE_I32);
    CHECK(args[0].of.i32 == 1 && args[1].of.i32 == 2);
    calls++;
    *result = v_i32(3);
    return 0;
}

static int fn_take(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    volatile unsigned char sum = 0;

    (void)user;
    (void)context;
    (void)result;
    CHECK(nargs == 1 && args[0].type == MOTE_BYTES && args[0].of.bytes.size <= 64 * MIB);
    for (size_t i = 0; i < args[0].of.bytes.size; i++) {
        sum = (unsigned char)(sum + ((const unsigned char *)args[0].of.bytes.data)[i]);
    }
    calls++;
    return 0;
}

static int fn_give(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    CHECK(nargs == 1 && args[0].type == MOTE_U32);
    *result = v_bytes("0123456789", 10);
    calls++;
    return 0;
}

/* Tells the n-th lie in a nested call; what comes of it is the outer call's to say. */
static int fn_tell(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    struct box *box = user;
    mote_value status = {.type = MOTE_VOID};

    CHECK(nargs == 1 && mote_context_sandbox(context) == box->sandbox);
    if (box_call(box, "lie", args, nargs, &status) == MOTE_OK) {
        *result = status;
    }
    return 0;
}

static void fn_log(void *user, mote_sandbox *sandbox, unsigned level, const char *text, size_t size)
{
    volatile char last = 0;

    (void)user;
    (void)sandbox;
    CHECK(level <= 3 && size <= MOTE_MAX_TEXT);
    for (size_t i = 0; i < size; i++) {
        last = text[i];
    }
    (void)last;
}

static void open_liar(struct box *box)
{
    box_open(box, "mailbox_liar");
    grant(box, "add", "(i32,i32)->i32", fn_add, NULL);
    grant(box, "take", "(bytes)->void", fn_take, NULL);
    grant(box, "give", "(u32)->bytes", fn_give, NULL);
    grant(box, "tell", "(u32)->i32", fn_tell, box);
    CHECK_CODE(mote_policy_log(box->policy, fn_log, NULL, NULL), MOTE_OK);
    box_start(box);
}

/* ---- lies ------------------------------------------------------------------ */

static void lie_name(struct box *box, uint32_t n, char *name, size_t size)
{
    mote_value result;

    must_call(box, "lie_name", ARGS(v_u32(n)), &result);
    snprintf(name, size, "%.*s", (int)result.of.bytes.size, (const char *)result.of.bytes.data);
}

static uint32_t lies(struct box *box)
{
    mote_value result;

    must_call(box, "lie_count", NO_ARGS, &result);
    return result.of.u32;
}

/* Tells one lie; gives the call's code, and the guest's status when it came back. */
static int tell_by(struct box *box, const char *export, uint32_t n, int32_t *status)
{
    mote_value result = {.type = MOTE_VOID};
    mote_call_options options = {sizeof(options), 5 * SECOND};
    int rc =
        mote_call(box->sandbox, find(box->image, export), &options, ARGS(v_u32(n)), &result, 1);

    *status = rc == MOTE_OK ? result.of.i32 : 0;
    return rc;
}

static int tell(struct box *box, uint32_t n, int32_t *status)
{
    return tell_by(box, "lie", n, status);
}

/* A lie ends in an error for the guest or for the caller, and after a reset all is well. In a
 * nested call a guest that serves on comes to its outer call again and again. */
static void lies_are_harmless(const char *export, bool may_be_late)
{
    struct box box;
    uint32_t count;

    open_liar(&box);
    count = lies(&box);
    CHECK(count > 50);
    for (uint32_t n = 0; n < count; n++) {
        char name[64];
        int32_t status;
        int rc;

        lie_name(&box, n, name, sizeof(name));
        rc = tell_by(&box, export, n, &status);
        if (rc == MOTE_ESTRANGE || (rc == MOTE_EDEADLINE && !may_be_late) || rc == MOTE_ENOMEM ||
            rc == MOTE_ESYSTEM) {
            FAIL("%s: %s: %s", name, mote_error_name(rc), mote_sandbox_error(box.sandbox)->text);
        }
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(mailbox, lies_are_harmless)
{
    lies_are_harmless("lie", false);
}

TEST(mailbox, nested_lies_are_harmless)
{
    lies_are_harmless("lie_inside", true);
}

static uint32_t number_of(struct box *box, const char *wanted)
{
    uint32_t count = lies(box);
    char name[64];

    for (uint32_t n = 0; n < count; n++) {
        lie_name(box, n, name, sizeof(name));
        if (strcmp(name, wanted) == 0) {
            return n;
        }
    }
    FAIL("the guest has no lie named %s", wanted);
}

/* The host function must not run, and the guest or the caller is told. */
static void refused(struct box *box, const char *name)
{
    unsigned before = calls;
    int32_t status;
    int rc = tell(box, number_of(box, name), &status);

    if (calls != before) {
        FAIL("%s: the host function ran", name);
    }
    if (rc == MOTE_OK && status >= 0) {
        FAIL("%s: taken for true (status %d)", name, status);
    }
    expect_alive(box);
}

/* Calls return inner first, and each only once. */
TEST(mailbox, lying_frames)
{
    const char *names[] = {"outer_returned_first",  "outer_failed_first", "no_frame_returned",
                           "frame_beside_returned", "returned_twice",     "request_ready_again"};
    struct box box;

    open_liar(&box);
    for (size_t i = 0; i < COUNT(names); i++) {
        int32_t status;
        int rc = tell_by(&box, "lie_inside", number_of(&box, names[i]), &status);

        check_fault(&box, rc, MOTE_EPROTOCOL, MOTE_FAULT_PROTOCOL);
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(mailbox, lying_types)
{
    const char *names[] = {
        "unknown_function",   "huge_function",          "too_few_arguments", "huge_count",
        "too_many_arguments", "thirty_three_arguments", "wrong_type",        "type_zero",
        "type_reserved",      "wrong_result_type",      "type_unknown",      "result_type_unknown",
    };
    struct box box;

    open_liar(&box);
    for (size_t i = 0; i < COUNT(names); i++) {
        refused(&box, names[i]);
    }
    box_close(&box);
}

TEST(mailbox, lying_ranges)
{
    const char *names[] = {
        "call_at_null",        "call_at_non_canonical",  "call_at_kernel_half",
        "call_at_last_byte",   "call_that_wraps",        "call_at_unmapped",
        "bytes_at_null",       "bytes_at_non_canonical", "bytes_in_kernel_half",
        "bytes_that_wrap",     "bytes_of_all_sizes",     "bytes_of_half_the_world",
        "bytes_of_a_terabyte", "bytes_beyond_the_limit",
    };
    struct box box;

    open_liar(&box);
    for (size_t i = 0; i < COUNT(names); i++) {
        refused(&box, names[i]);
    }
    box_close(&box);
}

TEST(mailbox, truth_is_taken)
{
    const char *names[] = {"honest", "misaligned_call", "no_bytes_at_null", "no_bytes_anywhere"};
    struct box box;
    int32_t status;

    open_liar(&box);
    CHECK_CODE(tell(&box, number_of(&box, "honest"), &status), MOTE_OK);
    CHECK_INT(status, 0);
    CHECK_INT(calls, 1);
    for (size_t i = 0; i < COUNT(names); i++) {
        int rc = tell(&box, number_of(&box, names[i]), &status);

        CHECK(rc == MOTE_OK || rc == MOTE_EPROTOCOL);
        expect_alive(&box);
    }
    box_close(&box);
}

/* ---- lies in results ------------------------------------------------------------------ */

TEST(mailbox, lying_results)
{
    const uint64_t addresses[] = {0, 8, 0x6fffdead0000, 1ull << 47, 1ull << 63, UINT64_MAX - 7};
    const uint64_t sizes[] = {16, 1ull << 32, 1ull << 40, 1ull << 63, UINT64_MAX};
    const char *exports[] = {"lie_bytes", "lie_string"};
    struct box box;

    open_liar(&box);
    for (size_t i = 0; i < COUNT(addresses) * COUNT(sizes) * 2; i++) {
        mote_value result;
        uint64_t address = addresses[i / 2 % COUNT(addresses)];
        uint64_t size = sizes[i / 2 / COUNT(addresses)];
        int rc = box_call(&box, exports[i % 2], ARGS(v_u64(address), v_u64(size)), &result);

        if (rc != MOTE_EPROTOCOL && rc != MOTE_ELIMIT) {
            FAIL("0x%llx, 0x%llx bytes: %s", (unsigned long long)address, (unsigned long long)size,
                 mote_error_name(rc));
        }
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(mailbox, size_beyond_the_region)
{
    const uint64_t sizes[] = {64 * MIB, 1ull << 30, 1ull << 40, UINT64_MAX};
    struct box box;
    mote_value result;

    open_liar(&box);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        /* The info page's neighbourhood is mapped, but not for so long. */
        int rc = box_call(&box, "lie_bytes", ARGS(v_u64(0x400000), v_u64(sizes[i])), &result);

        CHECK(rc == MOTE_EPROTOCOL || rc == MOTE_ELIMIT);
        expect_alive(&box);
    }
    box_close(&box);
}

/* The rest of a slot is ignored or refused, but a value is always of its type. */
TEST(mailbox, narrow_results_with_wide_bits)
{
    struct box box;
    mote_value result;
    int rc;

    open_liar(&box);
    rc = box_call(&box, "lie_i32", ARGS(v_u64(0xdeadbeef00000007), v_u64(UINT64_MAX)), &result);
    CHECK((rc == MOTE_OK && result.of.i32 == 7) || rc == MOTE_EPROTOCOL);
    expect_alive(&box);
    rc = box_call(&box, "lie_bool", ARGS(v_u64(0xfe), v_u64(0)), &result);
    if (rc == MOTE_OK) {
        unsigned char byte;

        memcpy(&byte, &result.of.boolean, 1);
        CHECK(byte <= 1);
    } else {
        CHECK_CODE(rc, MOTE_EPROTOCOL);
    }
    expect_alive(&box);
    box_close(&box);
}

/* ---- a mailbox that changes while it is read ------------------------------------------------ */

struct scribbler {
    unsigned char *target;
    size_t size; /* bytes of the target that are scribbled on */
    atomic_bool stop;
    atomic_uint rounds;
};

/* Finds the host's own mapping of guest memory by what the guest has there. */
static unsigned char *own_mapping(struct searcher *searcher)
{
    uintptr_t at[8];
    size_t found = searcher_count(searcher, at, COUNT(at));

    if (found != 1) {
        FAIL("the needle lies in %zu places", found);
    }
    return (unsigned char *)at[0]; /* NOLINT(performance-no-int-to-ptr) */
}

static void make_needle(struct searcher *searcher, unsigned salt)
{
    searcher_open(searcher, 16);
    for (unsigned i = 0; i < 16; i++) {
        searcher->needle[i] = (unsigned char)(salt + i * 73 + (i * i << 3) + 0x91);
    }
}

static int fn_checked_take(void *user, mote_context *context, const mote_value *args, size_t nargs,
                           mote_value *result)
{
    const char *bytes = args[0].of.bytes.data;

    (void)user;
    (void)context;
    (void)result;
    if (nargs != 1 || args[0].type != MOTE_BYTES) {
        FAIL("the host function got %zu arguments, the first of type %d", nargs, args[0].type);
    }
    if (args[0].of.bytes.size != 64 && args[0].of.bytes.size != 1) {
        FAIL("the host function got %zu bytes", args[0].of.bytes.size);
    }
    for (size_t i = 0; i < args[0].of.bytes.size; i++) {
        CHECK_INT(bytes[i], 'a');
    }
    calls++;
    return 0;
}

/* A few microseconds, so that others see the value before the next one replaces it. */
static void hold(void)
{
    for (int i = 0; i < 50; i++) {
        __builtin_ia32_pause();
    }
}

/* Keeps changing one field of a host call between what is right and what is not. The values are
 * such that no mixture of a right and a wrong one is right. */
PLAYS_GUEST static void *flip_call(void *argument)
{
    struct scribbler *s = argument;
    volatile struct mote_host_call *header = (void *)(s->target + 16);
    volatile struct mote_slot *slot = (void *)(s->target + 16 + sizeof(struct mote_host_call));
    uint64_t address = slot->lo;

    while (!atomic_load(&s->stop)) {
        unsigned round = atomic_fetch_add(&s->rounds, 1);

        switch (round % 4) {
        case 0:
            header->nargs = 32;
            hold();
            header->nargs = 1;
            break;
        case 1:
            header->types[0] = MOTE_TYPE_I32;
            hold();
            header->types[0] = MOTE_TYPE_BYTES;
            break;
        case 2:
            slot->hi = 1ull << 40;
            hold();
            slot->hi = round % 8 < 4 ? 1 : 64;
            break;
        default:
            slot->lo = UINT64_MAX - 32;
            hold();
            slot->lo = address;
            break;
        }
        hold();
    }
    return NULL;
}

static void open_racer(struct box *box, struct searcher *searcher, struct scribbler *scribbler)
{
    mote_value result;

    box_open(box, "probe");
    grant(box, "take", "(bytes)->void", fn_checked_take, NULL);
    box_start(box);
    make_needle(searcher, 1);
    must_call(box, "race_prepare", ARGS(v_bytes(searcher->needle, 16)), &result);
    /* The mailbox may hold the argument still; the block is what the guest says it is. */
    must_call(box, "mailbox", NO_ARGS, &result);
    must_call(box, "address_of", ARGS(v_bytes("0123456789abcdef0123456789abcdef", 32)), &result);
    memset(scribbler, 0, sizeof(*scribbler));
    scribbler->target = own_mapping(searcher);
}

TEST(mailbox, rewritten_during_decode)
{
    struct box box;
    struct searcher searcher;
    struct scribbler scribbler;
    pthread_t thread;
    mote_value result;
    uint32_t taken = 0;

    open_racer(&box, &searcher, &scribbler);
    must_call(&box, "race", ARGS(v_u32(10)), &result);
    CHECK_INT(result.of.u32, 10);
    CHECK(pthread_create(&thread, NULL, flip_call, &scribbler) == 0);
    while (atomic_load(&scribbler.rounds) < test_repeat(50000)) {
        must_call(&box, "race", ARGS(v_u32(200)), &result);
        taken += result.of.u32;
    }
    atomic_store(&scribbler.stop, true);
    pthread_join(thread, NULL);
    CHECK_INT(calls, taken + 10);
    CHECK(taken > 0);
    searcher_close(&searcher);
    box_close(&box);
}

/* ---- noise over the whole mailbox ------------------------------------------------------------ */

PLAYS_GUEST static void *scribble(void *argument)
{
    struct scribbler *s = argument;
    uint64_t state = 88172645463325252ull;
    const uint64_t hostile[] = {0, 1, 5, 0xffffffff, UINT64_MAX, 1ull << 63, 0x800000000000, 64};

    while (!atomic_load(&s->stop)) {
        uint64_t value;
        size_t offset;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value = (state & 0x100) != 0 ? hostile[state >> 10 & 7] : state;
        offset = (state >> 16) % (s->size / 8) * 8;
        *(volatile uint64_t *)(void *)(s->target + offset) = value;
        if (atomic_fetch_add(&s->rounds, 1) % 64 == 0) {
            sleep_ms(0);
        }
    }
    return NULL;
}

/* The mailbox in this process: where an argument lies for the guest tells how far from its start
 * the needle is. */
static unsigned char *own_mailbox(struct box *box)
{
    struct searcher searcher;
    mote_value mailbox;
    mote_value argument;
    unsigned char *found;

    make_needle(&searcher, 2);
    must_call(box, "mailbox", NO_ARGS, &mailbox);
    must_call(box, "address_of", ARGS(v_bytes(searcher.needle, 16)), &argument);
    CHECK(argument.of.u64 > mailbox.of.u64);
    found = own_mapping(&searcher) - (argument.of.u64 - mailbox.of.u64);
    searcher_close(&searcher);
    return found;
}

static int fn_any_take(void *user, mote_context *context, const mote_value *args, size_t nargs,
                       mote_value *result)
{
    (void)user;
    (void)context;
    (void)result;
    CHECK(nargs == 1 && args[0].type == MOTE_BYTES && args[0].of.bytes.size <= 64 * MIB);
    return 0;
}

TEST(mailbox, noise)
{
    struct box box;
    struct scribbler scribbler = {.size = 512};
    pthread_t thread;
    mote_value result;

    box_open(&box, "probe");
    grant(&box, "take", "(bytes)->void", fn_any_take, NULL);
    box_start(&box);
    scribbler.target = own_mailbox(&box);
    CHECK(pthread_create(&thread, NULL, scribble, &scribbler) == 0);
    for (unsigned i = 0; i < test_repeat(300); i++) {
        int rc = call_deadline(&box, "take", SECOND / 100,
                               ARGS(v_bytes("some bytes for the host", 23)), &result);

        CHECK(rc != MOTE_ESTRANGE && rc != MOTE_ESYSTEM);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    atomic_store(&scribbler.stop, true);
    pthread_join(thread, NULL);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "take", ARGS(v_bytes("x", 1)), &result);
    CHECK_INT(result.of.i32, 0);
    box_close(&box);
}

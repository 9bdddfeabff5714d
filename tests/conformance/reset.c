/* SPDX-License-Identifier: Apache-2.0 */
/* Reset: every call may start as fresh as the first, and nothing of the last one is left. */
#include "census.h"
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

TEST(reset, memory_clean)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (unsigned i = 0; i < test_repeat(200); i++) {
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 2);
        must_call(&box, "keep", ARGS(v_bytes("secret", 6)), NULL);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        must_call(&box, "kept", NO_ARGS, &result);
        CHECK_INT(result.of.bytes.size, 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* Without a reset, state stays: the test above could fail. */
TEST(reset, warm_state_stays)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "keep", ARGS(v_bytes("secret", 6)), NULL);
    must_call(&box, "kept", NO_ARGS, &result);
    CHECK_BYTES(result.of.bytes.data, "secret", 6);
    box_close(&box);
}

/* Bytes that `traces` sums up: 1 in a fresh sandbox. */
static void expect_traces(struct box *box, uint64_t expected)
{
    mote_value result;

    must_call(box, "traces", NO_ARGS, &result);
    CHECK_INT(result.of.u64, expected);
}

TEST(reset, every_dirty_page)
{
    const uint32_t counts[] = {0, 1, 2, 16, 64, 256};
    struct box box;
    mote_value result;

    box_run(&box, "dirty");
    for (size_t i = 0; i < COUNT(counts); i++) {
        expect_traces(&box, 1);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        must_call(&box, "dirty", ARGS(v_u32(counts[i])), NULL);
        must_call(&box, "dirty_bss", ARGS(v_u32(counts[i] * 8)), NULL);
        must_call(&box, "dirty_mapped", ARGS(v_u32(counts[i] + 1)), &result);
        CHECK(result.of.boolean);
        expect_traces(&box, 1 + counts[i] * 9);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK(mote_sandbox_report(box.sandbox)->reset_pages >= counts[i]);
    }
    expect_traces(&box, 1);
    box_close(&box);
}

/* The same few pages again and again: bits that stay set must not hide a later write. */
TEST(reset, same_pages_again)
{
    struct box box;

    box_run(&box, "dirty");
    for (unsigned i = 0; i < test_repeat(300); i++) {
        must_call(&box, "dirty", ARGS(v_u32(i % 5)), NULL);
        must_call(&box, "dirty_bss", ARGS(v_u32(i % 3)), NULL);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        if (i % 10 == 0) {
            expect_traces(&box, 1);
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        }
    }
    box_close(&box);
}

TEST(reset, twice_and_before_any_call)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    box_close(&box);
}

/* Freshly mapped memory after a reset is zero, though a call before has filled the same. */
TEST(reset, heap_clean)
{
    struct box box;
    mote_value base;
    mote_value result;

    box_run(&box, "probe");
    for (int i = 0; i < 5; i++) {
        must_call(&box, "map", ARGS(v_u64(4 * MIB)), &base);
        must_call(&box, "nonzero", ARGS(base, v_u64(4 * MIB)), &result);
        CHECK_INT(result.of.u64, 0);
        must_call(&box, "fill", ARGS(base, v_u64(4 * MIB), v_u32(0xa5)), NULL);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* What the host wrote is undone like what the guest wrote. */
TEST(reset, host_writes_are_undone)
{
    struct box box;
    mote_value address;
    unsigned char before[64];
    unsigned char after[64];

    box_run(&box, "faults");
    must_call(&box, "address_of_stack", NO_ARGS, &address);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_memory_read(box.sandbox, address.of.u64 - 65536, before, 64), MOTE_OK);
    CHECK_CODE(mote_memory_write(box.sandbox, address.of.u64 - 65536,
                                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                                 64),
               MOTE_OK);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_memory_read(box.sandbox, address.of.u64 - 65536, after, 64), MOTE_OK);
    CHECK_BYTES(after, before, 64);
    box_close(&box);
}

TEST(reset, generation_changes)
{
    struct box box;
    mote_sandbox *other;
    mote_value first;
    mote_value second;
    mote_value hooked;

    box_run(&box, "echo");
    must_call(&box, "generation", NO_ARGS, &first);
    must_call(&box, "hooked", NO_ARGS, &hooked);
    CHECK(hooked.of.u64 == first.of.u64);
    must_call(&box, "generation", NO_ARGS, &second);
    CHECK(first.of.u64 == second.of.u64);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "generation", NO_ARGS, &second);
    CHECK(first.of.u64 != second.of.u64);
    other = open_sandbox(box.image, box.policy);
    CHECK_CODE(call(other, box.image, "generation", NO_ARGS, &hooked), MOTE_OK);
    CHECK(hooked.of.u64 != first.of.u64 && hooked.of.u64 != second.of.u64);
    CHECK_CODE(mote_sandbox_free(other), MOTE_OK);
    box_close(&box);
}

TEST(reset, init_data_stays)
{
    mote_sandbox_options options = {
        .size = sizeof(options), .init_data = "seed", .init_data_size = 4};
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    mote_value result;

    box_open(&box, "echo");
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, &options, &error), MOTE_OK);
    for (int i = 0; i < 3; i++) {
        must_call(&box, "init_data", NO_ARGS, &result);
        CHECK_INT(result.of.bytes.size, 4);
        CHECK_BYTES(result.of.bytes.data, "seed", 4);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    box_start(&box);
    must_call(&box, "init_data", NO_ARGS, &result);
    CHECK_INT(result.of.bytes.size, 0);
    box_close(&box);
}

TEST(reset, sandboxes_share_nothing)
{
    mote_sandbox *all[8];
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (unsigned i = 0; i < COUNT(all); i++) {
        all[i] = open_sandbox(box.image, box.policy);
        for (unsigned n = 0; n <= i; n++) {
            CHECK_CODE(call(all[i], box.image, "count", NO_ARGS, &result), MOTE_OK);
        }
    }
    for (unsigned i = 0; i < COUNT(all); i++) {
        CHECK_CODE(call(all[i], box.image, "count", NO_ARGS, &result), MOTE_OK);
        CHECK_INT(result.of.u32, i + 2);
        CHECK_CODE(mote_sandbox_free(all[i]), MOTE_OK);
    }
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    box_close(&box);
}

/* ---- 50 MB in and out ------------------------------------------------------------------ */

#define PAYLOAD ((size_t)50 * 1000 * 1000)
/* What a reset may keep in its set because it was written once: 1 MiB. */
#define KEPT_PAGES 256

static void open_large(struct box *box)
{
    box_open(box, "echo");
    set_option(box, MOTE_OPT_MEMORY, 256 * MIB);
    box_start(box);
}

static uint64_t pages_of_small_call(struct box *box)
{
    mote_value result;

    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    must_call(box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return mote_sandbox_report(box->sandbox)->reset_pages;
}

static void *map_payload(void)
{
    void *bytes = mmap(NULL, PAYLOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(bytes != MAP_FAILED);
    return bytes;
}

static void fifty_mb(struct box *box, const void *payload)
{
    mote_value result;

    must_call(box, "copy", ARGS(v_bytes(payload, PAYLOAD)), &result);
    CHECK_INT(result.of.bytes.size, PAYLOAD);
    CHECK(memcmp(result.of.bytes.data, payload, PAYLOAD) == 0);
}

TEST(reset, fifty_mb_gives_back)
{
    struct box box;
    void *payload = map_payload();
    uint64_t pages;
    uint64_t memory;
    size_t resident;

    open_large(&box);
    pages_of_small_call(&box);
    pages = pages_of_small_call(&box);
    memory = mote_sandbox_report(box.sandbox)->memory;
    resident = resident_bytes();
    memset(payload, 0x5a, PAYLOAD);
    fifty_mb(&box, payload);
    munmap(payload, PAYLOAD);
    CHECK(resident_bytes() > resident + PAYLOAD);
    pages_of_small_call(&box);
    CHECK(pages_of_small_call(&box) <= pages + KEPT_PAGES);
    CHECK_INT(mote_sandbox_report(box.sandbox)->memory, memory);
    if (!SANITIZED && resident_bytes() > resident + 4 * MIB) {
        FAIL("resident: %zu bytes before, %zu after", resident, resident_bytes());
    }
    box_close(&box);
}

/* The same for memory that the snapshot has, and that one call wrote all over. */
TEST(reset, large_set_is_given_back)
{
    struct box box;
    uint64_t pages;
    size_t resident;

    box_run(&box, "dirty");
    must_call(&box, "nothing", NO_ARGS, NULL);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    pages = mote_sandbox_report(box.sandbox)->reset_pages;
    resident = resident_bytes();
    must_call(&box, "dirty_bss", ARGS(v_u32(4096)), NULL);
    CHECK(resident_bytes() > resident + 15 * MIB);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK(mote_sandbox_report(box.sandbox)->reset_pages >= 4096);
    must_call(&box, "nothing", NO_ARGS, NULL);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK(mote_sandbox_report(box.sandbox)->reset_pages <= pages + KEPT_PAGES);
    CHECK(SANITIZED || resident_bytes() < resident + 2 * MIB);
    expect_traces(&box, 1);
    box_close(&box);
}

/* The same when no two of the pages are neighbours. */
TEST(reset, scattered_set_is_given_back)
{
    struct box box;
    mote_value result;
    size_t resident;
    uint64_t pages;

    box_run(&box, "dirty");
    must_call(&box, "nothing", NO_ARGS, NULL);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    pages = mote_sandbox_report(box.sandbox)->reset_pages;
    resident = resident_bytes();
    for (unsigned i = 0; i < test_repeat(3); i++) {
        must_call(&box, "dirty_scattered", NO_ARGS, &result);
        CHECK(result.of.u32 >= 3000);
        CHECK(resident_bytes() > resident + result.of.u32 * 4 * KIB - MIB);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK(mote_sandbox_report(box.sandbox)->reset_pages >= result.of.u32);
        CHECK(SANITIZED || i > 0 || resident_bytes() < resident + 2 * MIB);
        must_call(&box, "traces_scattered", NO_ARGS, &result);
        CHECK_INT(result.of.u64, 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        expect_traces(&box, 1);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK(i > 0 || mote_sandbox_report(box.sandbox)->reset_pages <= pages + KEPT_PAGES);
    }
    box_close(&box);
}

TEST(reset, fifty_mb_again_and_again)
{
    struct box box;
    void *payload = map_payload();
    size_t resident = 0;

    memset(payload, 0x77, PAYLOAD);
    open_large(&box);
    for (unsigned i = 0; i < test_repeat(5); i++) {
        fifty_mb(&box, payload);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        if (i == 0) {
            resident = resident_bytes();
        }
    }
    CHECK(SANITIZED || resident_bytes() < resident + 4 * MIB);
    munmap(payload, PAYLOAD);
    box_close(&box);
}

/* Filled from the searcher's own buffer, so that no copy is left anywhere of ours. */
static void fill_with_needle(unsigned char *payload, struct searcher *searcher)
{
    searcher_open(searcher, 16);
    for (unsigned i = 0; i < 16; i++) {
        searcher->needle[i] = (unsigned char)(0xc3 ^ (i * 57 + 11));
    }
    for (size_t i = 0; i + 16 <= PAYLOAD; i += 16) {
        memcpy(payload + i, searcher->needle, 16);
    }
}

static void expect_nothing_found(const struct searcher *searcher, const char *when)
{
    uintptr_t at[4] = {0};
    size_t found = searcher_count(searcher, at, COUNT(at));

    /* One or two may be spilled registers of this test's own loops. */
    if (found > 2) {
        FAIL("%s: the payload is found %zu times, first at 0x%llx", when, found,
             (unsigned long long)at[0]);
    }
}

TEST(reset, fifty_mb_holds_nothing)
{
    struct searcher searcher;
    struct box box;
    unsigned char *payload = map_payload();
    mote_value result;

    open_large(&box);
    fill_with_needle(payload, &searcher);
    fifty_mb(&box, payload);
    munmap(payload, PAYLOAD);
    CHECK_INT(searcher_count(&searcher, NULL, 0), SEARCHER_ENOUGH);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    expect_nothing_found(&searcher, "after the reset");
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    expect_nothing_found(&searcher, "after the next call");
    searcher_close(&searcher);
    box_close(&box);
}

/* The same for what is small, and stays on pages that are copied back. */
TEST(reset, secret_holds_nothing)
{
    struct searcher searcher;
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    searcher_open(&searcher, 32);
    for (unsigned i = 0; i < 32; i++) {
        searcher.needle[i] = (unsigned char)(0x3c ^ (i * 41 + 5));
    }
    must_call(&box, "keep", ARGS(v_bytes(searcher.needle, 32)), NULL);
    must_call(&box, "copy", ARGS(v_bytes(searcher.needle, 32)), &result);
    CHECK(searcher_count(&searcher, NULL, 0) >= 2);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    must_call(&box, "keep", ARGS(v_bytes(searcher.needle, 32)), NULL);
    box_close(&box);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    searcher_close(&searcher);
}

/* Bytes that lie nowhere else, the file of the test included. */
static void make_needle(struct searcher *searcher, size_t size, unsigned factor)
{
    searcher_open(searcher, size);
    for (unsigned i = 0; i < size; i++) {
        searcher->needle[i] = (unsigned char)(0x69 ^ (i * factor + 13));
    }
}

#define LONG_CALL ((size_t)60000)

/* Full of needles. */
static unsigned char *map_long_call(const struct searcher *searcher)
{
    unsigned char *payload =
        mmap(NULL, LONG_CALL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(payload != MAP_FAILED);
    for (size_t i = 0; i + searcher->size <= LONG_CALL; i += searcher->size) {
        memcpy(payload + i, searcher->needle, searcher->size);
    }
    return payload;
}

/* A short call must not hide what a long one before it left further on. */
TEST(reset, long_call_before_a_short_one)
{
    struct searcher searcher;
    struct box box;
    mote_value result;
    unsigned char *payload;

    box_run(&box, "echo");
    make_needle(&searcher, 32, 59);
    payload = map_long_call(&searcher);
    must_call(&box, "copy", ARGS(v_bytes(payload, LONG_CALL)), &result);
    CHECK_INT(result.of.bytes.size, LONG_CALL);
    munmap(payload, LONG_CALL);
    must_call(&box, "copy", ARGS(v_bytes("xy", 2)), &result);
    CHECK_INT(result.of.bytes.size, 2);
    CHECK(searcher_count(&searcher, NULL, 0) > 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    searcher_close(&searcher);
    box_close(&box);
}

static int fn_take(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    size_t *taken = user;

    (void)context;
    (void)nargs;
    (void)result;
    *taken = args[0].of.bytes.size;
    return 0;
}

/* The same for what the guest hands to a host function. */
TEST(reset, long_host_call_before_a_short_one)
{
    struct searcher searcher;
    size_t taken = 0;
    struct box box;
    mote_value result;
    unsigned char *payload;

    box_open(&box, "probe");
    grant(&box, "take", "(bytes)->void", fn_take, &taken);
    box_start(&box);
    make_needle(&searcher, 32, 61);
    payload = map_long_call(&searcher);
    must_call(&box, "take", ARGS(v_bytes(payload, LONG_CALL)), &result);
    CHECK_INT(taken, LONG_CALL);
    munmap(payload, LONG_CALL);
    must_call(&box, "take", ARGS(v_bytes("xy", 2)), &result);
    CHECK_INT(taken, 2);
    CHECK(searcher_count(&searcher, NULL, 0) > 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    searcher_close(&searcher);
    box_close(&box);
}

/* Nor is the text of an abort or of a failure left, in the report and the error included.
 * The needle is the end of the text: that its start is gone would not be enough. */
TEST(reset, texts_hold_nothing)
{
    struct searcher searcher;
    unsigned char *text;
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    searcher_open(&searcher, 48);
    for (unsigned i = 0; i < 48; i++) {
        searcher.needle[i] = (unsigned char)('a' + (i * 7 + i / 3) % 26);
    }
    text = searcher.needle + 1024; /* where it is not searched */
    memset(text, '-', 16);
    memcpy(text + 16, searcher.needle, 48);
    CHECK_CODE(box_call(&box, "abort_text", ARGS(v_u32(7), v_text(text, 64)), NULL), MOTE_EABORTED);
    CHECK(searcher_count(&searcher, NULL, 0) > 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    expect_alive(&box);
    box_close(&box);
    box_run(&box, "echo");
    CHECK_CODE(box_call(&box, "fail", ARGS(v_u32(7), v_text(text, 64)), &result), MOTE_EGUEST);
    CHECK(searcher_count(&searcher, NULL, 0) > 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    searcher_close(&searcher);
    box_close(&box);
}

/* ---- an embedder that locks its memory ---------------------------------------------------- */

#define LOCKED_SIZE (512 * KIB)

/* All that is mapped from here on is there at once, so that all sizes are small. */
static void open_locked(struct box *box)
{
    mote_image_options options = {.size = sizeof(options), .boot_memory = 16 * MIB};
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = {.size = sizeof(source), .fd = -1};
    char path[4096];

    setrlimit(RLIMIT_MEMLOCK, &all); /* only root may; mlockall tells */
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        FAIL("mlockall: %s; run as root, or with `ulimit -l unlimited`", strerror(errno));
    }
    guest_path("probe", path, sizeof(path));
    source.path = path;
    memset(box, 0, sizeof(*box));
    box->host = open_host();
    CHECK_CODE(mote_image_open(&box->image, box->host, &source, &options, &error), MOTE_OK);
    CHECK_CODE(mote_policy_new(&box->policy, box->host, &error), MOTE_OK);
    set_option(box, MOTE_OPT_MEMORY, 16 * MIB);
    box_start(box);
}

static void expect_zero(struct box *box, mote_value base)
{
    mote_value result;

    must_call(box, "nonzero", ARGS(base, v_u64(LOCKED_SIZE)), &result);
    CHECK_INT(result.of.u64, 0);
}

/* Fills fresh memory, gives it back, and has it again, without a reset between. */
static void map_and_unmap(struct box *box, const struct searcher *searcher)
{
    const mote_value pattern = v_bytes(searcher->needle, searcher->size);
    mote_value base;
    mote_value result;

    must_call(box, "map", ARGS(v_u64(LOCKED_SIZE)), &base);
    CHECK(base.of.u64 != 0);
    expect_zero(box, base);
    must_call(box, "fill_with", ARGS(base, v_u64(LOCKED_SIZE), pattern), NULL);
    must_call(box, "unmap", ARGS(base, v_u64(LOCKED_SIZE)), &result);
    CHECK_INT(result.of.i32, 0);
    must_call(box, "map", ARGS(v_u64(LOCKED_SIZE)), &base);
    expect_zero(box, base);
    must_call(box, "fill_with", ARGS(base, v_u64(LOCKED_SIZE), pattern), NULL);
    must_call(box, "unmap", ARGS(base, v_u64(LOCKED_SIZE / 2)), &result);
    CHECK_INT(result.of.i32, 0);
}

static void grow_and_shrink(struct box *box, const struct searcher *searcher)
{
    const mote_value pattern = v_bytes(searcher->needle, searcher->size);
    mote_value end;
    mote_value base;
    mote_value result;

    must_call(box, "set_brk", ARGS(v_u64(0)), &end);
    base = v_u64((end.of.u64 + 4095) & ~(uint64_t)4095);
    for (int i = 0; i < 2; i++) {
        must_call(box, "set_brk", ARGS(v_u64(base.of.u64 + LOCKED_SIZE)), &result);
        CHECK_HEX(result.of.u64, base.of.u64 + LOCKED_SIZE);
        expect_zero(box, base);
        must_call(box, "fill_with", ARGS(base, v_u64(LOCKED_SIZE), pattern), NULL);
        must_call(box, "set_brk", ARGS(v_u64(base.of.u64)), &result);
        CHECK_HEX(result.of.u64, base.of.u64);
    }
    must_call(box, "set_brk", ARGS(v_u64(base.of.u64 + LOCKED_SIZE)), &result);
    must_call(box, "fill_with", ARGS(base, v_u64(LOCKED_SIZE), pattern), NULL);
    must_call(box, "set_brk", ARGS(v_u64(base.of.u64 + LOCKED_SIZE / 2)), &result);
    CHECK_HEX(result.of.u64, base.of.u64 + LOCKED_SIZE / 2);
}

TEST(reset, locked_memory)
{
    struct searcher searcher;
    struct box box;

    open_locked(&box);
    make_needle(&searcher, 32, 73);
    for (unsigned i = 0; i < test_repeat(3); i++) {
        map_and_unmap(&box, &searcher);
        CHECK(searcher_count(&searcher, NULL, 0) > 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
        grow_and_shrink(&box, &searcher);
        CHECK(searcher_count(&searcher, NULL, 0) > 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    }
    searcher_close(&searcher);
    box_close(&box);
}

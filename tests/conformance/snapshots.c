/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots on demand: taken between calls, gone back to, started from. */
#include "raw.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static mote_snapshot *take(mote_sandbox *sandbox)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot = NULL;

    if (mote_snapshot_take(&snapshot, sandbox, &error) != 0) {
        FAIL("mote_snapshot_take: %s", error.text);
    }
    return snapshot;
}

static void take_fails(mote_sandbox *sandbox, int code, const char *text)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot = NULL;

    CHECK_CODE(mote_snapshot_take(&snapshot, sandbox, &error), code);
    CHECK(snapshot == NULL);
    CHECK_CODE(error.code, code);
    CHECK_HAS(error.text, text);
}

static mote_sandbox *start_with(struct box *box, mote_snapshot *snapshot,
                                mote_sandbox_options *options)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;

    options->size = sizeof(*options);
    options->snapshot = snapshot;
    if (mote_sandbox_new(&sandbox, box->image, box->policy, options, &error) != 0) {
        FAIL("mote_sandbox_new: %s", error.text);
    }
    return sandbox;
}

static mote_sandbox *start_from(struct box *box, mote_snapshot *snapshot)
{
    return start_with(box, snapshot, &(mote_sandbox_options){0});
}

/* Another sandbox takes the box's place. */
static void change_to(struct box *box, mote_sandbox *sandbox)
{
    CHECK_CODE(mote_sandbox_free(box->sandbox), MOTE_OK);
    box->sandbox = sandbox;
}

static void must_restore(mote_sandbox *sandbox, mote_snapshot *snapshot)
{
    if (mote_sandbox_restore(sandbox, snapshot) != 0) {
        FAIL("mote_sandbox_restore: %s", mote_sandbox_error(sandbox)->text);
    }
}

static mote_snapshot_info describe(const mote_snapshot *snapshot)
{
    mote_snapshot_info info = {.size = sizeof(info)};

    CHECK_CODE(mote_snapshot_describe(snapshot, &info), MOTE_OK);
    return info;
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

static uint64_t map(struct box *box, uint64_t size)
{
    int64_t address = RAW(box, SYS_mmap, 0, size, RW, ANON, -1, 0);

    CHECK(address > 0);
    return (uint64_t)address;
}

static uint64_t number(struct box *box, const char *name)
{
    mote_value value;

    must_call(box, name, NO_ARGS, &value);
    return value.of.u64;
}

/* ---- there and back ------------------------------------------------------------------ */

TEST(snapshots, a_sandbox_goes_on_and_comes_back)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    poke(&box, at(0), 11);
    poke(&box, at(3 * PAGE), 12);
    mote_snapshot *snapshot = take(box.sandbox);
    CHECK_INT(peek(&box, at(0)), 11); /* as if nothing had been */
    poke(&box, at(0), 21);
    poke(&box, at(5 * PAGE), 23);
    must_restore(box.sandbox, snapshot);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(peek(&box, at(0)), 11);
        CHECK_INT(peek(&box, at(3 * PAGE)), 12);
        CHECK_INT(peek(&box, at(5 * PAGE)), 0);
        poke(&box, at(0), 31 + i);
        poke(&box, at(5 * PAGE), 33 + i);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    mote_snapshot_unref(snapshot);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK); /* the sandbox keeps it */
    CHECK_INT(peek(&box, at(0)), 11);
    box_close(&box);
}

/* Pages that were dirty when it was taken are still known as dirty to the sandbox itself. */
TEST(snapshots, the_sandbox_can_still_be_reset)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    poke(&box, at(PAGE), 5);
    uint64_t mapped = map(&box, 4 * PAGE);
    poke(&box, mapped, 6);
    mote_snapshot *snapshot = take(box.sandbox);
    poke(&box, at(PAGE), 7);
    poke(&box, mapped, 8);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(peek(&box, at(PAGE)), 0);
    CHECK_INT(map(&box, 4 * PAGE), mapped);
    CHECK_INT(peek(&box, mapped), 0);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* A reset to a snapshot puts back what was written since, and nothing more. */
TEST(snapshots, reset_costs_what_was_written)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    must_call(&box, "sum_pages", ARGS(v_u64(at(0)), v_u64(16)), &(mote_value){0});
    for (unsigned i = 0; i < 16; i++) {
        poke(&box, at(i * PAGE), 1);
    }
    mote_snapshot *snapshot = take(box.sandbox);
    must_restore(box.sandbox, snapshot);
    must_call(&box, "alive", NO_ARGS, &(mote_value){0});
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK(mote_sandbox_report(box.sandbox)->reset_pages < 10);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* Mappings that came, went, moved and changed their access; and the heap. */
TEST(snapshots, mappings_are_part_of_it)
{
    struct box box;
    mote_value value;

    raw_open(&box);
    raw_start(&box);
    uint64_t boot = number(&box, "from_boot");
    uint64_t kept = map(&box, 3 * PAGE), gone = map(&box, 2 * PAGE);
    poke(&box, kept, 1);
    poke(&box, kept + 2 * PAGE, 3);
    poke(&box, gone, 9);
    CHECK_INT(RAW(&box, SYS_mprotect, kept + 2 * PAGE, PAGE, PROT_READ), 0);
    CHECK_INT(RAW(&box, SYS_munmap, gone, 2 * PAGE), 0);
    CHECK_INT(RAW(&box, SYS_munmap, boot, PAGE), 0);
    uint64_t heap = (uint64_t)RAW(&box, SYS_brk, 0);
    CHECK_INT(RAW(&box, SYS_brk, heap + 3 * PAGE), heap + 3 * PAGE);
    poke(&box, heap + PAGE, 4);
    mote_snapshot *snapshot = take(box.sandbox);
    change_to(&box, start_from(&box, snapshot));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(peek(&box, kept), 1);
        CHECK_INT(peek(&box, kept + 2 * PAGE), 3);
        CHECK_INT(peek(&box, boot + PAGE), 7);
        CHECK_INT(peek(&box, heap + PAGE), 4);
        CHECK_INT(RAW(&box, SYS_brk, 0), heap + 3 * PAGE);
        CHECK_INT(peek(&box, map(&box, PAGE)), 0); /* freed memory is handed out, and zero */
        poke(&box, kept, 7);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    check_page_fault(&box, box_call(&box, "poke", ARGS(v_u64(kept + 2 * PAGE), v_u32(1)), NULL),
                     MOTE_ACCESS_WRITE, kept + 2 * PAGE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    check_page_fault(&box, box_call(&box, "peek", ARGS(v_u64(boot)), &value), MOTE_ACCESS_READ,
                     boot);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* A poisoned, suspended or closed sandbox is restored, as it would be reset. */
TEST(snapshots, restore_heals)
{
    struct box box;
    mote_value value;

    box_run(&box, "faults");
    mote_snapshot *snapshot = take(box.sandbox);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_CODE(box_call(&box, "wild_read", ARGS(v_u64(8)), &value), MOTE_EFAULT);
        must_restore(box.sandbox, snapshot);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
        must_call(&box, "alive", NO_ARGS, &value);
    }
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* A parked sandbox gets a VM to have a snapshot taken, and none to be restored. */
TEST(snapshots, of_a_parked_sandbox)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    poke(&box, at(0), 11);
    uint64_t mapped = map(&box, PAGE);
    poke(&box, mapped, 12);
    CHECK_CODE(mote_sandbox_park(box.sandbox), MOTE_OK);
    mote_snapshot *snapshot = take(box.sandbox);
    poke(&box, at(0), 21);
    CHECK_CODE(mote_sandbox_park(box.sandbox), MOTE_OK);
    must_restore(box.sandbox, snapshot);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(peek(&box, at(0)), 11);
        CHECK_INT(peek(&box, mapped), 12);
        poke(&box, mapped, 22);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* ---- clones ------------------------------------------------------------------ */

TEST(snapshots, clones_are_apart)
{
    struct box box;
    mote_sandbox *clones[3];

    raw_open(&box);
    raw_start(&box);
    poke(&box, at(0), 40);
    mote_snapshot *snapshot = take(box.sandbox);
    mote_sandbox *first = box.sandbox;
    for (unsigned i = 0; i < COUNT(clones); i++) {
        clones[i] = box.sandbox = start_from(&box, snapshot);
        CHECK_INT(peek(&box, at(0)), 40);
        poke(&box, at(0), 50 + i);
    }
    mote_snapshot_unref(snapshot);
    for (unsigned i = 0; i < COUNT(clones); i++) {
        box.sandbox = clones[i];
        CHECK_INT(peek(&box, at(0)), 50 + i);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(peek(&box, at(0)), 40);
        CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    }
    box.sandbox = first;
    CHECK_INT(peek(&box, at(0)), 40);
    box_close(&box);
}

/* No two have the same generation, and the guest's hook runs in each before its first export. */
TEST(snapshots, clones_are_unique)
{
    struct box box;
    uint64_t seen[8];
    size_t n = 0;

    box_run(&box, "echo");
    seen[n++] = number(&box, "generation");
    mote_snapshot *snapshot = take(box.sandbox);
    CHECK_INT(number(&box, "generation"), seen[0]); /* taking is not restoring */
    for (unsigned i = 0; i < 3; i++) {
        change_to(&box, start_from(&box, snapshot));
        seen[n++] = number(&box, "hooked");
        CHECK_INT(number(&box, "generation"), seen[n - 1]);
    }
    must_restore(box.sandbox, snapshot);
    seen[n++] = number(&box, "hooked");
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    seen[n++] = number(&box, "hooked");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            CHECK(seen[i] != seen[k]);
        }
    }
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

TEST(snapshots, randomness_is_new_unless_it_is_seeded)
{
    struct box box;
    unsigned char first[16], second[16], next[16];

    for (unsigned seeded = 0; seeded < 2; seeded++) {
        raw_open(&box);
        set_option(&box, MOTE_OPT_RANDOM, seeded ? MOTE_RANDOM_SEEDED : MOTE_RANDOM_REAL);
        raw_start(&box);
        CHECK_INT(RAW(&box, SYS_getrandom, at(0), 16, 0), 16);
        raw_get(&box, 0, first, 16);
        mote_snapshot *snapshot = take(box.sandbox);
        CHECK_INT(RAW(&box, SYS_getrandom, at(0), 16, 0), 16);
        raw_get(&box, 0, second, 16);
        change_to(&box, start_from(&box, snapshot));
        CHECK_INT(RAW(&box, SYS_getrandom, at(0), 16, 0), 16);
        raw_get(&box, 0, next, 16);
        CHECK(memcmp(next, first, 16) != 0);
        CHECK_INT(memcmp(next, second, 16) == 0, seeded);
        mote_snapshot_unref(snapshot);
        box_close(&box);
    }
}

/* Init data is each sandbox's own, whatever it is and whether there is any. */
TEST(snapshots, init_data_is_not_part_of_it)
{
    static char large[3 * PAGE];
    struct box box;
    mote_value value;
    mote_sandbox_options small = {.init_data = "seed", .init_data_size = 4};
    mote_sandbox_options other = {.init_data = large, .init_data_size = sizeof(large)};

    memset(large, 'x', sizeof(large));
    box_open(&box, "echo");
    box.sandbox = start_with(&box, NULL, &small);
    must_call(&box, "keep", ARGS(v_bytes(large, 5 * KIB)), NULL); /* in memory behind it */
    mote_snapshot *snapshot = take(box.sandbox);
    must_restore(box.sandbox, snapshot);
    must_call(&box, "init_data", NO_ARGS, &value);
    CHECK(value.of.bytes.size == 4 && memcmp(value.of.bytes.data, "seed", 4) == 0);
    change_to(&box, start_from(&box, snapshot));
    must_call(&box, "init_data", NO_ARGS, &value);
    CHECK_INT(value.of.bytes.size, 0);
    change_to(&box, start_with(&box, snapshot, &other));
    mote_snapshot_unref(snapshot);
    snapshot = take(box.sandbox); /* and a layer above it */
    change_to(&box, start_with(&box, snapshot, &small));
    must_call(&box, "init_data", NO_ARGS, &value);
    CHECK(value.of.bytes.size == 4 && memcmp(value.of.bytes.data, "seed", 4) == 0);
    must_call(&box, "kept", NO_ARGS, &value);
    CHECK_INT(value.of.bytes.size, 5 * KIB);
    CHECK_BYTES(value.of.bytes.data, large, 5 * KIB);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* Pages of a granted file stay what they were where the guest had mapped them; the file itself
 * is the policy's. */
TEST(snapshots, files_are_the_policys)
{
    char path[] = "/tmp/mote-snapshots-XXXXXX";
    char page[PAGE];
    struct box box;
    mote_error error = MOTE_ERROR_INIT;
    int file = mkstemp(path);

    CHECK(file >= 0);
    for (unsigned i = 0; i < 4; i++) {
        memset(page, 'a' + (int)i, PAGE);
        CHECK_INT(write(file, page, PAGE), PAGE);
    }
    close(file);
    raw_open(&box);
    CHECK_CODE(mote_policy_file(box.policy, path, "/file", &error), MOTE_OK);
    unlink(path);
    raw_start(&box);
    int64_t fd = RAW(&box, SYS_open, raw_text(&box, 0, "/file"), O_RDONLY, 0);
    uint64_t read_only = (uint64_t)RAW(&box, SYS_mmap, 0, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    uint64_t mine = (uint64_t)RAW(&box, SYS_mmap, 0, 2 * PAGE, RW, MAP_PRIVATE, fd, PAGE);
    uint64_t behind = map(&box, PAGE);
    poke(&box, mine, 'X');
    poke(&box, behind, 'B');
    mote_snapshot *snapshot = take(box.sandbox);
    poke(&box, mine, 'Y');
    change_to(&box, start_from(&box, snapshot));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(peek(&box, read_only), 'a');
        CHECK_INT(peek(&box, read_only + 3 * PAGE), 'd');
        CHECK_INT(peek(&box, mine), 'X');
        CHECK_INT(peek(&box, mine + PAGE), 'c');
        CHECK_INT(peek(&box, behind), 'B');
        CHECK_INT(RAW(&box, SYS_read, fd, at(0), 1), -EBADF); /* descriptors begin anew */
        CHECK_INT(RAW(&box, SYS_open, raw_text(&box, 0, "/file"), O_RDONLY, 0), fd);
        CHECK_INT(RAW(&box, SYS_munmap, mine, 2 * PAGE), 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* What the guest's Linux knows of it: umask and the clock, which stands still in a snapshot. */
TEST(snapshots, personality_is_part_of_it)
{
    struct box box;
    struct timespec early, late;

    raw_open(&box);
    set_option(&box, MOTE_OPT_CLOCK, MOTE_CLOCK_REAL);
    raw_start(&box);
    CHECK_INT(RAW(&box, SYS_umask, 0777), 022);
    CHECK_INT(RAW(&box, SYS_clock_gettime, CLOCK_MONOTONIC, at(0)), 0);
    sleep_ms(20);
    CHECK_INT(RAW(&box, SYS_clock_gettime, CLOCK_MONOTONIC, at(0)), 0);
    raw_get(&box, 0, &early, sizeof(early));
    mote_snapshot *snapshot = take(box.sandbox);
    change_to(&box, start_from(&box, snapshot));
    CHECK_INT(RAW(&box, SYS_umask, 0), 0777);
    CHECK_INT(RAW(&box, SYS_clock_gettime, CLOCK_MONOTONIC, at(0)), 0);
    raw_get(&box, 0, &late, sizeof(late));
    CHECK(late.tv_sec > early.tv_sec ||
          (late.tv_sec == early.tv_sec && late.tv_nsec >= early.tv_nsec));
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* ---- layers ------------------------------------------------------------------ */

/* Each layer has what was written since the last one; those below may be given up first. */
TEST(snapshots, layers)
{
    struct box box;
    mote_snapshot *layers[12];

    raw_open(&box);
    raw_start(&box);
    for (unsigned i = 0; i < COUNT(layers); i++) {
        poke(&box, at(i * PAGE), 100 + i);
        layers[i] = take(box.sandbox);
        must_restore(box.sandbox, layers[i]);
        CHECK(describe(layers[i]).layers >= 1 && describe(layers[i]).layers <= 8);
        CHECK(describe(layers[i]).own >= PAGE);
        CHECK(describe(layers[i]).own < 40 * PAGE);
    }
    for (unsigned i = 0; i < COUNT(layers); i += 2) {
        mote_snapshot_unref(layers[i]);
    }
    for (unsigned i = 1; i < COUNT(layers); i += 2) {
        must_restore(box.sandbox, layers[i]);
        for (unsigned k = 0; k < COUNT(layers); k++) {
            CHECK_INT(peek(&box, at(k * PAGE)), k == 0 ? 100 : k <= i ? 100 + k : 0);
        }
        mote_snapshot_unref(layers[i]);
    }
    box_close(&box);
}

/* Pages that were written and are as before again are not its own. */
TEST(snapshots, equal_pages_are_shared)
{
    struct box box;
    mote_value value;

    box_run(&box, "dirty");
    mote_snapshot *none = take(box.sandbox);
    CHECK_INT(describe(none).own, 0); /* it has not run */
    must_call(&box, "nothing", NO_ARGS, NULL);
    mote_snapshot *few = take(box.sandbox);
    must_call(&box, "dirty", ARGS(v_u32(100)), NULL);
    must_call(&box, "dirty_bss", ARGS(v_u32(50)), NULL);
    mote_snapshot *many = take(box.sandbox);
    uint64_t more = describe(many).own - describe(few).own;
    CHECK(more >= 148 * PAGE && more <= 152 * PAGE);
    for (unsigned i = 0; i < 255; i++) { /* each byte comes round */
        must_call(&box, "dirty", ARGS(v_u32(100)), NULL);
        must_call(&box, "dirty_bss", ARGS(v_u32(50)), NULL);
    }
    must_call(&box, "traces", NO_ARGS, &value);
    CHECK_INT(value.of.u64, 1);
    mote_snapshot *again = take(box.sandbox);
    CHECK(describe(again).own <= describe(few).own + 2 * PAGE);
    CHECK(describe(again).shared >= PAGE);
    change_to(&box, start_from(&box, many));
    must_call(&box, "traces", NO_ARGS, &value);
    CHECK_INT(value.of.u64, 151);
    change_to(&box, start_from(&box, again));
    must_call(&box, "traces", NO_ARGS, &value);
    CHECK_INT(value.of.u64, 1);
    mote_snapshot_unref(none);
    mote_snapshot_unref(few);
    mote_snapshot_unref(many);
    mote_snapshot_unref(again);
    box_close(&box);
}

/* ---- threads ------------------------------------------------------------------ */

struct sharing {
    struct box *box;
    mote_snapshot *snapshot;
};

static void *start_and_take(void *argument)
{
    struct sharing *sharing = argument;
    struct box mine = *sharing->box;

    for (unsigned i = 0; i < test_repeat(5); i++) {
        mine.sandbox = start_from(&mine, sharing->snapshot);
        CHECK_INT(peek(&mine, at(0)), 60);
        poke(&mine, at(PAGE), 61 + i);
        mote_snapshot *own = take(mine.sandbox);
        poke(&mine, at(0), 1);
        must_restore(mine.sandbox, own);
        CHECK_INT(peek(&mine, at(0)), 60);
        CHECK_INT(peek(&mine, at(PAGE)), 61 + i);
        must_restore(mine.sandbox, sharing->snapshot);
        mote_snapshot_unref(own);
        CHECK_INT(peek(&mine, at(PAGE)), 0);
        CHECK_CODE(mote_sandbox_free(mine.sandbox), MOTE_OK);
    }
    return NULL;
}

TEST(snapshots, threads_share_one)
{
    struct box box;
    pthread_t threads[4];

    raw_open(&box);
    raw_start(&box);
    poke(&box, at(0), 60);
    struct sharing sharing = {&box, take(box.sandbox)};
    for (unsigned i = 0; i < COUNT(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, start_and_take, &sharing) == 0);
    }
    for (unsigned i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    mote_snapshot_unref(sharing.snapshot);
    box_close(&box);
}

/* ---- programs ------------------------------------------------------------------ */

TEST(snapshots, a_program_before_it_ran)
{
    struct box box;
    int status;

    box_run(&box, "hello_plain");
    mote_snapshot *snapshot = take(box.sandbox);
    CHECK_INT(describe(snapshot).own, 0);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    take_fails(box.sandbox, MOTE_EINVAL, "the program has ended");
    change_to(&box, start_from(&box, snapshot));
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    must_restore(box.sandbox, snapshot);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* ---- refusals ------------------------------------------------------------------ */

static int fn_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    int *taken = user;
    mote_snapshot *snapshot = NULL;

    (void)args;
    (void)nargs;
    (void)result;
    *taken = mote_snapshot_take(&snapshot, mote_context_sandbox(context), NULL);
    return MOTE_PENDING;
}

TEST(snapshots, not_of_a_suspended_sandbox)
{
    const char *const imports[][2] = {
        {"down", "(u32)->u32"}, {"around", "(string)->string"},          {"act", "(u32)->void"},
        {"wait", "(u32)->u32"}, {"wait_bytes", "(bytes,string)->bytes"}, {"wait_only", "()->void"}};
    struct box box;
    mote_value value = v_u32(3);
    int taken = 0;

    box_open(&box, "nested");
    for (size_t i = 0; i < COUNT(imports); i++) {
        grant(&box, imports[i][0], imports[i][1], fn_wait, &taken);
    }
    box_start(&box);
    mote_snapshot *snapshot = take(box.sandbox);
    CHECK_CODE(box_call(&box, "wait", ARGS(v_u32(1)), &value), MOTE_PENDING);
    CHECK_CODE(taken, MOTE_EBUSY);
    take_fails(box.sandbox, MOTE_ESUSPENDED, "suspended");
    value = v_u32(9);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &value, &value, 1), MOTE_OK);
    CHECK_CODE(box_call(&box, "wait", ARGS(v_u32(1)), &value), MOTE_PENDING);
    must_restore(box.sandbox, snapshot); /* ends the call */
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

TEST(snapshots, not_of_a_poisoned_sandbox)
{
    struct box box;
    mote_value value;

    box_run(&box, "faults");
    CHECK_CODE(box_call(&box, "wild_read", ARGS(v_u64(8)), &value), MOTE_EFAULT);
    take_fails(box.sandbox, MOTE_EPOISONED, "poisoned");
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    mote_snapshot_unref(take(box.sandbox));
    box_close(&box);
}

TEST(snapshots, wrong_arguments)
{
    struct box box, other;
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot = NULL;
    mote_sandbox *sandbox = NULL;
    mote_snapshot_info info = {.size = 3};

    box_run(&box, "echo");
    CHECK_CODE(mote_snapshot_take(NULL, box.sandbox, &error), MOTE_EINVAL);
    CHECK_CODE(mote_snapshot_take(&snapshot, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_sandbox_restore(box.sandbox, NULL), MOTE_EINVAL);
    CHECK_CODE(mote_sandbox_restore(NULL, NULL), MOTE_EINVAL);
    CHECK(mote_snapshot_ref(NULL) == NULL);
    mote_snapshot_unref(NULL);
    snapshot = take(box.sandbox);
    CHECK_CODE(mote_snapshot_describe(snapshot, &info), MOTE_EINVAL);
    CHECK_CODE(mote_snapshot_describe(snapshot, NULL), MOTE_EINVAL);
    CHECK_CODE(mote_snapshot_describe(NULL, &info), MOTE_EINVAL);

    box_run(&other, "echo"); /* the same file, another image */
    CHECK_CODE(mote_sandbox_restore(other.sandbox, snapshot), MOTE_EINVAL);
    CHECK_HAS(mote_sandbox_error(other.sandbox)->text, "another image");
    CHECK_INT(mote_sandbox_state(other.sandbox), MOTE_STATE_READY);
    CHECK(number(&other, "generation") != 0);
    mote_sandbox_options options = {.size = sizeof(options), .snapshot = snapshot};
    CHECK_CODE(mote_sandbox_new(&sandbox, other.image, other.policy, &options, &error),
               MOTE_EINVAL);
    CHECK_HAS(error.text, "another image");
    box_close(&other);
    mote_snapshot_unref(mote_snapshot_ref(snapshot));
    CHECK_CODE(mote_host_free(box.host), MOTE_EBUSY);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* A sandbox that is too small for a snapshot stays what it was. */
TEST(snapshots, memory_too_small)
{
    struct box box;
    mote_error error = MOTE_ERROR_INIT;
    mote_policy *small = NULL;

    raw_open(&box);
    raw_start(&box);
    uint64_t mapped = map(&box, 32 * MIB);
    poke(&box, mapped, 1);
    mote_snapshot *snapshot = take(box.sandbox);
    CHECK(describe(snapshot).memory > 32 * MIB);
    CHECK(describe(snapshot).own < MIB);
    CHECK_CODE(mote_policy_new(&small, box.host, &error), MOTE_OK);
    CHECK_CODE(mote_policy_set(small, MOTE_OPT_MEMORY, 16 * MIB, &error), MOTE_OK);
    change_to(&box, open_sandbox(box.image, small));
    poke(&box, at(0), 77);
    CHECK_CODE(mote_sandbox_restore(box.sandbox, snapshot), MOTE_ELIMIT);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "memory too small");
    CHECK_INT(peek(&box, at(0)), 77);
    mote_policy_unref(small);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

/* The snapshot alone would fit, but not with the sandbox's own init data behind it. */
TEST(snapshots, memory_too_small_for_init_data)
{
    static uint8_t init[0x20000];
    const mote_sandbox_options options = {
        .size = sizeof options, .init_data = init, .init_data_size = sizeof init};
    struct box box;
    mote_policy *small = NULL;
    mote_sandbox *sandbox = NULL;

    raw_open(&box);
    raw_start(&box);
    poke(&box, map(&box, 4 * MIB), 1);
    mote_snapshot *snapshot = take(box.sandbox);
    CHECK_CODE(mote_policy_new(&small, box.host, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_set(small, MOTE_OPT_MEMORY, describe(snapshot).memory, NULL), MOTE_OK);
    CHECK_CODE(mote_sandbox_new(&sandbox, box.image, small, &options, NULL), MOTE_OK);
    change_to(&box, sandbox);
    poke(&box, at(0), 77);
    CHECK_CODE(mote_sandbox_restore(box.sandbox, snapshot), MOTE_ELIMIT);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "memory too small");
    CHECK_INT(peek(&box, at(0)), 77);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    mote_policy_unref(small);
    mote_snapshot_unref(snapshot);
    box_close(&box);
}

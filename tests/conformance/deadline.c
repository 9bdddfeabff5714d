/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: wall clock, host functions included. Nothing here asks how late one may be. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Long enough to get somewhere first, where everything is slow. */
#define SHORT (emulated() ? SECOND / 2 : SECOND / 50)

static atomic_uint finished;

static int fn_slow(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)context;
    (void)nargs;
    sleep_ms(*(const unsigned *)user);
    atomic_fetch_add(&finished, 1);
    *result = v_i32(args[0].of.i32);
    return 0;
}

static int fn_nothing(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    *result = v_i32(1);
    return 0;
}

static void open_hostcalls(struct box *box, unsigned *milliseconds)
{
    box_open(box, "hostcalls");
    grant(box, "add", "(i32,i32)->i32", fn_nothing, NULL);
    grant(box, "greet", "(string)->string", fn_nothing, NULL);
    grant(box, "fail", "()->i32", fn_nothing, NULL);
    grant(box, "take", "(bytes)->void", fn_nothing, NULL);
    grant(box, "give", "(u32)->bytes", fn_nothing, NULL);
    grant(box, "mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64", fn_nothing,
          NULL);
    grant(box, "maybe", "(i32)->i32", fn_slow, milliseconds);
    box_start(box);
}

static void spins_until(struct box *box, const char *export)
{
    uint64_t begin = now_ns();
    int rc = call_deadline(box, export, SHORT, NO_ARGS, NULL);

    check_fault(box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    CHECK(now_ns() - begin >= SHORT);
    CHECK(mote_sandbox_report(box->sandbox)->wall_ns >= SHORT);
}

TEST(deadline, stops_a_loop)
{
    struct box box;

    box_run(&box, "faults");
    for (int i = 0; i < 3; i++) {
        spins_until(&box, "spin");
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(deadline, stops_a_loop_of_system_calls)
{
    struct box box;

    box_run(&box, "faults");
    spins_until(&box, "spin_syscall");
    CHECK(mote_sandbox_report(box.sandbox)->syscalls > 0);
    expect_alive(&box);
    box_close(&box);
}

TEST(deadline, stops_a_storm_of_host_calls)
{
    unsigned none = 0;
    struct box box;

    open_hostcalls(&box, &none);
    spins_until(&box, "storm_for_ever");
    CHECK(mote_sandbox_report(box.sandbox)->host_calls > 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    box_close(&box);
}

/* A running host function is not stopped; its time counts, and the call fails when it returns. */
TEST(deadline, host_function_counts)
{
    unsigned milliseconds = 100;
    struct box box;
    mote_value result;
    int rc;

    open_hostcalls(&box, &milliseconds);
    rc = call_deadline(&box, "maybe", SECOND / 50, ARGS(v_i32(1)), &result);
    check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    CHECK_INT(atomic_load(&finished), 1);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    milliseconds = 0;
    rc = call_deadline(&box, "maybe", 60 * SECOND, ARGS(v_i32(9)), &result);
    CHECK_CODE(rc, MOTE_OK);
    CHECK_INT(result.of.i32, 9);
    box_close(&box);
}

TEST(deadline, of_the_policy)
{
    struct box box;
    mote_value result;
    int rc;

    box_open(&box, "faults");
    set_option(&box, MOTE_OPT_DEADLINE, SHORT);
    box_start(&box);
    rc = box_call(&box, "spin", NO_ARGS, NULL);
    check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    rc = call_deadline(&box, "alive", 60 * SECOND, NO_ARGS, &result);
    CHECK_CODE(rc, MOTE_OK);
    box_close(&box);
}

TEST(deadline, of_the_call_goes_first)
{
    mote_call_options none = {sizeof(none), 0};
    struct box box;
    mote_value result;
    int rc;

    box_open(&box, "faults");
    set_option(&box, MOTE_OPT_DEADLINE, 3600 * SECOND);
    box_start(&box);
    rc = call_deadline(&box, "spin", SHORT, NO_ARGS, NULL);
    check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    expect_alive(&box);
    rc = mote_call(box.sandbox, find(box.image, "alive"), &none, NO_ARGS, &result, 1);
    CHECK_CODE(rc, MOTE_OK);
    box_close(&box);
}

TEST(deadline, of_any_size)
{
    const uint64_t all[] = {3600 * SECOND, 1ull << 62,     (uint64_t)INT64_MAX,
                            1ull << 63,    UINT64_MAX - 1, UINT64_MAX};
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(all); i++) {
        CHECK_CODE(call_deadline(&box, "alive", all[i], NO_ARGS, &result), MOTE_OK);
        CHECK_INT(result.of.u32, 42);
    }
    CHECK_CODE(call_deadline(&box, "spin", 1, NO_ARGS, NULL), MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

/* One that did not pass leaves nothing that could stop a later call. */
TEST(deadline, does_not_reach_a_later_call)
{
    const uint64_t first = SECOND;
    const uint64_t second = first + first / 4;
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    CHECK_CODE(call_deadline(&box, "alive", first, NO_ARGS, &result), MOTE_OK);
    CHECK_CODE(call_deadline(&box, "spin", second, NO_ARGS, NULL), MOTE_EDEADLINE);
    CHECK(mote_sandbox_report(box.sandbox)->wall_ns >= second);
    expect_alive(&box);
    must_call(&box, "count_to", ARGS(v_u64(50000000)), &result);
    CHECK_INT(result.of.u64, 50000000);
    box_close(&box);
}

/* Those that nearly pass: the call ends one way or the other, and the next one is whole. */
TEST(deadline, races_with_the_end)
{
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    for (unsigned i = 0; i < test_repeat(300); i++) {
        int rc = call_deadline(&box, "count_to", 20000 + (uint64_t)i * 10000, ARGS(v_u64(1000000)),
                               &result);

        CHECK(rc == MOTE_OK || rc == MOTE_EDEADLINE);
        if (rc == MOTE_OK) {
            CHECK_INT(result.of.u64, 1000000);
            must_call(&box, "alive", NO_ARGS, &result);
        } else {
            expect_alive(&box);
        }
    }
    box_close(&box);
}

TEST(deadline, of_a_boot)
{
    mote_image_options options = {.size = sizeof(options), .boot_deadline_ns = 1};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = open_host();
    mote_image *image = NULL;
    size_t size;
    unsigned char *bytes = guest_bytes("echo", &size);
    mote_source source = MOTE_SOURCE_DATA(bytes, size);
    int rc;

    CHECK_CODE(mote_image_open(&image, host, &source, &options, &error), MOTE_OK);
    rc = mote_image_boot(image, &error);
    CHECK(rc == MOTE_EBOOT || rc == MOTE_EDEADLINE || rc == MOTE_OK);
    mote_image_unref(image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    free(bytes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every path that ends in an error, or in success, leaves the process as it
 * was: file descriptors, VMs, vCPUs, threads, heap and mappings.
 */
#include "census.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 3, ROUNDS = 10 };

/* The first rounds fill what libc keeps for itself. */
static void leaves_nothing(void (*path)(void), const char *what)
{
    struct census before;

    for (int i = 0; i < WARM_UP; i++) {
        path();
    }
    census_take(&before);
    for (unsigned i = 0; i < test_repeat(ROUNDS); i++) {
        path();
    }
    census_check(&before, what);
}

#define LEAVES_NOTHING(path)                \
    TEST(resources, path)                   \
    {                                       \
        leaves_nothing(path_##path, #path); \
    }

/* ---- objects ------------------------------------------------------------------ */

static void path_host(void)
{
    CHECK_CODE(mote_host_free(open_host()), MOTE_OK);
}
LEAVES_NOTHING(host)

static void path_host_without_device(void)
{
    mote_host_options options = {.size = sizeof(options), .device = "/dev/null"};
    mote_host *host = NULL;

    CHECK_CODE(mote_host_new(&host, &options, NULL), MOTE_EBACKEND);
    options.device = "/nonexistent";
    CHECK_CODE(mote_host_new(&host, &options, NULL), MOTE_EBACKEND);
    CHECK(host == NULL);
}
LEAVES_NOTHING(host_without_device)

static void path_image_refused(void)
{
    mote_host *host = open_host();
    mote_image *image = NULL;
    size_t size;
    unsigned char *bytes = guest_bytes("echo", &size);
    mote_source cut = MOTE_SOURCE_DATA(bytes, 100);
    mote_source text = MOTE_SOURCE_DATA("text", 4);
    mote_source missing = MOTE_SOURCE_PATH("/nonexistent");
    mote_source folder = MOTE_SOURCE_PATH("/");

    CHECK(mote_image_open(&image, host, &cut, NULL, NULL) != MOTE_OK);
    CHECK(mote_image_open(&image, host, &text, NULL, NULL) != MOTE_OK);
    CHECK(mote_image_open(&image, host, &missing, NULL, NULL) != MOTE_OK);
    CHECK(mote_image_open(&image, host, &folder, NULL, NULL) != MOTE_OK);
    free(bytes);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}
LEAVES_NOTHING(image_refused)

static void path_image_never_booted(void)
{
    struct box box;

    box_open(&box, "echo");
    box_close(&box);
}
LEAVES_NOTHING(image_never_booted)

/* A program that fails before it is ready: its boot may not take so little memory. */
static void path_boot_fails(void)
{
    mote_image_options options = {.size = sizeof(options), .boot_memory = 65536};
    mote_host *host = open_host();
    mote_image *image = NULL;
    size_t size;
    unsigned char *bytes = guest_bytes("echo", &size);
    mote_source source = MOTE_SOURCE_DATA(bytes, size);

    if (mote_image_open(&image, host, &source, &options, NULL) == MOTE_OK) {
        CHECK(mote_image_boot(image, NULL) != MOTE_OK);
        CHECK(mote_image_boot(image, NULL) != MOTE_OK);
        mote_image_unref(image);
    }
    free(bytes);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}
LEAVES_NOTHING(boot_fails)

static void path_missing_import(void)
{
    struct box box;

    box_open(&box, "hostcalls");
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, NULL), MOTE_EMISSING);
    box_close(&box);
}
LEAVES_NOTHING(missing_import)

static void path_memory_too_small(void)
{
    struct box box;

    box_open(&box, "echo");
    set_option(&box, MOTE_OPT_MEMORY, 65536);
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, NULL), MOTE_ELIMIT);
    box_close(&box);
}
LEAVES_NOTHING(memory_too_small)

/* ---- calls ------------------------------------------------------------------ */

static void path_call(void)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "echo_string", ARGS(mote_string("x")), &result);
    box_close(&box);
}
LEAVES_NOTHING(call)

static void path_ways_to_fail(void)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    CHECK_CODE(box_call(&box, "fail", ARGS(v_u32(1), mote_string("x")), &result), MOTE_EGUEST);
    CHECK_CODE(box_call(&box, "echo_i32", ARGS(v_i64(1)), &result), MOTE_ETYPE);
    CHECK_CODE(box_call(&box, "echo_i32", NO_ARGS, &result), MOTE_ETYPE);
    must_call(&box, "blob", ARGS(v_u32(1 << 20)), &result);
    box_close(&box);
}
LEAVES_NOTHING(ways_to_fail)

/* `deadline` is for what never ends; 0 is none. */
static void fault(const char *export, uint64_t deadline, int code)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = call_deadline(&box, export, deadline, NO_ARGS, NULL);
    if (code != MOTE_OK) {
        CHECK_CODE(rc, code);
    }
    CHECK(rc != MOTE_OK);
    box_close(&box);
}

static void path_fault(void)
{
    fault("ud2", 0, MOTE_EFAULT);
    fault("write_code", 0, MOTE_EFAULT);
}
LEAVES_NOTHING(fault)

static void path_deadline(void)
{
    fault("spin", SECOND / 50, MOTE_EDEADLINE);
}
LEAVES_NOTHING(deadline)

static void path_abort(void)
{
    fault("abort_libc", 0, MOTE_OK);
}
LEAVES_NOTHING(abort)

static void path_stack_overflow(void)
{
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    CHECK_CODE(box_call(&box, "recurse", NO_ARGS, &result), MOTE_EFAULT);
    box_close(&box);
}
LEAVES_NOTHING(stack_overflow)

static void path_exit(void)
{
    struct box box;
    int status;

    box_run(&box, "hello_plain");
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    box_close(&box);
}
LEAVES_NOTHING(exit)

static int fn_give_up(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return -5;
}

static void path_host_function_gives_up(void)
{
    struct box box;
    mote_value result;

    box_open(&box, "probe");
    grant(&box, "take", "(bytes)->void", fn_give_up, NULL);
    box_start(&box);
    CHECK_CODE(box_call(&box, "take", ARGS(v_bytes("x", 1)), &result), MOTE_EHOSTFN);
    box_close(&box);
}
LEAVES_NOTHING(host_function_gives_up)

static void path_lies(void)
{
    struct box box;
    mote_value result;

    box_open(&box, "mailbox_liar");
    grant(&box, "add", "(i32,i32)->i32", fn_give_up, NULL);
    grant(&box, "take", "(bytes)->void", fn_give_up, NULL);
    grant(&box, "give", "(u32)->bytes", fn_give_up, NULL);
    box_start(&box);
    for (uint32_t n = 0; n < 50; n += 7) {
        box_call(&box, "lie", ARGS(v_u32(n)), &result);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    CHECK(box_call(&box, "lie_bytes", ARGS(v_u64(0), v_u64(1 << 20)), &result) != MOTE_OK);
    box_close(&box);
}
LEAVES_NOTHING(lies)

/* ---- one sandbox that lives on ------------------------------------------------------------ */

/* Within one sandbox: after 200 faults and resets, nothing has grown. */
TEST(resources, faults_in_one_sandbox)
{
    const char *exports[] = {"ud2", "write_code", "exec_heap", "int3", "abort_libc"};
    struct box box;
    struct census before;

    box_run(&box, "faults");
    for (unsigned i = 0; i < 10 + test_repeat(200); i++) {
        if (i == 10) {
            census_take(&before);
        }
        CHECK(box_call(&box, exports[i % COUNT(exports)], NO_ARGS, NULL) != MOTE_OK);
        expect_alive(&box);
    }
    census_check(&before, "200 faults");
    box_close(&box);
}

TEST(resources, sandboxes_of_one_image)
{
    struct box box;
    struct census before;
    mote_value result;

    box_run(&box, "echo");
    for (unsigned i = 0; i < 10 + test_repeat(50); i++) {
        mote_sandbox *sandbox = open_sandbox(box.image, box.policy);

        CHECK_CODE(call(sandbox, box.image, "blob", ARGS(v_u32(100000)), &result), MOTE_OK);
        CHECK_CODE(mote_sandbox_free(sandbox), MOTE_OK);
        if (i == 9) {
            census_take(&before);
        }
    }
    census_check(&before, "50 sandboxes");
    box_close(&box);
}

/* One VM for one sandbox, and none for what is gone. */
TEST(resources, vms_are_counted)
{
    struct census before;
    struct census during;
    struct box box;
    mote_value result;

    census_take(&before);
    CHECK_INT(before.vms, 0);
    box_run(&box, "echo");
    must_call(&box, "count", NO_ARGS, &result);
    census_take(&during);
    CHECK(during.vms >= 1 && during.vcpus >= 1);
    box_close(&box);
    census_take(&during);
    CHECK_INT(during.vms, 0);
    CHECK_INT(during.vcpus, 0);
    CHECK_INT(during.fds, before.fds);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, logs, and the objects' own rules. */
#include "support.h"

#include <stdio.h>
#include <string.h>

static int fn_none(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 0;
}

static void fn_log(void *user, mote_sandbox *sandbox, unsigned level, const char *text, size_t size)
{
    char *line = user;

    CHECK(sandbox != NULL);
    snprintf(line, 2048, "%u:%zu:%.*s", level, size, (int)size, text);
}

TEST(policy, frozen)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_stream stream = {.size = sizeof(stream)};
    struct box box;
    char line[2048];

    box_open(&box, "echo");
    CHECK_CODE(mote_policy_set(box.policy, MOTE_OPT_MEMORY, 32 * MIB, &error), MOTE_OK);
    box_start(&box);
    CHECK_CODE(mote_policy_set(box.policy, MOTE_OPT_MEMORY, 64 * MIB, &error), MOTE_EFROZEN);
    CHECK_CODE(error.code, MOTE_EFROZEN);
    CHECK(error.text[0] != '\0');
    CHECK_CODE(
        mote_policy_function(box.policy, "env", "x", "()->void", fn_none, NULL, NULL, &error),
        MOTE_EFROZEN);
    CHECK_CODE(mote_policy_stream(box.policy, 1, &stream, &error), MOTE_EFROZEN);
    CHECK_CODE(mote_policy_log(box.policy, fn_log, line, &error), MOTE_EFROZEN);
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_policy_set(box.policy, MOTE_OPT_MEMORY, 64 * MIB, &error), MOTE_EFROZEN);
    box.sandbox = NULL;
    box_close(&box);
}

TEST(policy, unknown_options)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_stream stream = {.size = sizeof(stream)};
    struct box box;

    box_open(&box, "echo");
    CHECK_CODE(mote_policy_set(box.policy, (mote_option)0, 1, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_set(box.policy, (mote_option)999, 1, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_set(box.policy, MOTE_OPT_MEMORY, UINT64_MAX, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_stream(box.policy, 3, &stream, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_stream(box.policy, -1, &stream, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_function(box.policy, "env", "x", "(i32", fn_none, NULL, NULL, &error),
               MOTE_EINVAL);
    box_close(&box);
}

TEST(policy, shared_by_sandboxes)
{
    struct box box;
    mote_sandbox *others[3];
    mote_value result;

    box_open(&box, "malloc_stdio");
    set_option(&box, MOTE_OPT_MEMORY, 16 * MIB);
    box_start(&box);
    for (int i = 0; i < 3; i++) {
        others[i] = open_sandbox(box.image, box.policy);
        CHECK_CODE(call(others[i], box.image, "allocate", ARGS(v_u64(16 * MIB)), &result), MOTE_OK);
        CHECK(!result.of.boolean);
        CHECK_CODE(mote_sandbox_free(others[i]), MOTE_OK);
    }
    box_close(&box);
}

TEST(policy, log_lines)
{
    struct box box;
    char line[2048] = "";

    box_open(&box, "echo");
    CHECK_CODE(mote_policy_log(box.policy, fn_log, line, NULL), MOTE_OK);
    box_start(&box);
    must_call(&box, "log", ARGS(v_u32(0), mote_string("quiet")), NULL);
    CHECK(strcmp(line, "0:5:quiet") == 0);
    must_call(&box, "log", ARGS(v_u32(3), mote_string("loud")), NULL);
    CHECK(strcmp(line, "3:4:loud") == 0);
    must_call(&box, "log_format", ARGS(v_i32(-5)), NULL);
    CHECK(strcmp(line, "2:9:number -5") == 0);
    box_close(&box);
}

TEST(policy, log_lines_are_bounded)
{
    static char text[5000];
    struct box box;
    char line[2048] = "";

    memset(text, 'y', sizeof(text));
    box_open(&box, "echo");
    CHECK_CODE(mote_policy_log(box.policy, fn_log, line, NULL), MOTE_OK);
    box_start(&box);
    must_call(&box, "log", ARGS(v_u32(1), v_text(text, sizeof(text))), NULL);
    CHECK(strncmp(line, "1:1024:yyy", 10) == 0);
    box_close(&box);
}

static void fn_count(void *user, mote_sandbox *sandbox, uint32_t level, const char *text,
                     size_t size)
{
    (void)sandbox, (void)level, (void)text, (void)size;
    ++*(unsigned *)user;
}

/* Empty lines, too: what hears them keeps more than their text. */
TEST(policy, log_lines_are_counted)
{
    struct box box;
    unsigned lines = 0;

    box_open(&box, "echo");
    CHECK_CODE(mote_policy_log(box.policy, fn_count, &lines, NULL), MOTE_OK);
    set_option(&box, MOTE_OPT_STREAM_BYTES, 100);
    box_start(&box);
    for (int i = 0; i < 5; i++) {
        must_call(&box, "log", ARGS(v_u32(1), mote_string("")), NULL);
    }
    CHECK_INT(lines, 3);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "log", ARGS(v_u32(1), mote_string("again")), NULL);
    CHECK_INT(lines, 4);
    box_close(&box);
}

TEST(policy, log_without_a_listener)
{
    struct box box;

    box_run(&box, "echo");
    must_call(&box, "log", ARGS(v_u32(3), mote_string("nobody hears")), NULL);
    box_close(&box);
}

/* ---- objects ------------------------------------------------------------------ */

TEST(objects, host_waits_for_its_objects)
{
    struct box box;

    box_run(&box, "echo");
    CHECK_CODE(mote_host_free(box.host), MOTE_EBUSY);
    mote_image_ref(box.image);
    mote_image_unref(box.image);
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_host_free(box.host), MOTE_EBUSY);
    mote_policy_unref(box.policy);
    CHECK_CODE(mote_host_free(box.host), MOTE_EBUSY);
    mote_image_unref(box.image);
    CHECK_CODE(mote_host_free(box.host), MOTE_OK);
}

/* A sandbox keeps its image and its policy. */
TEST(objects, sandbox_keeps_what_it_needs)
{
    struct box box;
    mote_func echo;
    mote_value result;

    box_run(&box, "echo");
    echo = find(box.image, "echo_i32");
    mote_image_unref(box.image);
    mote_policy_unref(box.policy);
    CHECK_CODE(mote_call(box.sandbox, echo, NULL, ARGS(v_i32(7)), &result, 1), MOTE_OK);
    CHECK_INT(result.of.i32, 7);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_call(box.sandbox, echo, NULL, ARGS(v_i32(8)), &result, 1), MOTE_OK);
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_host_free(box.host), MOTE_OK);
}

TEST(objects, null_is_fine)
{
    CHECK_CODE(mote_sandbox_free(NULL), MOTE_OK);
    CHECK_CODE(mote_host_free(NULL), MOTE_OK);
    mote_image_unref(NULL);
    mote_policy_unref(NULL);
    mote_handle_unref(NULL);
}

TEST(objects, user_data)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    int mine = 5;
    mote_sandbox_options options = {.size = sizeof(options), .user = &mine};

    box_open(&box, "echo");
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, NULL, &options, &error), MOTE_OK);
    CHECK(mote_sandbox_user(box.sandbox) == &mine);
    box_close(&box);
}

TEST(objects, two_hosts)
{
    struct box a;
    struct box b;
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *mixed = NULL;
    mote_value result;

    box_run(&a, "echo");
    box_run(&b, "echo");
    must_call(&a, "count", NO_ARGS, &result);
    must_call(&b, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    CHECK_CODE(mote_sandbox_new(&mixed, a.image, b.policy, NULL, &error), MOTE_EINVAL);
    box_close(&a);
    must_call(&b, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 2);
    box_close(&b);
}

TEST(objects, report_of_usage)
{
    const mote_report *report;
    struct box box;

    box_run(&box, "malloc_stdio");
    must_call(&box, "print", ARGS(mote_string("nowhere")), NULL);
    report = mote_sandbox_report(box.sandbox);
    CHECK_INT(report->fault, MOTE_FAULT_NONE);
    CHECK(report->exits >= 2 && report->syscalls >= 1);
    CHECK(report->wall_ns > 0 && report->memory > 0);
    CHECK_INT(report->resets, 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(mote_sandbox_report(box.sandbox)->resets, 1);
    box_close(&box);
}

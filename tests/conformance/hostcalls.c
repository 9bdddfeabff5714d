/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions: what reaches them, what comes back, and how they fail. */
#include "census.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host_state {
    struct box *box;
    unsigned calls;
    unsigned frees;
    int give_up; /* a number to end the call with */
    unsigned char *bytes;
};

static struct host_state state;

static int fn_add(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    struct host_state *s = user;

    (void)context;
    CHECK(nargs == 2 && args[0].type == MOTE_I32 && args[1].type == MOTE_I32);
    s->calls++;
    *result = v_i32((int32_t)((uint32_t)args[0].of.i32 + (uint32_t)args[1].of.i32));
    return s->give_up;
}

static int fn_greet(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    static char text[256];

    (void)user;
    (void)context;
    CHECK(nargs == 1 && args[0].type == MOTE_STRING && args[0].of.bytes.size < 200);
    snprintf(text, sizeof(text), "hello, %.*s", (int)args[0].of.bytes.size,
             (const char *)args[0].of.bytes.data);
    *result = v_text(text, args[0].of.bytes.size + 7);
    return 0;
}

static int fn_fail(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    struct host_state *s = user;

    (void)args;
    (void)result;
    CHECK(nargs == 0);
    s->calls++;
    return mote_context_fail(context, 42, "the disk is on fire");
}

static int fn_take(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    const unsigned char *bytes = args[0].of.bytes.data;

    (void)user;
    (void)context;
    (void)result;
    CHECK(nargs == 1 && args[0].type == MOTE_BYTES);
    for (size_t i = 0; i < args[0].of.bytes.size; i++) {
        CHECK_INT(bytes[i], (unsigned char)(i * 31 + 7));
    }
    return 0;
}

static int fn_give(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    struct host_state *s = user;
    size_t size = args[0].of.u32;

    (void)context;
    CHECK(nargs == 1);
    free(s->bytes);
    s->bytes = malloc(size + 1);
    CHECK(s->bytes != NULL);
    for (size_t i = 0; i < size; i++) {
        s->bytes[i] = (unsigned char)(i * 31 + 7);
    }
    *result = v_bytes(s->bytes, size);
    return 0;
}

static int fn_mixed(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    struct host_state *s = user;

    CHECK(nargs == 11 && mote_context_sandbox(context) == s->box->sandbox);
    CHECK(args[0].type == MOTE_I32 && args[0].of.i32 == -1);
    CHECK(args[1].type == MOTE_U32 && args[1].of.u32 == 2);
    CHECK(args[2].type == MOTE_I64 && args[2].of.i64 == -3);
    CHECK(args[3].type == MOTE_U64 && args[3].of.u64 == 4);
    CHECK(args[4].type == MOTE_F32 && args[4].of.f32 == 0.5f);
    CHECK(args[5].type == MOTE_F64 && args[5].of.f64 == 0 && signbit(args[5].of.f64) != 0);
    CHECK(args[6].type == MOTE_BOOL && args[6].of.boolean);
    CHECK(args[7].type == MOTE_STRING && args[7].of.bytes.size == 4);
    CHECK_BYTES(args[7].of.bytes.data, "text", 4);
    CHECK(args[8].type == MOTE_BYTES && args[8].of.bytes.size == 0);
    CHECK(args[9].type == MOTE_I32 && args[9].of.i32 == 10);
    CHECK(args[10].type == MOTE_F64 && args[10].of.f64 == 11.25);
    *result = v_f64(-0.0);
    return 0;
}

static void grant_all(struct box *box)
{
    state.box = box;
    grant(box, "add", "(i32,i32)->i32", fn_add, &state);
    grant(box, "greet", "(string)->string", fn_greet, &state);
    grant(box, "fail", "()->i32", fn_fail, &state);
    grant(box, "take", "(bytes)->void", fn_take, &state);
    grant(box, "give", "(u32)->bytes", fn_give, &state);
    grant(box, "mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64", fn_mixed,
          &state);
}

static void open_hostcalls(struct box *box)
{
    box_open(box, "hostcalls");
    grant_all(box);
    box_start(box);
}

TEST(hostcalls, call)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    must_call(&box, "add", ARGS(v_i32(40), v_i32(2)), &result);
    CHECK_INT(result.of.i32, 42);
    CHECK_INT(state.calls, 1);
    CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, 1);
    box_close(&box);
}

TEST(hostcalls, strings)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    must_call(&box, "greet", ARGS(mote_string("world")), &result);
    CHECK_INT(result.of.bytes.size, 12);
    CHECK_BYTES(result.of.bytes.data, "hello, world", 12);
    must_call(&box, "greet", ARGS(mote_string("")), &result);
    CHECK_INT(result.of.bytes.size, 7);
    box_close(&box);
}

TEST(hostcalls, eleven_mixed)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    must_call(&box, "mixed", ARGS(mote_string("text"), v_bytes(NULL, 0)), &result);
    CHECK(result.of.f64 == 0 && signbit(result.of.f64) != 0);
    box_close(&box);
}

TEST(hostcalls, bytes_of_every_size)
{
    const uint32_t sizes[] = {0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 1000000, 4194304};
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        must_call(&box, "round_trip", ARGS(v_u32(sizes[i])), &result);
        CHECK(result.of.boolean);
        CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, 2);
    }
    free(state.bytes);
    box_close(&box);
}

/* The guest's answer to a result that does not fit is an error that it can handle. */
TEST(hostcalls, result_beyond_the_limit)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    CHECK_CODE(box_call(&box, "give", ARGS(v_u32(200u << 20)), &result), MOTE_EGUEST);
    CHECK_INT(mote_sandbox_error(box.sandbox)->detail, 4); /* MOTE_GUEST_ENOMEM, negated */
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    must_call(&box, "add", ARGS(v_i32(1), v_i32(2)), &result);
    CHECK_INT(result.of.i32, 3);
    free(state.bytes);
    box_close(&box);
}

TEST(hostcalls, storm)
{
    unsigned times = test_repeat(5000);
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    must_call(&box, "storm", ARGS(v_u32(times)), &result);
    CHECK_INT(result.of.i32, times);
    CHECK_INT(state.calls, times);
    CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, times);
    box_close(&box);
}

/* ---- failure ------------------------------------------------------------------ */

TEST(hostcalls, failure_reaches_the_guest)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    must_call(&box, "fail_status", NO_ARGS, &result);
    CHECK_INT(result.of.i32, -1); /* MOTE_GUEST_EFAILED */
    must_call(&box, "fail_text", NO_ARGS, &result);
    CHECK_INT(result.of.bytes.size, strlen("the disk is on fire"));
    CHECK_BYTES(result.of.bytes.data, "the disk is on fire", result.of.bytes.size);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

TEST(hostcalls, failure_passed_on)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    CHECK_CODE(box_call(&box, "fail_through", NO_ARGS, &result), MOTE_EGUEST);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "the disk is on fire");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

TEST(hostcalls, thousand_failures_leave_nothing)
{
    struct box box;
    mote_value result;
    struct census before;

    open_hostcalls(&box);
    must_call(&box, "fail_often", ARGS(v_u32(10)), &result);
    CHECK_CODE(box_call(&box, "fail_through", NO_ARGS, &result), MOTE_EGUEST);
    census_take(&before);
    must_call(&box, "fail_often", ARGS(v_u32(1000)), &result);
    CHECK_INT(result.of.u32, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_CODE(box_call(&box, "fail_through", NO_ARGS, &result), MOTE_EGUEST);
    }
    census_check(&before, "after 2000 failures");
    CHECK_INT(state.calls, 2011);
    box_close(&box);
}

TEST(hostcalls, give_up)
{
    struct box box;
    mote_value result;
    int rc;

    open_hostcalls(&box);
    state.give_up = -1234;
    rc = box_call(&box, "add", ARGS(v_i32(1), v_i32(2)), &result);
    check_fault(&box, rc, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION);
    CHECK_INT(mote_sandbox_error(box.sandbox)->domain, MOTE_DOMAIN_HOSTFN);
    CHECK_INT(mote_sandbox_error(box.sandbox)->detail, -1234);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "add");
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, -1234);
    state.give_up = 0;
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "add", ARGS(v_i32(1), v_i32(2)), &result);
    CHECK_INT(result.of.i32, 3);
    box_close(&box);
}

/* ---- grants ------------------------------------------------------------------ */

TEST(hostcalls, not_granted)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;

    box_open(&box, "hostcalls");
    grant(&box, "add", "(i32,i32)->i32", fn_add, &state);
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, &error), MOTE_EMISSING);
    CHECK_CODE(error.code, MOTE_EMISSING);
    CHECK_HAS(error.text, "env");
    CHECK_HAS(error.text, "greet");
    CHECK(error.remedy[0] != '\0');
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, NULL, NULL, &error), MOTE_EMISSING);
    CHECK(box.sandbox == NULL);
    box_close(&box);
}

TEST(hostcalls, granted_with_another_signature)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    int rc;

    box_open(&box, "hostcalls");
    grant(&box, "maybe", "(i64)->i32", fn_add, &state);
    grant_all(&box);
    rc = mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, &error);
    CHECK(rc == MOTE_ETYPE || rc == MOTE_EMISSING); /* the contract leaves it open */
    CHECK_HAS(error.text, "maybe");
    box_close(&box);
}

TEST(hostcalls, weak_import_missing)
{
    struct box box;
    mote_value result;

    open_hostcalls(&box);
    must_call(&box, "maybe", ARGS(v_i32(5)), &result);
    CHECK_INT(result.of.i32, -2); /* MOTE_GUEST_EMISSING */
    box_close(&box);
}

static int fn_double(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    *result = v_i32(args[0].of.i32 * 2);
    return 0;
}

TEST(hostcalls, weak_import_granted)
{
    struct box box;
    mote_value result;

    box_open(&box, "hostcalls");
    grant_all(&box);
    grant(&box, "maybe", "(i32)->i32", fn_double, NULL);
    box_start(&box);
    must_call(&box, "maybe", ARGS(v_i32(5)), &result);
    CHECK_INT(result.of.i32, 10);
    box_close(&box);
}

TEST(hostcalls, imports_are_listed)
{
    struct box box;
    mote_function_info info;

    box_open(&box, "hostcalls");
    CHECK_INT(mote_image_imports(box.image), 7);
    CHECK_CODE(mote_image_import(box.image, 0, &info), MOTE_OK);
    CHECK(strcmp(info.module, "env") == 0 && strcmp(info.name, "add") == 0 && !info.weak);
    CHECK(strcmp(info.signature_text, "(i32,i32)->i32") == 0);
    CHECK_INT(info.signature.nparams, 2);
    CHECK_INT(info.signature.result, MOTE_I32);
    CHECK_CODE(mote_image_import(box.image, 6, &info), MOTE_OK);
    CHECK(strcmp(info.name, "maybe") == 0 && info.weak);
    CHECK_CODE(mote_image_import(box.image, 7, &info), MOTE_EINVAL);
    CHECK(mote_image_exports(box.image) > 0);
    CHECK_CODE(mote_image_export(box.image, 0, &info), MOTE_OK);
    CHECK(info.module[0] == '\0' && info.name[0] != '\0');
    box_close(&box);
}

/* ---- what a host function may do ------------------------------------------------------ */

/* To call it is another matter: nested.c. */
static int fn_busy(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    mote_sandbox *sandbox = mote_context_sandbox(context);
    int status;

    (void)user;
    (void)nargs;
    CHECK_CODE(mote_reset(sandbox), MOTE_EBUSY);
    CHECK_CODE(mote_run(sandbox, NULL, &status), MOTE_EBUSY);
    CHECK_CODE(mote_resume(sandbox, NULL, NULL, NULL, 0), MOTE_EBUSY);
    CHECK_CODE(mote_cancel(sandbox), MOTE_EBUSY);
    CHECK_CODE(mote_sandbox_free(sandbox), MOTE_EBUSY);
    *result = v_i32(args[0].of.i32);
    return 0;
}

TEST(hostcalls, same_sandbox_is_busy)
{
    struct box box;
    mote_value result;

    box_open(&box, "hostcalls");
    grant_all(&box);
    grant(&box, "maybe", "(i32)->i32", fn_busy, NULL);
    box_start(&box);
    must_call(&box, "maybe", ARGS(v_i32(5)), &result);
    CHECK_INT(result.of.i32, 5);
    box_close(&box);
}

static int fn_other(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    mote_sandbox *other = user;

    (void)context;
    (void)nargs;
    CHECK_CODE(call(other, state.box->image, "add", ARGS(args[0], args[0]), result), MOTE_OK);
    return 0;
}

/* One sandbox's host function calls another sandbox. */
TEST(hostcalls, another_sandbox_from_inside)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    mote_policy *outer = NULL;
    mote_sandbox *sandbox = NULL;
    mote_value result;
    struct box view;

    open_hostcalls(&box);
    CHECK_CODE(mote_policy_new(&outer, box.host, &error), MOTE_OK);
    view = box;
    view.policy = outer;
    grant_all(&view);
    state.box = &box;
    grant(&view, "maybe", "(i32)->i32", fn_other, box.sandbox);
    sandbox = open_sandbox(box.image, outer);
    CHECK_CODE(call(sandbox, box.image, "maybe", ARGS(v_i32(21)), &result), MOTE_OK);
    CHECK_INT(result.of.i32, 42);
    CHECK_CODE(mote_sandbox_free(sandbox), MOTE_OK);
    mote_policy_unref(outer);
    box_close(&box);
}

static void count_free(void *user)
{
    struct host_state *s = user;

    s->frees++;
}

TEST(hostcalls, user_data_is_freed_with_the_policy)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;

    box_open(&box, "hostcalls");
    CHECK_CODE(mote_policy_function(box.policy, "env", "add", "(i32,i32)->i32", fn_add, &state,
                                    count_free, &error),
               MOTE_OK);
    CHECK_CODE(mote_policy_function(box.policy, "env", "add", "(i32,i32)->i32", fn_add, &state,
                                    count_free, &error),
               MOTE_EINVAL);
    CHECK_CODE(
        mote_policy_function(box.policy, "env", "bad", "(i33)", fn_add, &state, count_free, &error),
        MOTE_EINVAL);
    CHECK_INT(state.frees, 0);
    mote_policy_ref(box.policy);
    mote_policy_unref(box.policy);
    CHECK_INT(state.frees, 0);
    box_close(&box);
    CHECK_INT(state.frees, 1);
}

/* ---- results that are none ---------------------------------------------------------------- */

static int fn_nowhere(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    const size_t *size = user;

    (void)context;
    (void)args;
    (void)nargs;
    result->of.bytes.data = NULL;
    result->of.bytes.size = *size;
    return 0;
}

TEST(hostcalls, result_is_null_with_a_size)
{
    size_t size = 5;
    struct box box;
    mote_value result;
    int rc;

    box_open(&box, "hostcalls");
    grant(&box, "add", "(i32,i32)->i32", fn_add, &state);
    grant(&box, "greet", "(string)->string", fn_nowhere, &size);
    grant(&box, "fail", "()->i32", fn_fail, &state);
    grant(&box, "take", "(bytes)->void", fn_take, &state);
    grant(&box, "give", "(u32)->bytes", fn_nowhere, &size);
    grant(&box, "mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64", fn_mixed,
          &state);
    box_start(&box);
    rc = box_call(&box, "greet", ARGS(mote_string("you")), &result);
    check_fault(&box, rc, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "env.greet");
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    rc = box_call(&box, "give", ARGS(v_u32(5)), &result);
    check_fault(&box, rc, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    size = 0; /* that is an empty result */
    must_call(&box, "greet", ARGS(mote_string("you")), &result);
    CHECK_INT(result.of.bytes.size, 0);
    box_close(&box);
}

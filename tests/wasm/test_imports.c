/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of WebAssembly modules as host functions. */
#include "support.h"

#include <string.h>

static int32_t call_i32(struct guest *guest, const char *name, const mote_value *args, size_t nargs)
{
    const mote_value result = call(guest, name, args, nargs);
    assert_int_equal(result.type, MOTE_I32);
    return result.of.i32;
}

static int host_add(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    (void)user;
    assert_int_equal(nargs, 2);
    if (args[0].of.i32 == 13)
        return mote_context_fail(context, 1, "13 brings bad luck");
    *result = i32((int32_t)((uint32_t)args[0].of.i32 + (uint32_t)args[1].of.i32));
    return 0;
}

static int host_scale(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    *result = f64(args[0].of.f64 * (double)args[1].of.f32);
    return 0;
}

static int host_wide(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    *result = i64(~args[0].of.i64);
    return 0;
}

/* Reads the module's memory, as hosts of WebAssembly do. */
static int host_tell(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    char *const heard = user;
    (void)nargs;
    (void)result;
    assert_true(args[1].of.i32 < 32);
    return mote_memory_read(mote_context_sandbox(context), (uint32_t)args[0].of.i32, heard,
                            (size_t)args[1].of.i32);
}

static int host_other(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    assert_int_equal(nargs, 0);
    *result = i32(77);
    return 0;
}

static mote_policy *grant_all(char *heard)
{
    mote_policy *policy = NULL;
    assert_int_equal(mote_policy_new(&policy, the_host(), NULL), 0);
    assert_int_equal(
        mote_policy_function(policy, "env", "add", "(i32,i32)->i32", host_add, NULL, NULL, NULL),
        0);
    assert_int_equal(mote_policy_function(policy, "env", "scale", "(f64,f32)->f64", host_scale,
                                          NULL, NULL, NULL),
                     0);
    assert_int_equal(
        mote_policy_function(policy, "env", "wide", "(i64)->i64", host_wide, NULL, NULL, NULL), 0);
    assert_int_equal(mote_policy_function(policy, "env", "tell", "(i32,i32)->void", host_tell,
                                          heard, NULL, NULL),
                     0);
    return policy;
}

static void imports_are_host_functions(void **state)
{
    char heard[32] = "";
    struct guest guest;
    (void)state;
    mote_policy *policy = grant_all(heard);
    assert_int_equal(mote_policy_function(policy, "other module", "f-\xc3\xa9", "()->i32",
                                          host_other, NULL, NULL, NULL),
                     0);
    guest_open(&guest, "imports", policy);
    assert_int_equal(mote_image_imports(guest.image), 5);
    assert_int_equal(call_i32(&guest, "twice", ARGS(i32(21))), 42);
    assert_int_equal(call_i32(&guest, "add", ARGS(i32(1), i32(2))), 3);
    assert_int_equal(call_i32(&guest, "through_table", ARGS(i32(3), i32(4))), 7);
    assert_true(call(&guest, "scale", ARGS(f64(1.5), f32(-2))).of.f64 == -3);
    assert_int_equal(call(&guest, "wide", ARGS(i64(5))).of.i64, ~5LL);
    call(&guest, "tell", NO_ARGS);
    assert_string_equal(heard, "told by the module");
    assert_int_equal(call_i32(&guest, "other", NO_ARGS), 77);
    guest_close(&guest);
}

static void a_failing_host_function_traps(void **state)
{
    char heard[32] = "";
    struct guest guest;
    (void)state;
    mote_policy *policy = grant_all(heard);
    assert_int_equal(mote_policy_function(policy, "other module", "f-\xc3\xa9", "()->i32",
                                          host_other, NULL, NULL, NULL),
                     0);
    guest_open(&guest, "imports", policy);
    call_traps(&guest, "host function env.add failed: 13 brings bad luck (-1)", "twice",
               ARGS(i32(13)));
    assert_int_equal(call_i32(&guest, "twice", ARGS(i32(14))), 28);
    guest_close(&guest);
}

static void a_missing_import_is_named(void **state)
{
    char heard[32] = "";
    mote_error error = MOTE_ERROR_INIT;
    mote_image *image = NULL;
    mote_sandbox *sandbox = NULL;
    (void)state;
    mote_policy *policy = grant_all(heard);
    const mote_source source = MOTE_SOURCE_PATH(build("imports"));
    assert_int_equal(mote_image_open(&image, the_host(), &source, NULL, &error), 0);
    assert_int_equal(mote_sandbox_new(&sandbox, image, policy, NULL, &error), MOTE_EMISSING);
    assert_non_null(strstr(error.text, "other module"));
    mote_policy_unref(policy);
    mote_image_unref(image);
}

static int setup(void **state)
{
    (void)state;
    scratch_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    release_host();
    scratch_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_are_host_functions),
        cmocka_unit_test(a_failing_host_function_traps),
        cmocka_unit_test(a_missing_import_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

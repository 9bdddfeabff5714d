/* SPDX-License-Identifier: Apache-2.0 */
/* WebAssembly modules in micro-VMs, through the public API: numbers, memory and its bounds, traps,
 * features. */
#include "support.h"

#include <math.h>
#include <string.h>

#define OUT_OF_MEMORY_BOUNDS "out of bounds memory access"
#define PAGE                 65536

static int32_t call_i32(struct guest *guest, const char *name, const mote_value *args, size_t nargs)
{
    const mote_value result = call(guest, name, args, nargs);
    assert_int_equal(result.type, MOTE_I32);
    return result.of.i32;
}

/* ---- numbers -------------------------------------------------------------- */

static void numbers_compute(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "numbers", NULL);
    assert_int_equal(call_i32(&guest, "add", ARGS(i32(40), i32(2))), 42);
    assert_int_equal(call_i32(&guest, "add", ARGS(i32(INT32_MAX), i32(1))), INT32_MIN);
    assert_int_equal(call(&guest, "mul64", ARGS(i64(-3), i64(1LL << 60))).of.i64, -(3LL << 60));
    assert_true(call(&guest, "half32", ARGS(f32(3))).of.f32 == 1.5f);
    assert_true(call(&guest, "sqrt64", ARGS(f64(2))).of.f64 == sqrt(2));
    assert_true(call(&guest, "mixed", ARGS(i32(-1), i64(2), f32(0.5f), f64(0.25))).of.f64 == 1.75);
    assert_int_equal(call(&guest, "fib", ARGS(i32(20))).of.i64, 6765);
    assert_int_equal(call(&guest, "nothing", NO_ARGS).type, MOTE_VOID);
    assert_int_equal(call_i32(&guest, "a \"quoted\" \\ %s {name} \xc3\xa9", NO_ARGS), 7);
    guest_close(&guest);
}

static void numbers_keep_their_bits(void **state)
{
    static const uint32_t singles[] = {0x80000000, 0x7fc00001, 0xffc12345, 0x7fa00001, 1};
    static const uint64_t doubles[] = {0x8000000000000000, 0x7ff8000000000001, 0xfff8123456789abc,
                                       0x7ff4000000000001, 1};
    struct guest guest;
    (void)state;
    guest_open(&guest, "numbers", NULL);
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        mote_value single = {.type = MOTE_F32, .of.u32 = singles[i]};
        mote_value twice = {.type = MOTE_F64, .of.u64 = doubles[i]};
        assert_int_equal(call(&guest, "same32", &single, 1).of.u32, singles[i]);
        assert_int_equal(call(&guest, "same64", &twice, 1).of.u64, doubles[i]);
    }
    guest_close(&guest);
}

static void numbers_many_parameters(void **state)
{
    mote_value args[32];
    struct guest guest;
    (void)state;
    guest_open(&guest, "numbers", NULL);
    for (int i = 0; i < 32; i++)
        args[i] = i32(i * i);
    assert_int_equal(call_i32(&guest, "32 parameters", args, 32), 31 * 31);
    guest_close(&guest);
}

static void exports_are_listed(void **state)
{
    mote_func function;
    mote_function_info info;
    struct guest guest;
    (void)state;
    guest_open(&guest, "numbers", NULL);
    assert_int_equal(mote_image_exports(guest.image), 11);
    assert_int_equal(mote_find(guest.image, "mixed", "(i32,i64,f32,f64)->f64", &function, NULL), 0);
    assert_int_equal(mote_find(guest.image, "fib", "(i32)->i64", &function, NULL), 0);
    assert_int_equal(mote_image_export(guest.image, function.index, &info), 0);
    assert_string_equal(info.name, "fib");
    assert_int_equal(mote_find(guest.image, "two results", NULL, &function, NULL), MOTE_ENOTFOUND);
    assert_int_equal(mote_find(guest.image, "vector", NULL, &function, NULL), MOTE_ENOTFOUND);
    assert_int_equal(mote_find(guest.image, "answer", NULL, &function, NULL), MOTE_ENOTFOUND);
    guest_close(&guest);
}

/* ---- memory --------------------------------------------------------------- */

struct access {
    const char *load;
    int32_t size;
};

static const struct access accesses[] = {
    {"load8", 1},   {"load16", 2},  {"load32", 4},    {"load64", 8},
    {"loadf32", 4}, {"loadf64", 8}, {"loadv128", 16},
};
#define ACCESSES (sizeof accesses / sizeof accesses[0])

/* Loads of every width at both ends of a memory of `size` bytes. */
static void check_bounds(struct guest *guest, int32_t size)
{
    for (size_t i = 0; i < ACCESSES; i++) {
        call(guest, accesses[i].load, ARGS(i32(0)));
        call(guest, accesses[i].load, ARGS(i32(size - accesses[i].size)));
    }
}

static void loads_within_bounds(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    check_bounds(&guest, 2 * PAGE);
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(0))), 'f');
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(2 * PAGE - 1))), 't');
    assert_int_equal(call_i32(&guest, "load_near", ARGS(i32(0))), 't');
    guest_close(&guest);
}

static void loads_beyond_bounds(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    for (size_t i = 0; i < ACCESSES; i++) {
        const char *const load = accesses[i].load;
        const int32_t last = 2 * PAGE - accesses[i].size;
        call_traps(&guest, OUT_OF_MEMORY_BOUNDS, load, ARGS(i32(last + 1)));
        call_traps(&guest, OUT_OF_MEMORY_BOUNDS, load, ARGS(i32(2 * PAGE)));
        call_traps(&guest, OUT_OF_MEMORY_BOUNDS, load, ARGS(i32(INT32_MAX)));
        call_traps(&guest, OUT_OF_MEMORY_BOUNDS, load, ARGS(i32(-1)));
        call_traps(&guest, OUT_OF_MEMORY_BOUNDS, load, ARGS(i32(-accesses[i].size)));
    }
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load_near", ARGS(i32(1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load_far", ARGS(i32(0)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load_far", ARGS(i32(1))); /* 4 GiB: not 0 */
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load_far", ARGS(i32(-1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load_unused", ARGS(i32(2 * PAGE)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "store_far", ARGS(i32(0), i32(1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "store_far", ARGS(i32(-1), i32(1))); /* over 8 GiB */
    check_bounds(&guest, 2 * PAGE);
    guest_close(&guest);
}

static void stores_at_the_bounds(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    call(&guest, "store8", ARGS(i32(0), i32(0x7a)));
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(0))), 0x7a);
    call(&guest, "store64", ARGS(i32(2 * PAGE - 8), i64(0x1122334455667788)));
    assert_int_equal(call_i32(&guest, "load32", ARGS(i32(2 * PAGE - 4))), 0x11223344);
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "store8", ARGS(i32(2 * PAGE), i32(1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "store16", ARGS(i32(2 * PAGE - 1), i32(1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "store32", ARGS(i32(2 * PAGE - 3), i32(1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "store64", ARGS(i32(2 * PAGE - 7), i64(1)));
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(0))), 'f'); /* the reset took it back */
    guest_close(&guest);
}

static void growth(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    assert_int_equal(call_i32(&guest, "size", NO_ARGS), 2);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(0))), 2);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(1))), 2);
    assert_int_equal(call_i32(&guest, "size", NO_ARGS), 3);
    check_bounds(&guest, 3 * PAGE);
    assert_int_equal(call_i32(&guest, "load32", ARGS(i32(2 * PAGE))), 0); /* new pages are zero */
    call(&guest, "store64", ARGS(i32(2 * PAGE - 4), i64(-1)));            /* across the old end */
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(3))), -1);         /* beyond the maximum */
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(-1))), -1);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(2))), 3);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(1))), -1);
    check_bounds(&guest, 5 * PAGE);
    assert_int_equal(call_i32(&guest, "load32", ARGS(i32(2 * PAGE))), -1); /* still there */
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load64", ARGS(i32(5 * PAGE - 7)));
    guest_close(&guest);
}

static void reset_takes_growth_back(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(call_i32(&guest, "grow", ARGS(i32(3))), 2);
        call(&guest, "fill", ARGS(i32(0), i32(round + 1), i32(5 * PAGE)));
        assert_int_equal(call_i32(&guest, "load8", ARGS(i32(5 * PAGE - 1))), round + 1);
        assert_int_equal(mote_reset(guest.sandbox), 0);
        assert_int_equal(call_i32(&guest, "size", NO_ARGS), 2);
        assert_int_equal(call_i32(&guest, "load8", ARGS(i32(4))), 't');
        call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load8", ARGS(i32(2 * PAGE)));
        assert_int_equal(call_i32(&guest, "grow", ARGS(i32(1))), 2);
        assert_int_equal(call_i32(&guest, "load8", ARGS(i32(2 * PAGE))), 0);
        assert_int_equal(mote_reset(guest.sandbox), 0);
    }
    guest_close(&guest);
}

static void growth_stops_at_the_policy(void **state)
{
    mote_policy *policy = NULL;
    struct guest guest;
    (void)state;
    assert_int_equal(mote_policy_new(&policy, the_host(), NULL), 0);
    assert_int_equal(mote_policy_set(policy, MOTE_OPT_MEMORY, 32ULL << 20, NULL), 0);
    guest_open(&guest, "unbounded", policy);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(32 * 16))), -1);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(65535))), -1);
    assert_int_equal(call_i32(&guest, "size", NO_ARGS), 1);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(16))), 1);
    call(&guest, "store8", ARGS(i32(17 * PAGE - 1), i32(5)));
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(17 * PAGE - 1))), 5);
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "load8", ARGS(i32(17 * PAGE)));
    guest_close(&guest);
}

static void bulk_operations(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    call(&guest, "fill", ARGS(i32(100), i32(0xab), i32(1000)));
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(1099))), 0xab);
    call(&guest, "copy", ARGS(i32(2), i32(0), i32(5))); /* overlapping */
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(6))), 't');
    call(&guest, "init", ARGS(i32(200), i32(1), i32(6)));
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(200))), 'a');
    call(&guest, "fill", ARGS(i32(2 * PAGE), i32(1), i32(0)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "fill", ARGS(i32(2 * PAGE), i32(1), i32(1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "fill", ARGS(i32(1), i32(1), i32(-1)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "copy", ARGS(i32(0), i32(2 * PAGE - 1), i32(2)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "copy", ARGS(i32(2 * PAGE - 1), i32(0), i32(2)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "init", ARGS(i32(0), i32(0), i32(8)));
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "init", ARGS(i32(2 * PAGE), i32(0), i32(1)));
    call(&guest, "drop", NO_ARGS);
    call_traps(&guest, OUT_OF_MEMORY_BOUNDS, "init", ARGS(i32(0), i32(0), i32(1)));
    guest_close(&guest);
}

static void memory_for_the_host(void **state)
{
    const uint64_t end = UINT64_C(2) * PAGE;
    char text[8] = "";
    struct guest guest;
    (void)state;
    guest_open(&guest, "memory", NULL);
    assert_int_equal(mote_memory_read(guest.sandbox, 0, text, 5), 0);
    assert_string_equal(text, "first");
    assert_int_equal(mote_memory_write(guest.sandbox, end - 4, "abcd", 4), 0);
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(2 * PAGE - 1))), 'd');
    assert_int_equal(mote_memory_read(guest.sandbox, end - 4, text, 5), MOTE_ERANGE);
    assert_int_equal(mote_memory_write(guest.sandbox, end, text, 1), MOTE_ERANGE);
    assert_int_equal(mote_memory_read(guest.sandbox, UINT64_MAX, text, 2), MOTE_ERANGE);
    assert_int_equal(call_i32(&guest, "grow", ARGS(i32(1))), 2);
    assert_int_equal(mote_memory_write(guest.sandbox, end - 2, "abcd", 4), 0);
    assert_int_equal(call_i32(&guest, "load8", ARGS(i32(2 * PAGE + 1))), 'd');
    guest_close(&guest);
}

/* ---- traps ---------------------------------------------------------------- */

static void arithmetic_traps(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "traps", NULL);
    call_traps(&guest, "unreachable", "unreachable", NO_ARGS);
    call_traps(&guest, "integer divide by zero", "div_s", ARGS(i32(1), i32(0)));
    call_traps(&guest, "integer divide by zero", "div_u", ARGS(i32(1), i32(0)));
    call_traps(&guest, "integer divide by zero", "rem_s", ARGS(i32(1), i32(0)));
    call_traps(&guest, "integer divide by zero", "div64_s", ARGS(i64(1), i64(0)));
    call_traps(&guest, "integer divide by zero", "rem64_u", ARGS(i64(1), i64(0)));
    call_traps(&guest, "integer overflow", "div_s", ARGS(i32(INT32_MIN), i32(-1)));
    call_traps(&guest, "integer overflow", "div64_s", ARGS(i64(INT64_MIN), i64(-1)));
    assert_int_equal(call_i32(&guest, "rem_s", ARGS(i32(INT32_MIN), i32(-1))), 0);
    call_traps(&guest, "invalid conversion to integer", "trunc", ARGS(f64(NAN)));
    call_traps(&guest, "integer overflow", "trunc", ARGS(f64(2147483648.0)));
    assert_int_equal(call_i32(&guest, "trunc", ARGS(f64(2147483647.9))), INT32_MAX);
    call_traps(&guest, "integer overflow", "trunc_u", ARGS(f32(-1)));
    guest_close(&guest);
}

static void indirect_calls(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "traps", NULL);
    assert_int_equal(call_i32(&guest, "call", ARGS(i32(0))), 1);
    call_traps(&guest, "indirect call type mismatch", "call", ARGS(i32(1)));
    call_traps(&guest, "uninitialized element", "call", ARGS(i32(2)));
    call_traps(&guest, "undefined element", "call", ARGS(i32(8)));
    call_traps(&guest, "undefined element", "call", ARGS(i32(-1)));
    guest_close(&guest);
}

static void tables(void **state)
{
    static const char words[] = "out of bounds table access";
    struct guest guest;
    (void)state;
    guest_open(&guest, "traps", NULL);
    call_traps(&guest, words, "table_get", ARGS(i32(8)));
    call_traps(&guest, words, "table_set", ARGS(i32(-1)));
    call_traps(&guest, words, "table_init", ARGS(i32(7), i32(0), i32(2)));
    call_traps(&guest, words, "table_init", ARGS(i32(0), i32(1), i32(2)));
    call_traps(&guest, words, "table_copy", ARGS(i32(1), i32(0), i32(8)));
    call_traps(&guest, words, "table_fill", ARGS(i32(0), i32(9)));
    assert_int_equal(call_i32(&guest, "table_grow", ARGS(i32(3))), -1);
    assert_int_equal(call_i32(&guest, "table_grow", ARGS(i32(2))), 8);
    assert_int_equal(call_i32(&guest, "table_size", NO_ARGS), 10);
    assert_int_equal(call_i32(&guest, "call", ARGS(i32(9))), 1);
    assert_int_equal(mote_reset(guest.sandbox), 0);
    assert_int_equal(call_i32(&guest, "table_size", NO_ARGS), 8);
    guest_close(&guest);
}

static void endless_recursion(void **state)
{
    mote_value result;
    struct guest guest;
    const mote_value zero = i32(0);
    (void)state;
    guest_open(&guest, "traps", NULL);
    assert_int_not_equal(call_status(&guest, "recurse", &zero, 1, &result), 0);
    assert_int_equal(mote_sandbox_report(guest.sandbox)->fault, MOTE_FAULT_STACK);
    assert_int_equal(mote_reset(guest.sandbox), 0);
    assert_int_equal(call_i32(&guest, "call", ARGS(i32(0))), 1);
    guest_close(&guest);
}

/* ---- features ------------------------------------------------------------- */

static void features(void **state)
{
    struct guest guest;
    (void)state;
    guest_open(&guest, "features", NULL);
    assert_int_equal(call_i32(&guest, "stored", NO_ARGS), 1234); /* by the start function */
    assert_int_equal(call_i32(&guest, "count", NO_ARGS), 43);
    assert_int_equal(call_i32(&guest, "count", NO_ARGS), 44);
    assert_int_equal(mote_reset(guest.sandbox), 0);
    assert_int_equal(call_i32(&guest, "count", NO_ARGS), 43);
    assert_int_equal(call_i32(&guest, "sum4", ARGS(i32(7))), 70);
    assert_int_equal(call_i32(&guest, "catch", ARGS(i32(99))), 99);
    assert_int_equal(call_i32(&guest, "even", ARGS(i32(1000001))), 0);
    call_traps(&guest, "uncaught exception", "throw", ARGS(i32(1)));
    assert_int_equal(call_i32(&guest, "catch", ARGS(i32(-5))), -5);
    guest_close(&guest);
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
        cmocka_unit_test(numbers_compute),
        cmocka_unit_test(numbers_keep_their_bits),
        cmocka_unit_test(numbers_many_parameters),
        cmocka_unit_test(exports_are_listed),
        cmocka_unit_test(loads_within_bounds),
        cmocka_unit_test(loads_beyond_bounds),
        cmocka_unit_test(stores_at_the_bounds),
        cmocka_unit_test(growth),
        cmocka_unit_test(reset_takes_growth_back),
        cmocka_unit_test(growth_stops_at_the_policy),
        cmocka_unit_test(bulk_operations),
        cmocka_unit_test(memory_for_the_host),
        cmocka_unit_test(arithmetic_traps),
        cmocka_unit_test(indirect_calls),
        cmocka_unit_test(tables),
        cmocka_unit_test(endless_recursion),
        cmocka_unit_test(features),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* hostcalls: exports that call host functions, and what they do when those fail. */
#include <mote_guest.h>
#include <stdlib.h>
#include <string.h>

MOTE_IMPORT(env, add, i32, i32, i32)
MOTE_IMPORT(env, greet, string, string)
MOTE_IMPORT(env, fail, i32)
MOTE_IMPORT(env, take, void, bytes)
MOTE_IMPORT(env, give, bytes, u32)
MOTE_IMPORT(env, mixed, f64, i32, u32, i64, u64, f32, f64, bool, string, bytes, i32, f64)
MOTE_IMPORT_WEAK_AS(maybe_host, "env", "maybe", i32, i32)

/* Passes the failure of a host function on to whoever called the export. */
static bool failed(int status)
{
    if (status == 0)
        return false;
    mote_string text = mote_error_text();
    mote_fail((uint32_t)-status, text.data, text.size);
    return true;
}

static int32_t add(int32_t a, int32_t b)
{
    int32_t sum = 0;
    failed(env_add(&sum, a, b));
    return sum;
}
MOTE_EXPORT(add, i32, i32, i32);

/* The answer goes on as it came: it lies in the mailbox until we return. */
static mote_string greet(mote_string name)
{
    mote_string greeting = {"", 0};
    failed(env_greet(&greeting, name));
    return greeting;
}
MOTE_EXPORT(greet, string, string);

static void take(mote_bytes data)
{
    failed(env_take(data));
}
MOTE_EXPORT(take, void, bytes);

static mote_bytes give(uint32_t size)
{
    mote_bytes data = {NULL, 0};
    failed(env_give(&data, size));
    return data;
}
MOTE_EXPORT(give, bytes, u32);

static double mixed(mote_string text, mote_bytes data)
{
    double result = 0;
    failed(env_mixed(&result, -1, 2, -3, 4, 0.5f, -0.0, true, text, data, 10, 11.25));
    return result;
}
MOTE_EXPORT(mixed, f64, string, bytes);

/* ---- failure ------------------------------------------------------------- */

/* The error that env.fail gives. */
static int32_t fail_status(void)
{
    int32_t ignored;
    return env_fail(&ignored);
}
MOTE_EXPORT(fail_status, i32);

static mote_string fail_text(void)
{
    int32_t ignored;
    if (env_fail(&ignored) == 0)
        return (mote_string){"", 0};
    return mote_error_text();
}
MOTE_EXPORT(fail_text, string);

/* Fails onwards, with the host function's own text. */
static int32_t fail_through(void)
{
    int32_t result = 0;
    failed(env_fail(&result));
    return result;
}
MOTE_EXPORT(fail_through, i32);

/* How many of `times` calls failed. */
static uint32_t fail_often(uint32_t times)
{
    uint32_t failures = 0;
    int32_t ignored;
    for (uint32_t i = 0; i < times; i++)
        failures += env_fail(&ignored) == MOTE_GUEST_EFAILED;
    return failures;
}
MOTE_EXPORT(fail_often, u32, u32);

/* The result of the weak import, or the error: MOTE_GUEST_EMISSING without it. */
static int32_t maybe(int32_t value)
{
    int32_t result = 0;
    int status = maybe_host(&result, value);
    return status == 0 ? result : status;
}
MOTE_EXPORT(maybe, i32, i32);

/* ---- many calls ---------------------------------------------------------- */

/* 0 + 1 + 1 ... as the host adds it. */
static int32_t storm(uint32_t times)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < times; i++) {
        if (failed(env_add(&sum, sum, 1)))
            break;
    }
    return sum;
}
MOTE_EXPORT(storm, i32, u32);

static void storm_for_ever(void)
{
    int32_t sum = 0;
    for (;;)
        (void)env_add(&sum, sum, 1);
}
MOTE_EXPORT(storm_for_ever, void);

/* The same through the log. */
static void log_storm(uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        mote_log(MOTE_LOG_INFO, "storm", 5);
}
MOTE_EXPORT(log_storm, void, u32);

/* Sends and fetches `size` bytes, and says whether each arrived intact. */
static bool round_trip(uint32_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    mote_bytes answer;
    if (data == NULL)
        return false;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 + 7);
    bool intact = !failed(env_take((mote_bytes){data, size})) && !failed(env_give(&answer, size)) &&
                  answer.size == size && memcmp(data, answer.data, size) == 0;
    free(data);
    return intact;
}
MOTE_EXPORT(round_trip, bool, u32);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source of guest-1.0, a guest of ABI 1.0 that is kept as a binary: what it shows must work
 * with every later host of the same major version. README.md says how it was made. It is not
 * built again; a later minor version gets a file of its own.
 */
#include <mote_guest.h>
#include <string.h>

/* ---- exports of every type ---- */

#define ECHO(word, type)            \
    static type echo_##word(type x) \
    {                               \
        return x;                   \
    }                               \
    MOTE_EXPORT_AS(echo_##word, "echo_" #word, word, word)

ECHO(i32, int32_t);
ECHO(u32, uint32_t);
ECHO(i64, int64_t);
ECHO(u64, uint64_t);
ECHO(f32, float);
ECHO(f64, double);
ECHO(string, mote_string);
ECHO(bytes, mote_bytes);

static bool echo_bool(bool x)
{
    return x;
}
MOTE_EXPORT(echo_bool, bool, bool);

static void nothing(void)
{
}
MOTE_EXPORT(nothing, void);

/* Every type in one call; each counts by its place. */
static double weigh(int32_t a, uint32_t b, int64_t c, uint64_t d, float e, double f, bool g,
                    mote_string h, mote_bytes i)
{
    return a + 2.0 * b + 3.0 * (double)c + 4.0 * (double)d + 5.0 * (double)e + 6.0 * f + 7.0 * g +
           8.0 * (double)h.size + 9.0 * (double)(i.size > 0 ? i.data[i.size - 1] : 0);
}
MOTE_EXPORT(weigh, f64, i32, u32, i64, u64, f32, f64, bool, string, bytes);

/* ---- host calls of every type ---- */

#define ASK(word, type)                       \
    MOTE_IMPORT(env, give_##word, word, word) \
    static type ask_##word(type x)            \
    {                                         \
        type answer;                          \
        memset(&answer, 0, sizeof(answer));   \
        if (env_give_##word(&answer, x) != 0) \
            mote_fail(1, "no answer", 9);     \
        return answer;                        \
    }                                         \
    MOTE_EXPORT_AS(ask_##word, "ask_" #word, word, word)

ASK(i32, int32_t);
ASK(u32, uint32_t);
ASK(i64, int64_t);
ASK(u64, uint64_t);
ASK(f32, float);
ASK(f64, double);
ASK(string, mote_string);
ASK(bytes, mote_bytes);
MOTE_IMPORT_AS(give_boolean, "env", "give_bool", bool, bool)
MOTE_IMPORT(env, take, void, i32, u32, i64, u64, f32, f64, bool, string, bytes)
MOTE_IMPORT_WEAK_AS(maybe, "env", "maybe", i32)

static bool ask_bool(bool x)
{
    bool answer = false;
    if (give_boolean(&answer, x) != 0)
        mote_fail(1, "no answer", 9);
    return answer;
}
MOTE_EXPORT(ask_bool, bool, bool);

static int32_t tell(mote_string text, mote_bytes data)
{
    return env_take(-1, 2, -3, 4, 0.5f, -0.25, true, text, data);
}
MOTE_EXPORT(tell, i32, string, bytes);

/* MOTE_GUEST_EMISSING, or what env.maybe gives. */
static int32_t ask_maybe(void)
{
    int32_t answer = 0;
    int status = maybe(&answer);
    return status != 0 ? status : answer;
}
MOTE_EXPORT(ask_maybe, i32);

/* How env.refuse failed. */
MOTE_IMPORT(env, refuse, i32)

static mote_string refusal(void)
{
    int32_t ignored;
    if (env_refuse(&ignored) != MOTE_GUEST_EFAILED || mote_error_code() != 42)
        mote_abort_text("env.refuse should fail with 42");
    return mote_error_text();
}
MOTE_EXPORT(refusal, string);

/* ---- nested calls ---- */

MOTE_IMPORT(env, nest, i32, i32)

/* Counts down through the host: depth + (depth - 1) + ... + 1. */
static int32_t sink(int32_t depth)
{
    int32_t below = 0;
    if (depth > 0 && env_nest(&below, depth - 1) != 0)
        mote_fail(2, "not deeper", 10);
    return depth + below;
}
MOTE_EXPORT(sink, i32, i32);

/* ---- failure, abort, log ---- */

static void fail(uint32_t code, mote_string text)
{
    mote_fail(code, text.data, text.size);
}
MOTE_EXPORT(fail, void, u32, string);

static void give_up(uint32_t code, mote_string text)
{
    mote_abort(code, text.data, text.size);
}
MOTE_EXPORT_AS(give_up, "abort", void, u32, string);

static void trap(mote_string text)
{
    mote_abort_kind(MOTE_ABORT_TRAP, 0, text.data, text.size);
}
MOTE_EXPORT(trap, void, string);

static void log_line(uint32_t level, mote_string text)
{
    mote_log((enum mote_log_level)level, text.data, text.size);
}
MOTE_EXPORT_AS(log_line, "log", void, u32, string);

/* ---- what the host tells ---- */

static uint64_t hooked;

static void hook(uint64_t generation)
{
    hooked = generation;
}

__attribute__((constructor)) static void install(void)
{
    mote_on_restore(hook);
}

static mote_bytes init_data(void)
{
    return mote_init_data();
}
MOTE_EXPORT(init_data, bytes);

static uint64_t generation(void)
{
    return mote_generation();
}
MOTE_EXPORT(generation, u64);

static uint64_t hook_generation(void)
{
    return hooked;
}
MOTE_EXPORT(hook_generation, u64);

static uint64_t memory_limit(void)
{
    return mote_info()->memory_limit;
}
MOTE_EXPORT(memory_limit, u64);

/* At least 1.0, in the first major version. */
static uint32_t host_version(void)
{
    return mote_info()->abi_version;
}
MOTE_EXPORT(host_version, u32);

static uint32_t count(void)
{
    static uint32_t calls;
    return ++calls;
}
MOTE_EXPORT(count, u32);

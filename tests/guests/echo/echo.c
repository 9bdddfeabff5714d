/* SPDX-License-Identifier: Apache-2.0 */
/* echo: every type both ways, payloads of every size, state that outlives a call. */
#include <mote_guest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ECHO(type, c_type)                  \
    static c_type echo_##type(c_type value) \
    {                                       \
        return value;                       \
    }                                       \
    MOTE_EXPORT_AS(echo_##type, "echo_" #type, type, type)

ECHO(i32, int32_t);
ECHO(u32, uint32_t);
ECHO(i64, int64_t);
ECHO(u64, uint64_t);
ECHO(f32, float);
ECHO(f64, double);
ECHO(string, mote_string);
ECHO(bytes, mote_bytes);

static bool echo_bool(bool value)
{
    return value;
}
MOTE_EXPORT(echo_bool, bool, bool);

static void nothing(void)
{
}
MOTE_EXPORT(nothing, void);

/* ---- many arguments ------------------------------------------------------ */

static mote_string mixed11(int32_t a, uint32_t b, int64_t c, uint64_t d, float e, double f, bool g,
                           mote_string h, mote_bytes i, int32_t j, double k)
{
    static char text[512];
    int size = snprintf(text, sizeof(text), "%d %u %lld %llu %.9g %.17g %d %.*s %zu:%02x %d %.17g",
                        a, b, (long long)c, (unsigned long long)d, (double)e, f, g, (int)h.size,
                        h.data, i.size, i.size > 0 ? i.data[0] : 0, j, k);
    return (mote_string){text, (size_t)size};
}
MOTE_EXPORT(mixed11, string, i32, u32, i64, u64, f32, f64, bool, string, bytes, i32, f64);

/* Each argument counts by its place, so that a swap shows. */
static int64_t sum32(int32_t a1, int32_t a2, int32_t a3, int32_t a4, int32_t a5, int32_t a6,
                     int32_t a7, int32_t a8, int32_t a9, int32_t a10, int32_t a11, int32_t a12,
                     int32_t a13, int32_t a14, int32_t a15, int32_t a16, int32_t a17, int32_t a18,
                     int32_t a19, int32_t a20, int32_t a21, int32_t a22, int32_t a23, int32_t a24,
                     int32_t a25, int32_t a26, int32_t a27, int32_t a28, int32_t a29, int32_t a30,
                     int32_t a31, int32_t a32)
{
    const int64_t all[] = {a1,  a2,  a3,  a4,  a5,  a6,  a7,  a8,  a9,  a10, a11,
                           a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22,
                           a23, a24, a25, a26, a27, a28, a29, a30, a31, a32};
    int64_t sum = 0;
    for (int i = 0; i < 32; i++)
        sum += (i + 1) * all[i];
    return sum;
}
MOTE_EXPORT(sum32, i64, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32,
            i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);

/* ---- the bits of floats -------------------------------------------------- */

static uint32_t f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}
MOTE_EXPORT(f32_bits, u32, f32);

static float bits_f32(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
MOTE_EXPORT(bits_f32, f32, u32);

static uint64_t f64_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}
MOTE_EXPORT(f64_bits, u64, f64);

static double bits_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
MOTE_EXPORT(bits_f64, f64, u64);

/* Inexact, by zero or invalid: no exception of SSE or x87 is unmasked in a guest. */
static double quotient(double a, double b)
{
    volatile long double x87 = a;
    x87 /= b;
    return a / b == (double)x87 ? a / b : (double)x87;
}
MOTE_EXPORT(quotient, f64, f64, f64);

/* ---- payloads ------------------------------------------------------------ */

/* Answers are allocated and never freed: each call is thought to start fresh. */
static uint8_t *allocate(size_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL)
        mote_abort_text("echo: out of memory");
    return data;
}

static mote_bytes copy(mote_bytes in)
{
    uint8_t *out = allocate(in.size);
    memcpy(out, in.data, in.size);
    return (mote_bytes){out, in.size};
}
MOTE_EXPORT(copy, bytes, bytes);

static mote_string reverse(mote_string in)
{
    char *out = (char *)allocate(in.size);
    for (size_t i = 0; i < in.size; i++)
        out[i] = in.data[in.size - 1 - i];
    return (mote_string){out, in.size};
}
MOTE_EXPORT(reverse, string, string);

/* Byte i is i * 31 + 7. */
static mote_bytes blob(uint32_t size)
{
    uint8_t *out = allocate(size);
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(i * 31 + 7);
    return (mote_bytes){out, size};
}
MOTE_EXPORT(blob, bytes, u32);

static uint64_t sum_bytes(mote_bytes in)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < in.size; i++)
        sum += in.data[i];
    return sum;
}
MOTE_EXPORT(sum_bytes, u64, bytes);

/* ---- state --------------------------------------------------------------- */

static uint32_t counter;

/* 1 in a fresh call, one more in each warm one. */
static uint32_t count(void)
{
    return ++counter;
}
MOTE_EXPORT(count, u32);

static mote_bytes kept_data;

static void keep(mote_bytes in)
{
    kept_data = copy(in);
}
MOTE_EXPORT(keep, void, bytes);

static mote_bytes kept(void)
{
    return kept_data;
}
MOTE_EXPORT(kept, bytes);

/* ---- the rest of the SDK ------------------------------------------------- */

static uint64_t hook_generation;

static void hook(uint64_t generation)
{
    hook_generation = generation;
}

__attribute__((constructor)) static void install_hook(void)
{
    mote_on_restore(hook);
}

/* The generation that the hook saw; 0 when it did not run. */
static uint64_t hooked(void)
{
    return hook_generation;
}
MOTE_EXPORT(hooked, u64);

static uint64_t generation(void)
{
    return mote_generation();
}
MOTE_EXPORT(generation, u64);

static mote_bytes init_data(void)
{
    return mote_init_data();
}
MOTE_EXPORT(init_data, bytes);

static int32_t fail(uint32_t code, mote_string text)
{
    mote_fail(code, text.data, text.size);
    return -1;
}
MOTE_EXPORT(fail, i32, u32, string);

static void log_line(uint32_t level, mote_string text)
{
    mote_log((enum mote_log_level)level, text.data, text.size);
}
MOTE_EXPORT_AS(log_line, "log", void, u32, string);

static void log_format(int32_t number)
{
    mote_logf(MOTE_LOG_WARNING, "number %d", number);
}
MOTE_EXPORT(log_format, void, i32);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_call.h: calls of guest functions that read like calls.
 *
 *     uint32_t total;
 *     int status = mote_invoke(sandbox, func, &total, "tea", 3u);
 *
 * mote_invoke(sandbox, func, result, arguments...)
 * mote_invoke_with(sandbox, func, options, result, arguments...)
 *
 * mote_call with the types of C: returns what mote_call returns, and the same
 * rules hold. `result` points to a variable for the result, or is NULL when
 * the function has none. At most MOTE_INVOKE_MAX arguments, each evaluated
 * once.
 *
 *     int32_t   i32     float     f32     const char *  string, ended by NUL
 *     uint32_t  u32     double    f64     mote_chars    string
 *     int64_t   i64     bool      bool    mote_blob     bytes
 *     uint64_t  u64                       mote_value    whatever it is
 *
 * Any other type does not compile. Nothing is converted: what is none of the
 * function's types is MOTE_ETYPE before the guest runs. Write 3u for u32 and
 * (bool)1 for bool, since `true` and comparisons are int in C11.
 *
 * A call that is suspended (MOTE_PENDING) has no result yet: mote_resume gives it
 * as a mote_value, and mote_take(&value, 1, &total) stores that.
 *
 * In C++17 the same names are templates.
 */
#ifndef MOTE_CALL_H
#define MOTE_CALL_H

#include <limits.h>
#include <string.h>

#include "mote.h"

#define MOTE_INVOKE_MAX 16

/* Counted text and counted bytes. As arguments they must outlive the call; as
 * results they point into memory of the sandbox, readable until its next operation. */
typedef struct mote_chars {
    const char *data;
    size_t size; /* bytes */
} mote_chars;

typedef struct mote_blob {
    const void *data;
    size_t size; /* bytes */
} mote_blob;

static inline mote_chars mote_chars_of(const char *data, size_t size)
{
    mote_chars chars = {data, size};
    return chars;
}

static inline mote_blob mote_blob_of(const void *data, size_t size)
{
    mote_blob blob = {data, size};
    return blob;
}

/*
 * mote_value_of(x): a value of any type above, for example what a host function answers:
 *
 *     *result = mote_value_of(250u);
 *
 * mote_take(args, nargs, pointers...): stores the arguments of a host function, of the
 * types above save const char * and mote_value:
 *
 *     mote_chars item;
 *     uint32_t count;
 *     if (mote_take(args, nargs, &item, &count) != 0)
 *         return MOTE_ETYPE;
 *
 * Returns 0, or MOTE_ETYPE when they are not as many, or not of these types.
 */

/* ---- the rest is machinery -------------------------------------------------- */

/* X(C type, name, member of mote_value.of, code). Where a long has 32 bits it is
 * none of the types of <stdint.h>. */
#define MOTE__NUMBERS(X)                            \
    X(int, int, i32, MOTE_I32)                      \
    X(unsigned, unsigned, u32, MOTE_U32)            \
    X(long long, longlong, i64, MOTE_I64)           \
    X(unsigned long long, ulonglong, u64, MOTE_U64) \
    X(float, float, f32, MOTE_F32)                  \
    X(double, double, f64, MOTE_F64)                \
    X(bool, boolean, boolean, MOTE_BOOL)            \
    MOTE__LONGS(X)

#if LONG_MAX > INT_MAX
#define MOTE__LONGS(X)           \
    X(long, long, i64, MOTE_I64) \
    X(unsigned long, ulong, u64, MOTE_U64)
#else
#define MOTE__LONGS(X)
#endif

#define MOTE__COUNTED(X)                     \
    X(mote_chars, chars, bytes, MOTE_STRING) \
    X(mote_blob, blob, bytes, MOTE_BYTES)

/* C picks among functions by _Generic, C++ by overloading. */
#ifdef __cplusplus
#define MOTE__NAME(function, name) function
#else
#define MOTE__NAME(function, name) function##_##name
#endif

/* ---- from C to a value ---- */

#define MOTE__X(ctype, name, member, code)                                \
    static inline mote_value MOTE__NAME(mote__value_of, name)(ctype from) \
    {                                                                     \
        mote_value value;                                                 \
        value.type = code;                                                \
        value.of.member = from;                                           \
        return value;                                                     \
    }
#define MOTE__Y(ctype, name, member, code)                                \
    static inline mote_value MOTE__NAME(mote__value_of, name)(ctype from) \
    {                                                                     \
        mote_value value;                                                 \
        value.type = code;                                                \
        value.of.bytes.data = from.data;                                  \
        value.of.bytes.size = from.size;                                  \
        return value;                                                     \
    }
MOTE__NUMBERS(MOTE__X)
MOTE__COUNTED(MOTE__Y)
#undef MOTE__X
#undef MOTE__Y

static inline mote_value MOTE__NAME(mote__value_of, text)(const char *from)
{
    return mote_string(from);
}

static inline mote_value MOTE__NAME(mote__value_of, value)(mote_value from)
{
    return from;
}

/* ---- from a value to C ---- */

/* Where a value goes, and the type that it must have. */
struct mote__target {
    mote_type type;
    void *to;
};

static inline void mote__store(const mote_value *value, void *to)
{
    switch (value->type) {
    case MOTE_VOID:
        return;
    case MOTE_I32:
    case MOTE_U32:
    case MOTE_F32:
        memcpy(to, &value->of, 4);
        return;
    case MOTE_I64:
    case MOTE_U64:
    case MOTE_F64:
        memcpy(to, &value->of, 8);
        return;
    case MOTE_BOOL:
        memcpy(to, &value->of, sizeof(bool));
        return;
    case MOTE_STRING:
    case MOTE_BYTES: /* laid out as mote_chars and mote_blob */
        memcpy(to, &value->of, sizeof(value->of.bytes));
        return;
    }
}

static inline int mote__take(const mote_value *values, size_t nvalues,
                             const struct mote__target *targets, size_t ntargets)
{
    if (nvalues != ntargets)
        return MOTE_ETYPE;
    for (size_t i = 0; i < nvalues; i++)
        if (values[i].type != targets[i].type)
            return MOTE_ETYPE;
    for (size_t i = 0; i < nvalues; i++)
        mote__store(&values[i], targets[i].to);
    return 0;
}

#ifndef __cplusplus

/* ---- C11 ---- */

/* clang-format off */
#define MOTE__VALUE_CASE(ctype, name, member, code) ctype: mote__value_of_##name,
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a type's name */
#define MOTE__TYPE_CASE(ctype, name, member, code) ctype *: code,
#define mote_value_of(x)                    \
    _Generic((x),                           \
        MOTE__NUMBERS(MOTE__VALUE_CASE)     \
        MOTE__COUNTED(MOTE__VALUE_CASE)     \
        char *: mote__value_of_text,        \
        const char *: mote__value_of_text,  \
        mote_value: mote__value_of_value)(x)
#define MOTE__TYPE_AT(to)                   \
    _Generic((to),                          \
        MOTE__NUMBERS(MOTE__TYPE_CASE)      \
        MOTE__COUNTED(MOTE__TYPE_CASE)      \
        void *: MOTE_VOID)
#define MOTE__TARGET(to)    {MOTE__TYPE_AT(to), (to)}

/* The number of arguments behind the first. */
#define MOTE__COUNT(...) \
    MOTE__COUNT_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, )
#define MOTE__COUNT_(r, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, n, \
                     ...) n
#define MOTE__HEAD(r, ...)    r
#define MOTE__GLUE(a, b)      MOTE__GLUE_(a, b)
#define MOTE__GLUE_(a, b)     a##b

/* m(a1), m(a2), ... of the n arguments behind the first; an array wants one at least. */
#define MOTE__MAP(m, n, ...)  MOTE__GLUE(MOTE__MAP_, n)(m, __VA_ARGS__)
#define MOTE__MAP_0(m, r)     {MOTE_VOID, {0}}
#define MOTE__MAP_1(m, r, a)  m(a)
#define MOTE__MAP_2(m, r, a, ...)  m(a), MOTE__MAP_1(m, r, __VA_ARGS__)
#define MOTE__MAP_3(m, r, a, ...)  m(a), MOTE__MAP_2(m, r, __VA_ARGS__)
#define MOTE__MAP_4(m, r, a, ...)  m(a), MOTE__MAP_3(m, r, __VA_ARGS__)
#define MOTE__MAP_5(m, r, a, ...)  m(a), MOTE__MAP_4(m, r, __VA_ARGS__)
#define MOTE__MAP_6(m, r, a, ...)  m(a), MOTE__MAP_5(m, r, __VA_ARGS__)
#define MOTE__MAP_7(m, r, a, ...)  m(a), MOTE__MAP_6(m, r, __VA_ARGS__)
#define MOTE__MAP_8(m, r, a, ...)  m(a), MOTE__MAP_7(m, r, __VA_ARGS__)
#define MOTE__MAP_9(m, r, a, ...)  m(a), MOTE__MAP_8(m, r, __VA_ARGS__)
#define MOTE__MAP_10(m, r, a, ...) m(a), MOTE__MAP_9(m, r, __VA_ARGS__)
#define MOTE__MAP_11(m, r, a, ...) m(a), MOTE__MAP_10(m, r, __VA_ARGS__)
#define MOTE__MAP_12(m, r, a, ...) m(a), MOTE__MAP_11(m, r, __VA_ARGS__)
#define MOTE__MAP_13(m, r, a, ...) m(a), MOTE__MAP_12(m, r, __VA_ARGS__)
#define MOTE__MAP_14(m, r, a, ...) m(a), MOTE__MAP_13(m, r, __VA_ARGS__)
#define MOTE__MAP_15(m, r, a, ...) m(a), MOTE__MAP_14(m, r, __VA_ARGS__)
#define MOTE__MAP_16(m, r, a, ...) m(a), MOTE__MAP_15(m, r, __VA_ARGS__)

#define MOTE__VALUES(...) \
    (const mote_value[]){MOTE__MAP(mote_value_of, MOTE__COUNT(__VA_ARGS__), __VA_ARGS__)}, \
    MOTE__COUNT(__VA_ARGS__)
#define MOTE__TARGETS(...) \
    (const struct mote__target[]){ \
        MOTE__MAP(MOTE__TARGET, MOTE__COUNT(0, __VA_ARGS__), 0, __VA_ARGS__)}, \
    MOTE__COUNT(0, __VA_ARGS__)

#define mote_invoke(sandbox, func, ...) mote_invoke_with(sandbox, func, NULL, __VA_ARGS__)
#define mote_invoke_with(sandbox, func, options, ...) \
    mote_call_into(sandbox, func, options, MOTE__VALUES(__VA_ARGS__), \
                   MOTE__TYPE_AT(MOTE__HEAD(__VA_ARGS__, )), MOTE__HEAD(__VA_ARGS__, ))
#define mote_take(args, nargs, ...) mote__take(args, nargs, MOTE__TARGETS(__VA_ARGS__))
/* clang-format on */

#else

/* ---- C++17 ---- */

template <class T> mote_value mote__value_of(T) = delete; /* no conversions */

static inline mote_value mote__value_of(char *from)
{
    return mote_string(from);
}

#define MOTE__X(ctype, name, member, code)                \
    static inline mote__target mote__target_of(ctype *to) \
    {                                                     \
        return {code, to};                                \
    }
MOTE__NUMBERS(MOTE__X)
MOTE__COUNTED(MOTE__X)
#undef MOTE__X

static inline mote__target mote__target_of(decltype(nullptr))
{
    return {MOTE_VOID, nullptr};
}

template <class T> mote_value mote_value_of(const T &from)
{
    return mote__value_of(from);
}

template <class R, class... A>
int mote_invoke_with(mote_sandbox *sandbox, mote_func func, const mote_call_options *options,
                     R result, const A &...args)
{
    const mote_value values[] = {mote_value_of(args)..., mote_value{}};
    const mote__target target = mote__target_of(result);
    return mote_call_into(sandbox, func, options, values, sizeof...(A), target.type, target.to);
}

template <class R, class... A>
int mote_invoke(mote_sandbox *sandbox, mote_func func, R result, const A &...args)
{
    return mote_invoke_with(sandbox, func, nullptr, result, args...);
}

template <class... P> int mote_take(const mote_value *args, size_t nargs, P *...to)
{
    const mote__target targets[] = {mote__target_of(to)...};
    return mote__take(args, nargs, targets, sizeof...(P));
}

#endif
#endif

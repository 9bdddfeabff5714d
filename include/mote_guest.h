/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_guest.h: what a program includes to be a guest of mote.
 *
 *     #include <mote_guest.h>
 *
 *     MOTE_IMPORT(env, add, i32, i32, i32)
 *
 *     static int32_t twice(int32_t x)
 *     {
 *         int32_t sum = 0;
 *         if (env_add(&sum, x, x) != 0)
 *             mote_fail(1, "no sum", 6);
 *         return sum;
 *     }
 *     MOTE_EXPORT(twice, i32, i32);
 *
 *     musl-gcc -static guest.c -lmote_guest -o guest
 *
 * Works with static musl and static glibc, position-independent or not, with
 * gcc and clang, in C11 and C17. A guest has one thread.
 *
 *     g++ -static guest.cc -lmote_guest -o guest
 *
 * In C++17 the same words do the same; mote_guest_cxx.h tells what is added,
 * and what becomes of exceptions.
 */
#ifndef MOTE_GUEST_H
#define MOTE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mote_abi.h"

#ifdef __cplusplus
#define MOTE__NORETURN [[noreturn]]
extern "C" {
#else
#define MOTE__NORETURN _Noreturn
#endif

/* ---- types --------------------------------------------------------------- */

/*
 * Signatures are written with these words:
 *
 *     void  (result only)      f32   float
 *     i32   int32_t            f64   double
 *     u32   uint32_t           bool  bool
 *     i64   int64_t            string  mote_string
 *     u64   uint64_t           bytes   mote_bytes
 */

/* Counted text; no NUL is promised at its end. */
typedef struct {
    const char *data;
    size_t size; /* bytes */
} mote_string;

/* Counted bytes. */
typedef struct {
    const uint8_t *data;
    size_t size; /* bytes */
} mote_bytes;

/* ---- exports and imports ------------------------------------------------- */

/*
 * MOTE_EXPORT(function, result, parameters...);
 * MOTE_EXPORT_AS(function, "name", result, parameters...);
 *
 * Offers a C function that is already declared to the host, under its own name
 * or another one (one string literal); at most MOTE_MAX_PARAMS parameters. The C type must be
 * exactly that of the signature, else the compiler says so.
 *
 * Arguments that are strings or bytes belong to the host: they may be read
 * until the function returns. A result that is a string or bytes is read by
 * the host right after the function has returned: it may be static, allocated,
 * an argument or the result of a host function, but not a local array.
 */
#define MOTE_EXPORT(function, ...)          MOTE__EXPORT(function, #function, __VA_ARGS__)
#define MOTE_EXPORT_AS(function, name, ...) MOTE__EXPORT(function, name, __VA_ARGS__)

/*
 * MOTE_IMPORT(module, name, result, parameters...)
 * MOTE_IMPORT_AS(function, "module", "name", result, parameters...)
 * MOTE_IMPORT_WEAK_AS(function, "module", "name", result, parameters...)
 *
 * Define a function that calls a host function. The first is named
 * module_name, and its C type is
 *
 *     static int module_name(T *result, parameters...);
 *
 * without the first parameter when the result is void. It returns 0, or a
 * negative MOTE_GUEST_E* and leaves *result alone. `result` may be NULL.
 * Strings and bytes among the arguments stay the caller's. A result that is a
 * string or bytes lies in the mailbox and may be read until the guest next
 * calls the host (log lines included) or the export returns.
 *
 * A sandbox whose policy lacks an import is not created, unless it is weak:
 * calls of that import then return MOTE_GUEST_EMISSING.
 *
 * One source file imports a function; no semicolon follows the macro.
 */
#define MOTE_IMPORT(module, name, ...) \
    MOTE__IMPORT(module##_##name, #module, #name, MOTE__STRONG, __VA_ARGS__)
#define MOTE_IMPORT_AS(function, module, name, ...) \
    MOTE__IMPORT(function, module, name, MOTE__STRONG, __VA_ARGS__)
#define MOTE_IMPORT_WEAK_AS(function, module, name, ...) \
    MOTE__IMPORT(function, module, name, MOTE__WEAK, __VA_ARGS__)

/*
 * MOTE_WINDOW(0x200000000);
 *
 * Reserves that many bytes of address space at address 0 for a linear memory.
 * A plain integer literal without suffix, at most MOTE_MAX_WINDOW; once in a
 * program, which must be linked to lie above it.
 */
#define MOTE_WINDOW(bytes) MOTE__WINDOW(bytes)

/* ---- life ---------------------------------------------------------------- */

/*
 * Tells the host that the program is initialised, then serves calls for ever.
 * The snapshot from which every sandbox starts is taken here, so what runs
 * before is paid once per image. A program that defines no `main` gets one
 * that does nothing else.
 *
 * Returns -1, at once, when the program does not run in mote.
 */
int mote_serve(void);

/* The info page of this sandbox, or NULL when the program does not run in mote. */
#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* it has the name of its structure, as stat(2) has */
#endif
const struct mote_info *mote_info(void);
#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* The data that the host gave this sandbox when it was created; empty when it
 * gave none. Read-only; lives as long as the sandbox. Ask in an export: before
 * mote_serve there is no sandbox yet. */
mote_bytes mote_init_data(void);

/* A number that differs between any two sandboxes, and in one sandbox before
 * and after each reset. Not a secret, not random. */
uint64_t mote_generation(void);

/*
 * Has `hook` run before the first export that is called in a new generation:
 * the place to seed generators anew and to drop what must not be shared by two
 * sandboxes of one snapshot. There is one hook; NULL removes it. A hook that
 * calls mote_fail fails the call.
 */
void mote_on_restore(void (*hook)(uint64_t generation));

/* ---- errors -------------------------------------------------------------- */

/* The text of the host function that failed last; empty when the last request
 * to the host did not fail. Lies in the mailbox: the lifetime of a result. */
mote_string mote_error_text(void);
/* The number that it gave to mote_context_fail; 0 when it was another error. */
int64_t mote_error_code(void);

/*
 * Makes the export that is running fail when it returns: the host receives the
 * code and the text (copied here, at most MOTE_MAX_TEXT bytes) in place of a
 * result, and the sandbox remains usable. The last failure counts. Outside of
 * an export it is mote_abort.
 */
void mote_fail(uint32_t code, const char *text, size_t size);

/* Gives up: the call fails, the sandbox answers no more until it is reset. The
 * host keeps at most MOTE_MAX_TEXT bytes of the text. */
MOTE__NORETURN void mote_abort(uint32_t code, const char *text, size_t size);

/* The same with a kind of enum mote_abort_kind. */
MOTE__NORETURN void mote_abort_kind(uint32_t kind, uint32_t code, const char *text, size_t size);

/* mote_abort with code 0 and a text that ends with NUL. */
MOTE__NORETURN void mote_abort_text(const char *text);

/* ---- logging ------------------------------------------------------------- */

enum mote_log_level {
    MOTE_LOG_DEBUG = 0,
    MOTE_LOG_INFO = 1,
    MOTE_LOG_WARNING = 2,
    MOTE_LOG_ERROR = 3
};

/* Hands one line, without newline, to the host's log; at most MOTE_MAX_TEXT
 * bytes of it are kept. One round trip to the host; does nothing outside mote. */
void mote_log(enum mote_log_level level, const char *text, size_t size);

/* The same in the manner of printf. */
__attribute__((format(printf, 2, 3))) void mote_logf(enum mote_log_level level, const char *format,
                                                     ...);

#ifdef __cplusplus
}
#endif

#include "mote_guest_macros.h"

#ifdef __cplusplus
#include "mote_guest_cxx.h"
#endif

#endif

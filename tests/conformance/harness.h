/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry of tests and the checks that they use.
 *
 * Each test runs in a forked child that makes its own host (a host does not
 * survive a fork), under an alarm: a crash or a hang fails that test alone.
 * A failed check ends the child at once; nothing is cleaned up.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include "mote.h"

#include <stddef.h>
#include <stdint.h>

/* A sanitizer keeps freed memory for itself and maps what it likes: nobody can count then. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A thread of ours that plays a guest writes while the host reads: a race, as it is meant. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAYS_GUEST __attribute__((no_sanitize("thread")))
#endif
#endif
#ifndef PLAYS_GUEST
#define PLAYS_GUEST
#endif

struct test {
    const char *name; /* "subject.title" */
    void (*run)(void);
    struct test *next;
};

void test_register(struct test *test);

/* TEST(subject, title) { ... } is all it takes: the test lists itself. */
#define TEST(subject, title)                                                                      \
    static void subject##_##title(void);                                                          \
    static struct test test_##subject##_##title = {#subject "." #title, subject##_##title, NULL}; \
    __attribute__((constructor)) static void register_##subject##_##title(void)                   \
    {                                                                                             \
        test_register(&test_##subject##_##title);                                                 \
    }                                                                                             \
    static void subject##_##title(void)

/* How often a test repeats what it wants repeated `full` times: fewer in slow lanes, at least 1. */
unsigned test_repeat(unsigned full);

/* Whether sandboxes are made resident (mote_resident_start) as soon as there is one. */
bool test_resident(void);

/* The folder of the guests. */
const char *test_guests(void);

__attribute__((noreturn, format(printf, 3, 4))) void test_fail(const char *file, int line,
                                                               const char *format, ...);

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)            \
    do {                            \
        if (!(condition)) {         \
            FAIL("%s", #condition); \
        }                           \
    } while (0)

#define CHECK_INT(actual, expected) \
    test_check_int(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
#define CHECK_HEX(actual, expected) \
    test_check_hex(__FILE__, __LINE__, #actual, (uint64_t)(actual), (uint64_t)(expected))
#define CHECK_BYTES(actual, expected, size) \
    test_check_bytes(__FILE__, __LINE__, #actual, (actual), (expected), (size))
#define CHECK_HAS(text, part) test_check_has(__FILE__, __LINE__, (text), (part))
/* An error code of the library, by name. */
#define CHECK_CODE(actual, expected) \
    test_check_code(__FILE__, __LINE__, #actual, (actual), (expected))

void test_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected);
void test_check_hex(const char *file, int line, const char *what, uint64_t actual,
                    uint64_t expected);
void test_check_bytes(const char *file, int line, const char *what, const void *actual,
                      const void *expected, size_t size);
void test_check_has(const char *file, int line, const char *text, const char *part);
void test_check_code(const char *file, int line, const char *what, int actual, int expected);

#endif

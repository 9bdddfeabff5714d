/* SPDX-License-Identifier: Apache-2.0 */
/* How tests are listed and how they report. */
#ifndef MOTE_PLATFORM_CHECK_H
#define MOTE_PLATFORM_CHECK_H

#include "harness.h"

struct test {
    const char *name;
    void (*run)(struct vm *vm);
};

/* Each ends with an entry without a name. */
extern const struct test exception_tests[], syscall_tests[], doorbell_tests[], string_io_tests[],
    register_tests[], paging_tests[], parent_tests[], revoke_tests[], memory_tests[], scrub_tests[],
    hostile_tests[], host_tests[];

/* Fails the test and ends its process. */
_Noreturn void fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints "# note NAME: ..." : what this lane does, where lanes may differ. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXPECT(condition, ...)                     \
    do {                                           \
        if (!(condition))                          \
            fail(__FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

/* Checks the kind of an outcome and tells it when wrong. */
#define EXPECT_EVENT(outcome, wanted) \
    EXPECT((outcome).event == (wanted), "wanted %s, got %s", event_name(wanted), tell(&(outcome)))

#define EXPECT_VECTOR(outcome, number)                                   \
    EXPECT((outcome).event == EV_VECTOR && (outcome).vector == (number), \
           "wanted exception %u, got %s", (unsigned)(number), tell(&(outcome)))

#define EXPECT_EQ(got, wanted, what)                                                 \
    EXPECT((uint64_t)(got) == (uint64_t)(wanted), "%s is %#llx, wanted %#llx", what, \
           (unsigned long long)(got), (unsigned long long)(wanted))

#endif

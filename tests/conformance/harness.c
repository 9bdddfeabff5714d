/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FULL_SCALE = 100 };

static struct {
    struct test *tests;
    const char *guests;
    const char *filter;
    const char *current;
    unsigned timeout;
    unsigned scale; /* per cent of the repetitions */
    bool list;
    bool resident;
    unsigned passed;
    unsigned failed;
} harness;

/* Kept sorted by name, so that every build and every lane runs the same order. */
void test_register(struct test *test)
{
    struct test **at = &harness.tests;

    while (*at != NULL && strcmp((*at)->name, test->name) < 0) {
        at = &(*at)->next;
    }
    test->next = *at;
    *at = test;
}

unsigned test_repeat(unsigned full)
{
    unsigned count = (unsigned)((uint64_t)full * harness.scale / FULL_SCALE);

    return count == 0 ? 1 : count;
}

const char *test_guests(void)
{
    return harness.guests;
}

/* ---- checks ------------------------------------------------------------------ */

void test_fail(const char *file, int line, const char *format, ...)
{
    const char *slash = strrchr(file, '/');
    va_list args;

    printf("  %s: %s:%d: ", harness.current, slash == NULL ? file : slash + 1, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

void test_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected)
{
    if (actual != expected) {
        test_fail(file, line, "%s is %lld, expected %lld", what, (long long)actual,
                  (long long)expected);
    }
}

void test_check_hex(const char *file, int line, const char *what, uint64_t actual,
                    uint64_t expected)
{
    if (actual != expected) {
        test_fail(file, line, "%s is 0x%llx, expected 0x%llx", what, (unsigned long long)actual,
                  (unsigned long long)expected);
    }
}

void test_check_bytes(const char *file, int line, const char *what, const void *actual,
                      const void *expected, size_t size)
{
    const unsigned char *a = actual;
    const unsigned char *e = expected;

    for (size_t i = 0; i < size; i++) {
        if (a[i] != e[i]) {
            test_fail(file, line, "%s: byte %zu of %zu is 0x%02x, expected 0x%02x", what, i, size,
                      a[i], e[i]);
        }
    }
}

void test_check_has(const char *file, int line, const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        test_fail(file, line, "\"%s\" does not name \"%s\"", text, part);
    }
}

void test_check_code(const char *file, int line, const char *what, int actual, int expected)
{
    if (actual != expected) {
        test_fail(file, line, "%s is %s (%d), expected %s", what, mote_error_name(actual), actual,
                  mote_error_name(expected));
    }
}

/* ---- running ------------------------------------------------------------------ */

static void run_child(const struct test *test)
{
    harness.current = test->name;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(harness.timeout);
    test->run();
    fflush(stdout);
    exit(0); /* not _exit: a leak checker, where there is one, speaks now */
}

static void record(const struct test *test, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        harness.passed++;
        printf("ok   %s\n", test->name);
        return;
    }
    harness.failed++;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        printf("FAIL %s: no end within %u s\n", test->name, harness.timeout);
    } else if (WIFSIGNALED(status)) {
        printf("FAIL %s: %s\n", test->name, strsignal(WTERMSIG(status)));
    } else {
        printf("FAIL %s\n", test->name);
    }
}

static void run_test(const struct test *test)
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        run_child(test);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("conformance: fork");
        exit(2);
    }
    record(test, status);
}

static bool wanted(const struct test *test)
{
    return harness.filter == NULL || fnmatch(harness.filter, test->name, 0) == 0;
}

static int run_all(void)
{
    if (harness.scale != FULL_SCALE) {
        printf("repetitions at %u %% (--scale, MOTE_TEST_SCALE)\n", harness.scale);
    }
    for (const struct test *test = harness.tests; test != NULL; test = test->next) {
        if (wanted(test)) {
            run_test(test);
        }
    }
    printf("%u passed, %u failed\n", harness.passed, harness.failed);
    return harness.failed == 0 && harness.passed > 0 ? 0 : 1;
}

static int list_all(void)
{
    for (const struct test *test = harness.tests; test != NULL; test = test->next) {
        if (wanted(test)) {
            printf("%s\n", test->name);
        }
    }
    return 0;
}

bool test_resident(void)
{
    return harness.resident;
}

/* ---- command line ------------------------------------------------------------------ */

static const char usage[] =
    "usage: conformance [--list] [--filter GLOB] [--guests DIR] [--timeout S] [--scale PERCENT]\n"
    "                   [--resident]\n"
    "  --list      names the tests and runs none\n"
    "  --filter    only the tests whose name matches, such as 'values.*'\n"
    "  --guests    folder of the guests (MOTE_GUESTS, MOTE_GUEST_DIR)\n"
    "  --timeout   seconds for each test (MOTE_TEST_TIMEOUT, 10)\n"
    "  --scale     per cent of the repetitions (MOTE_TEST_SCALE, 100)\n"
    "  --resident  sandboxes are resident (MOTE_TEST_RESIDENT)\n";

static void bad_usage(void)
{
    fputs(usage, stderr);
    exit(2);
}

static unsigned number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value == 0 || value > 100000) {
        bad_usage();
    }
    return (unsigned)value;
}

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value == NULL || *value == '\0' ? otherwise : value;
}

static void read_environment(void)
{
    harness.guests = setting("MOTE_GUESTS", setting("MOTE_GUEST_DIR", "guests"));
    harness.timeout = number(setting("MOTE_TEST_TIMEOUT", "10"));
    harness.scale = number(setting("MOTE_TEST_SCALE", "100"));
    harness.resident = *setting("MOTE_TEST_RESIDENT", "") != '\0';
}

static void read_option(const char *name, const char *value)
{
    if (strcmp(name, "--filter") == 0) {
        harness.filter = value;
    } else if (strcmp(name, "--guests") == 0) {
        harness.guests = value;
    } else if (strcmp(name, "--timeout") == 0) {
        harness.timeout = number(value);
    } else if (strcmp(name, "--scale") == 0) {
        harness.scale = number(value);
    } else {
        bad_usage();
    }
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            harness.list = true;
        } else if (strcmp(argv[i], "--resident") == 0) {
            harness.resident = true;
        } else if (i + 1 < argc) {
            read_option(argv[i], argv[i + 1]);
            i++;
        } else {
            bad_usage();
        }
    }
}

/* The thread cache of malloc makes the bytes in use inexact, and can be switched off only from
 * the environment: the program starts itself again with that. */
static void restart_without_thread_cache(char **argv)
{
    if (getenv("GLIBC_TUNABLES") == NULL) {
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
        execv("/proc/self/exe", argv);
    }
}

int main(int argc, char **argv)
{
    restart_without_thread_cache(argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_environment();
    read_arguments(argc, argv);
    return harness.list ? list_all() : run_all();
}

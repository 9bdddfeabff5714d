/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform_test: re-measures the behaviours of KVM that mote relies on, and
 * fails when one differs from what the code assumes. docs/platform.md says
 * what was found where.
 *
 * Each test runs in a forked process with an alarm, since a wrong assumption
 * about a hypervisor most often shows as a guest that never comes out.
 */
#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_PER_TEST = 20 };

/* What a test's process tells the runner; shared memory. */
struct result {
    char why[400];
    char notes[24][300];
    unsigned note_count;
    uint8_t tr_type;
};

static struct result *result;

static const struct test *const groups[] = {
    exception_tests, syscall_tests, doorbell_tests, string_io_tests, register_tests, paging_tests,
    parent_tests,    revoke_tests,  memory_tests,   scrub_tests,     hostile_tests,  host_tests,
};

_Noreturn void fail(const char *file, int line, const char *format, ...)
{
    const char *base = strrchr(file, '/');
    char text[300];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    snprintf(result->why, sizeof result->why, "%s (%s:%d)", text, base ? base + 1 : file, line);
    _exit(1);
}

_Noreturn void give_up(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(result->why, sizeof result->why, format, list);
    va_end(list);
    _exit(1);
}

void note(const char *format, ...)
{
    if (result->note_count >= 24)
        return;
    va_list list;
    va_start(list, format);
    vsnprintf(result->notes[result->note_count++], sizeof result->notes[0], format, list);
    va_end(list);
}

static void in_child(void (*body)(struct vm *vm), uint8_t tr_type)
{
    struct vm vm = {.tr_type = tr_type};
    alarm(SECONDS_PER_TEST);
    vm_open(&vm);
    body(&vm);
    vm_close(&vm);
    _exit(0);
}

static bool run_isolated(void (*body)(struct vm *vm), uint8_t tr_type)
{
    int status = 0;
    memset(result, 0, sizeof *result);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        snprintf(result->why, sizeof result->why, "fork: %s", strerror(errno));
        return false;
    }
    if (child == 0)
        in_child(body, tr_type);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status))
        snprintf(result->why, sizeof result->why, "ended by signal %d%s", WTERMSIG(status),
                 WTERMSIG(status) == SIGALRM ? " (hang)" : "");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void report(const char *name, bool passed)
{
    if (passed)
        printf("ok %s\n", name);
    else
        printf("not ok %s - %s\n", name, result->why);
    for (unsigned i = 0; i < result->note_count; i++)
        printf("# note %s: %s\n", name, result->notes[i]);
}

static void probe_tr_type(struct vm *vm)
{
    (void)vm;
    result->tr_type = vm_working_tr_type();
}

static uint8_t find_tr_type(void)
{
    if (!run_isolated(probe_tr_type, 11) || result->tr_type == 0) {
        printf("not ok tr_type - no TR type lets the doorbell through: %s\n0 passed, 1 failed\n",
               result->why);
        exit(1);
    }
    printf("# note tr_type: the I/O bitmap is obeyed with TR type %u\n", result->tr_type);
    return result->tr_type;
}

static void for_each_test(const char *filter, void (*visit)(const struct test *, void *),
                          void *context)
{
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct test *t = groups[g]; t->name; t++)
            if (!filter || strstr(t->name, filter))
                visit(t, context);
}

static void print_name(const struct test *test, void *context)
{
    (void)context;
    puts(test->name);
}

struct tally {
    unsigned passed, failed;
    uint8_t tr_type;
};

static void run_one(const struct test *test, void *context)
{
    struct tally *tally = context;
    bool passed = run_isolated(test->run, tally->tr_type);
    report(test->name, passed);
    if (passed)
        tally->passed++;
    else
        tally->failed++;
}

static int run_all(const char *filter)
{
    struct tally tally = {.tr_type = find_tr_type()};
    for_each_test(filter, run_one, &tally);
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    /* A filter that matches nothing must not look like success. */
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *filter = NULL;
    bool list = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list")) {
            list = true;
        } else if (!strcmp(argv[i], "--filter") && i + 1 < argc) {
            filter = argv[++i];
        } else {
            fprintf(stderr, "usage: platform_test [--list] [--filter TEXT]\n");
            return 2;
        }
    }
    if (list) {
        for_each_test(filter, print_name, NULL);
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    return run_all(filter);
}

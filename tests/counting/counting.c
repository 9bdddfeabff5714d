/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer: counts system calls from outside, with ptrace, and compares. */
#include "counting.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const struct expectation expectations[SECTION_COUNT] = {
    [SECTION_EMPTY] = {"nothing at all", 3, 0, 0},
    [SECTION_WARM] = {"warm call with a deadline", 20, 1, 0},
    [SECTION_WARM_BYTES] = {"warm call with 24 KB", 20, 1, 0},
    [SECTION_RESET] = {"reset", 20, 0, 0},
    [SECTION_FRESH] = {"fresh call (reset and call)", 20, 1, 0},
    [SECTION_FRESH_DIRTY] = {"fresh call after 64 dirty pages", 20, 1, 0},
    [SECTION_FRESH_AFTER_FAULT] = {"fresh call after a fault", 20, 1, 0},
    [SECTION_HOST_CALL] = {"call with one host function", 20, 2, 0},
    [SECTION_HOST_CALLS_5] = {"call with five host functions", 20, 6, 0},
    [SECTION_FRESH_HOST_CALL] = {"fresh call with one host function", 20, 2, 0},
    [SECTION_RESULT_OF_BYTES] = {"call that answers 8 KB", 20, 1, 0},
    [SECTION_NESTED] = {"call with one host function that calls back", 20, 3, 0},
    [SECTION_SUSPEND] = {"call that is suspended", 20, 1, 0},
    [SECTION_RESUME] = {"resume to the end", 20, 1, 0},
    [SECTION_CPU_TIME] = {"warm call whose CPU time is measured", 20, 1, 2},
    /* The call before has mapped one range: it is given back with one system call at most, */
    [SECTION_MAPPED_FRESH] = {"fresh call after one that mapped 2 MiB", 10, 1, 1},
    /* and the next one is as if nothing had been. */
    [SECTION_MAPPED_LATER] = {"the fresh call after that", 10, 1, 0},
    /* The process, a random number, and whether the thread lets the signal in: nothing of the VM.
     */
    [SECTION_POOLED] = {"sandbox of the pool, of another tenant: new, call, free", 20, 1, 3},
    [SECTION_POOLED_IMAGE] = {"sandbox of the pool, of another image: new, call, free", 20, 1, 3},
    [SECTION_SUBMIT] = {"job for an executor whose workers are busy", 20, 0, 0},
};

enum { OTHERS_MAX = 64 };

struct count {
    enum section section;
    bool counting;
    unsigned runs;
    unsigned others;
    uint64_t numbers[OTHERS_MAX]; /* of the other system calls */
    uint64_t details[OTHERS_MAX]; /* their second argument: the request of an ioctl */
    unsigned passes[SECTION_COUNT];
    unsigned bad[SECTION_COUNT];
};

static void begin(struct count *count, uint64_t section)
{
    count->section = (enum section)section;
    count->counting = section < SECTION_COUNT;
    count->runs = 0;
    count->others = 0;
}

static void print_others(const struct count *count)
{
    for (unsigned i = 0; i < count->others && i < OTHERS_MAX; i++) {
        printf("    system call %llu, second argument 0x%llx\n",
               (unsigned long long)count->numbers[i], (unsigned long long)count->details[i]);
    }
}

static void end(struct count *count)
{
    const struct expectation *e = &expectations[count->section];

    count->counting = false;
    count->passes[count->section]++;
    if (count->runs == e->runs && count->others <= e->others) {
        return;
    }
    count->bad[count->section]++;
    printf("  %s, pass %u: %u KVM_RUN (expected %u), %u other system calls (at most %u)\n", e->name,
           count->passes[count->section], count->runs, e->runs, count->others, e->others);
    print_others(count);
}

/* A sanitizer maps memory for what malloc hands out, whenever it likes. */
static bool is_sanitizers(uint64_t number)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return number == SYS_mmap || number == SYS_munmap;
#endif
#endif
    (void)number;
    return false;
}

static void on_entry(struct count *count, const struct __ptrace_syscall_info *info)
{
    uint64_t number = info->entry.nr;
    const uint64_t *args = (const uint64_t *)info->entry.args;

    if (number == SYS_getppid && args[0] == MARK_BEGIN) {
        begin(count, args[1]);
    } else if (number == SYS_getppid && args[0] == MARK_END) {
        end(count);
    } else if (count->counting && number == SYS_ioctl && args[1] == KVM_RUN) {
        count->runs++;
    } else if (count->counting && !is_sanitizers(number)) {
        if (count->others < OTHERS_MAX) {
            count->numbers[count->others] = number;
            count->details[count->others] = args[1];
        }
        count->others++;
    }
}

static void on_stop(struct count *count, pid_t child)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0, sizeof(info));
    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        on_entry(count, &info);
    }
}

/* Lets the child run from stop to stop; gives its end. */
static int trace(struct count *count, pid_t child)
{
    int status = 0;
    unsigned long signal = 0;

    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        signal = 0;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            on_stop(count, child);
        } else if (WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP) {
            signal = (unsigned long)WSTOPSIG(status);
        }
        ptrace(PTRACE_SYSCALL, child, NULL, signal);
    }
    return status;
}

static pid_t start(const char *guests)
{
    pid_t child = fork();

    if (child == 0) {
        alarm(60);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        traced(guests);
        _exit(0);
    }
    return child;
}

/* A section is good when it was passed as often as it should, and each time as it should. */
static bool section_passed(const struct count *count, unsigned section)
{
    const struct expectation *e = &expectations[section];
    bool good = count->passes[section] == e->passes && count->bad[section] == 0;

    printf("%s %s: %u of %u passes, %u wrong\n", good ? "ok  " : "FAIL", e->name,
           count->passes[section], e->passes, count->bad[section]);
    return good;
}

static int verdict(const struct count *count, int status)
{
    unsigned passed = 0;

    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        passed += section_passed(count, i);
    }
    if (status != 0) {
        printf("FAIL the traced program ended with status 0x%x\n", (unsigned)status);
    }
    printf("%u passed, %u failed\n", passed, SECTION_COUNT - passed + (status != 0));
    return passed == SECTION_COUNT && status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct count count;
    const char *guests = argc > 1 ? argv[1] : getenv("MOTE_GUEST_DIR");
    int status = 0;
    pid_t child;

    setvbuf(stdout, NULL, _IOLBF, 0);
    child = start(guests == NULL ? "guests" : guests);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
        perror("counting: ptrace");
        return 2;
    }
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    return verdict(&count, trace(&count, child));
}

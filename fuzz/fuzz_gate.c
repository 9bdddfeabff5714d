/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes run by a real VM: an input is code, registers and the contents of the mailbox of a
 * guest (gate_guest.h), which is called under a short deadline in little memory. Whatever it does:
 * the call ends in time with a code that mote.h gives, the sandbox is good after a reset, an honest
 * guest beside it answers right, and nothing is left behind.
 *
 * Most inputs run in sandboxes that live on: their image's read-only part is a file, in which the
 * code is exchanged between calls. Some have an image of their own, and may misbehave at its boot.
 */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gate_guest.h"
#include "image/image.h"
#include "mote.h"
#include "os/os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY   (2ull << 20)
#define DEADLINE 3000000ull    /* ns */
#define SLACK    3000000000ull /* other programs run on this machine, too */
#define PAGES    (2 * MOTE__PAGE)

/* An image whose code can be exchanged, and a sandbox of it. */
struct gate {
    mote_image *image;
    uint8_t *pages; /* of the image's file */
    mote_sandbox *sandbox;
    mote_handle *handle;
};

static mote_host *host;
static mote_policy *policy;
static struct gate export, program, honest;
static struct gate_choice choice; /* of the present input */
static unsigned host_calls;
static unsigned long outcomes[64], executions;
static struct {
    unsigned fds, threads;
} begin;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

static void must_be(int status, const char *what, const mote_error *error)
{
    if (status == 0)
        return;
    fprintf(stderr, "violated: %s: %s: %s; %s\n", what, mote_error_name(status), error->text,
            error->remedy);
    abort();
}

/* ---- how calls end ---- */

static bool is_documented(int status)
{
    switch (status) {
    case 0:
    case MOTE_EFAULT:
    case MOTE_EABORTED:
    case MOTE_EDEADLINE:
    case MOTE_ECPU:
    case MOTE_EINTERRUPTED:
    case MOTE_EHOSTFN:
    case MOTE_EPROTOCOL:
    case MOTE_ESTRANGE:
    case MOTE_ELIMIT:
    case MOTE_EGUEST:
    case MOTE_EEXITED:
        return true;
    default:
        return false;
    }
}

/* ---- what is granted ---- */

static void use_memory(mote_sandbox *sandbox, const mote_value *bytes)
{
    uint64_t address = bytes->of.bytes.size >= 8 ? *(const uint64_t *)bytes->of.bytes.data : 0;
    uint8_t copy[256];
    int status = mote_memory_read(sandbox, address, copy, sizeof copy);
    must(status == 0 || status == MOTE_ERANGE, "how a read of memory ends");
    status = mote_memory_write(sandbox, address, copy, sizeof copy);
    must(status == 0 || status == MOTE_ERANGE, "how a write to memory ends");
}

/* As deep as the guest asks for; the library has a limit. */
static void call_back(mote_sandbox *sandbox)
{
    mote_func run = {export.image, 0};
    mote_value args[2] = {{.type = MOTE_U64, .of.u64 = 8}, mote_string("nested")}, result;
    args[1].type = MOTE_BYTES;
    if (sandbox != export.sandbox)
        return;
    int status = mote_call(sandbox, run, NULL, args, 2, &result, 1);
    must(is_documented(status) || status == MOTE_EPOISONED, "how a nested call ends");
}

/* Host functions may be wrong, too. */
static int ask(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    static const uint8_t large[MEMORY + 1];
    (void)user;
    must(nargs == 2 && args[0].type == MOTE_I32 && args[1].type == MOTE_BYTES, "types are checked");
    *result = args[1];
    switch (choice.answers >> host_calls++ % 8 & 7) {
    case 1:
        return mote_context_fail(context, args[0].of.i32, "no");
    case 2:
        return -5;
    case 3:
        result->of.bytes.data = large;
        result->of.bytes.size = sizeof large;
        return 0;
    case 4:
        use_memory(mote_context_sandbox(context), &args[1]);
        return 0;
    case 5:
        must(mote_reset(mote_context_sandbox(context)) == MOTE_EBUSY, "no reset in a call");
        return 0;
    case 6:
        call_back(mote_context_sandbox(context));
        return 0;
    case 7:
        return MOTE_PENDING;
    default:
        return 0;
    }
}

static int tell(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    (void)user;
    (void)context;
    (void)result;
    must(nargs == 1 && args[0].type == MOTE_STRING, "types are checked");
    host_calls++;
    return 0;
}

static int64_t take(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    (void)user;
    (void)sandbox;
    (void)data;
    return choice.answers & 128 ? (int64_t)(size / 2) : (int64_t)size;
}

static int64_t give(void *user, mote_sandbox *sandbox, void *data, size_t size)
{
    (void)user;
    (void)sandbox;
    memset(data, choice.answers, size / 2);
    return (int64_t)(size / 2);
}

static void take_line(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                      size_t size)
{
    (void)user;
    (void)sandbox;
    (void)text;
    must(level <= 3 && size <= 1024, "log lines are bounded");
}

static void watch(void *user, mote_sandbox *sandbox, const mote_syscall_event *event)
{
    (void)user;
    (void)sandbox;
    must(event->name != NULL && event->result < INT64_MAX, "an event is whole");
}

static void make_folder(void)
{
    static char folder[] = "/tmp/mote-fuzz-XXXXXX";
    mote_error error = MOTE_ERROR_INIT;
    must(mkdtemp(folder) != NULL, "a folder");
    must_be(mote_policy_dir(policy, folder, "/", MOTE_GRANT_READ, &error), "a folder", &error);
    must(rmdir(folder) == 0, "it is empty, and stays granted");
    must_be(mote_policy_file(policy, "/proc/self/exe", "/file", &error), "a file", &error);
}

static void grant_services(mote_error *error)
{
    must_be(mote_policy_set(policy, MOTE_OPT_CLOCK, MOTE_CLOCK_REAL, error), "clocks", error);
    must_be(mote_policy_set(policy, MOTE_OPT_RANDOM, MOTE_RANDOM_REAL, error), "random", error);
    must_be(mote_policy_capture(policy, 2, 1000, error), "a buffer", error);
    must_be(mote_policy_input(policy, 3, "0123456789", 10, error), "an input", error);
    must_be(mote_policy_trace(policy, watch, NULL, error), "a trace", error);
    make_folder();
}

static void make_policy(mote_error *error)
{
    static const mote_stream stream = {.size = sizeof stream, .write = take, .read = give};
    must_be(mote_policy_new(&policy, host, error), "a policy", error);
    must_be(mote_policy_set(policy, MOTE_OPT_MEMORY, MEMORY, error), "memory", error);
    must_be(mote_policy_set(policy, MOTE_OPT_DEADLINE, DEADLINE, error), "a deadline", error);
    must_be(mote_policy_set(policy, MOTE_OPT_STREAM_BYTES, 65536, error), "bytes", error);
    for (int fd = 0; fd < 2; fd++)
        must_be(mote_policy_stream(policy, fd, &stream, error), "a stream", error);
    must_be(mote_policy_log(policy, take_line, NULL, error), "a log", error);
    grant_services(error);
    must_be(
        mote_policy_function(policy, "env", "ask", "(i32,bytes)->bytes", ask, NULL, NULL, error),
        "a grant", error);
    must_be(mote_policy_function(policy, "env", "tell", "(string)->void", tell, NULL, NULL, error),
            "a grant", error);
}

/* ---- images ---- */

static void gate_open(struct gate *gate, bool is_program, bool is_honest)
{
    static struct tiny_elf elf;
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_DATA(elf.bytes, sizeof elf.bytes);
    mote_image_options options = {
        .size = sizeof options, .boot_memory = MEMORY, .boot_deadline_ns = DEADLINE};
    if (is_honest)
        options.boot_deadline_ns = 0;
    gate_template(&elf, is_program, is_honest);
    must_be(mote_image_open(&gate->image, host, &source, &options, &error), "an image", &error);
    gate->pages =
        mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, gate->image->read_only_fd, 0);
    must(gate->pages != MAP_FAILED, "its file is mapped");
    struct gate_page *page = (struct gate_page *)(void *)(gate->pages + GATE_PAGE_AT);
    page->mailbox = gate->image->layout.mailbox;
    page->doorbell = gate->image->layout.gate;
    page->registers[GATE_REGISTERS - 1] = gate->image->layout.stack_top - MOTE__PAGE;
}

static void gate_close(struct gate *gate)
{
    mote_handle_unref(gate->handle);
    must(mote_sandbox_free(gate->sandbox) == 0, "a sandbox goes");
    gate->sandbox = NULL;
    munmap(gate->pages, PAGES);
    mote_image_unref(gate->image);
}

static void gate_start_sandbox(struct gate *gate)
{
    mote_error error = MOTE_ERROR_INIT;
    int status = MOTE_EBOOT;
    /* The deadline is short for what random code may do; a busy machine exceeds it, too. */
    for (int i = 0; i < 50 && status == MOTE_EBOOT; i++)
        status = mote_sandbox_new(&gate->sandbox, gate->image, policy, NULL, &error);
    must_be(status, "a sandbox", &error);
    gate->handle = mote_sandbox_handle(gate->sandbox);
}

/* ---- checks ---- */

static void check_end(const struct gate *gate, int status, uint64_t start)
{
    mote_state state = mote_sandbox_state(gate->sandbox);
    const mote_error *error = mote_sandbox_error(gate->sandbox);
    const mote_report *report = mote_sandbox_report(gate->sandbox);
    outcomes[-status]++;
    must(mote__now_ns() - start < DEADLINE + SLACK, "a call ends in time");
    if (!is_documented(status))
        must_be(status, "how a call ends", error);
    must(status == 0 || (error->code == status && error->text[0]), "the error is described");
    must(memchr(report->text, 0, sizeof report->text) && memchr(report->symbol, 0, 128),
         "texts end");
    bool ready = status == 0 || status == MOTE_EGUEST;
    bool is_program = mote_image_exports(gate->image) == 0;
    if (status != MOTE_ELIMIT)
        must(state == (!ready       ? MOTE_STATE_POISONED
                       : is_program ? MOTE_STATE_CLOSED
                                    : MOTE_STATE_READY),
             "the state says so");
    must(report->memory <= MEMORY, "memory is within its limit");
}

/* The sanitizer sees bytes that are not there. */
static void touch(const mote_value *bytes)
{
    const volatile uint8_t *at = bytes->of.bytes.data;
    for (size_t i = 0; i < bytes->of.bytes.size; i++)
        (void)at[i];
}

/* What an embedder does with a call that waits; `turn` counts them. */
static int go_on(const struct gate *gate, unsigned turn, mote_value *result)
{
    mote_value bytes = mote_string("an answer"), wrong = {.type = MOTE_F32};
    bytes.type = MOTE_BYTES;
    size_t results = mote_image_exports(gate->image) != 0;
    must(mote_sandbox_state(gate->sandbox) == MOTE_STATE_SUSPENDED, "a call that waits");
    switch ((choice.answers >> 2) + turn & 7) {
    case 0:
        return mote_resume_fail(gate->sandbox, NULL, 3, "no answer", result, results);
    case 1:
        must(mote_cancel(gate->sandbox) == 0, "what waits can be cancelled");
        return MOTE_EINTERRUPTED;
    case 2:
        must(mote_interrupt(gate->handle) == 0, "what waits can be interrupted");
        break;
    case 3:
        must(mote_resume(gate->sandbox, NULL, &wrong, result, results) == MOTE_ETYPE, "its type");
        break;
    default:
        break;
    }
    return mote_resume(gate->sandbox, NULL, &bytes, result, results);
}

static int call_once(struct gate *gate)
{
    uint64_t start = mote__now_ns();
    mote_func run = {gate->image, 0};
    mote_value args[2] = {{.type = MOTE_U64, .of.u64 = 7}, mote_string("0123456789")};
    mote_value result = {.type = MOTE_VOID};
    int status, exit_status;
    args[1].type = MOTE_BYTES;
    if (mote_image_exports(gate->image) == 0)
        status = mote_run(gate->sandbox, NULL, &exit_status);
    else
        status = mote_call(gate->sandbox, run, NULL, args, 2, &result, 1);
    for (unsigned turn = 0; status == MOTE_PENDING; turn++)
        status = go_on(gate, turn, &result);
    check_end(gate, status, start);
    if (status == 0 && result.type == MOTE_BYTES)
        touch(&result);
    return status;
}

static void check_honest(void)
{
    static uint64_t number;
    mote_func echo = {honest.image, 0};
    mote_value arg = {.type = MOTE_U64, .of.u64 = ++number * 0x9e3779b97f4a7c15u}, result;
    mote_call_options options = {.size = sizeof options, .deadline_ns = SLACK};
    int status = mote_call(honest.sandbox, echo, &options, &arg, 1, &result, 1);
    must_be(status, "an honest guest", mote_sandbox_error(honest.sandbox));
    must(result.of.u64 == arg.of.u64, "an honest guest answers right");
}

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    must(dir != NULL, "/proc is there");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Those of the library; the fuzzer has pipes to its symbolizer. */
static unsigned count_fds(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    must(dir != NULL, "/proc is there");
    for (struct dirent *e; (e = readdir(dir));) {
        char target[64] = {0};
        ssize_t length = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
        count += length > 0 && (strstr(target, "kvm") || strstr(target, "memfd:"));
    }
    closedir(dir);
    return count;
}

/* The kernel's threads for VMs begin when these first run: the first look is the measure. */
static void check_leaks(void)
{
    unsigned fds = count_fds(), threads = count_threads();
    if (begin.fds == 0) {
        begin.fds = fds;
        begin.threads = threads;
    }
    if (fds == begin.fds && threads == begin.threads)
        return;
    fprintf(stderr, "%u fds and %u threads, were %u and %u\n", fds, threads, begin.fds,
            begin.threads);
    must(false, "nothing is left behind");
}

/* ---- runs ---- */

static void call_and_reset(struct gate *gate)
{
    host_calls = 0;
    int status = call_once(gate);
    if (choice.flags & GATE_TWO_CALLS && status == 0 && mote_image_exports(gate->image))
        call_once(gate);
    must_be(mote_reset(gate->sandbox), "a reset", mote_sandbox_error(gate->sandbox));
    must(mote_sandbox_state(gate->sandbox) == MOTE_STATE_READY, "it is ready again");
}

static void run_in(struct gate *gate, const uint8_t *data, size_t size)
{
    choice = gate_fill(gate->pages, &gate->image->layout, gate == &program, data, size);
    call_and_reset(gate);
}

/* A boot that failed says why, and leaves an image that cannot be used. */
static void run_own(const uint8_t *data, size_t size)
{
    bool is_program = data[0] & GATE_PROGRAM;
    struct gate own = {0};
    mote_error error = MOTE_ERROR_INIT;
    gate_open(&own, is_program, false);
    choice = gate_fill(own.pages, &own.image->layout, is_program, data, size);
    ((struct gate_page *)(void *)(own.pages + GATE_PAGE_AT))->at_boot =
        !is_program && choice.flags & GATE_CODE_AT_BOOT;
    int status = mote_sandbox_new(&own.sandbox, own.image, policy, NULL, &error);
    outcomes[32 - status]++;
    if (status)
        must((status == MOTE_EBOOT || status == MOTE_ELIMIT) && error.text[0], "how a boot fails");
    else
        own.handle = mote_sandbox_handle(own.sandbox);
    if (!status)
        call_and_reset(&own);
    gate_close(&own);
}

static void print_outcomes(void)
{
    for (int i = 0; i < 64; i++)
        if (outcomes[i])
            fprintf(stderr, "%s %s: %lu\n", i < 32 ? "calls," : "own images,",
                    mote_error_name(-(i % 32)), outcomes[i]);
}

static void make_all(void)
{
    mote_error error = MOTE_ERROR_INIT;
    must_be(mote_host_new(&host, NULL, &error), "a host", &error);
    make_policy(&error);
    gate_open(&export, false, false);
    gate_open(&program, true, false);
    gate_open(&honest, false, true);
    gate_start_sandbox(&export);
    gate_start_sandbox(&program);
    gate_start_sandbox(&honest);
    check_honest();
    atexit(print_outcomes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!host)
        make_all();
    if (size < 4)
        return 0;
    if (!(data[0] & GATE_OWN_IMAGE))
        run_own(data, size);
    else
        run_in(data[0] & GATE_PROGRAM ? &program : &export, data, size);
    check_honest();
    if (executions++ % 1000 == 100)
        check_leaks();
    return 0;
}

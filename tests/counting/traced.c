/* SPDX-License-Identifier: Apache-2.0 */
/* The traced process: does the work, and marks where it begins and ends. */
#include "counting.h"

#include "mote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KIB           ((size_t)1024)
#define LONG_DEADLINE (60ull * 1000000000ull)

static const mote_call_options options = {sizeof(options), LONG_DEADLINE};

static const char *folder;
static mote_host *host;

static void must(const char *what, int rc)
{
    if (rc != MOTE_OK) {
        printf("  %s: %s\n", what, mote_error_name(rc));
        exit(1);
    }
}

static void begin(enum section section)
{
    syscall(SYS_getppid, MARK_BEGIN, (uint64_t)section);
}

static void end(void)
{
    syscall(SYS_getppid, MARK_END, 0);
}

/* ---- guests ------------------------------------------------------------------ */

struct guest {
    mote_image *image;
    mote_sandbox *sandbox;
};

static void open_guest(struct guest *guest, const char *name, mote_policy *policy)
{
    char path[4096];
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(path);

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    must(path, mote_image_open(&guest->image, host, &source, NULL, &error));
    must(path, mote_sandbox_new(&guest->sandbox, guest->image, policy, NULL, &error));
}

static void close_guest(struct guest *guest)
{
    must("mote_sandbox_free", mote_sandbox_free(guest->sandbox));
    mote_image_unref(guest->image);
}

static mote_func find(const struct guest *guest, const char *name)
{
    mote_func func;

    must(name, mote_find(guest->image, name, NULL, &func, NULL));
    return func;
}

static void call(struct guest *guest, mote_func func, const mote_value *args, size_t nargs,
                 mote_value *result)
{
    must("mote_call",
         mote_call(guest->sandbox, func, &options, args, nargs, result, result != NULL));
}

/* ---- sections ------------------------------------------------------------------ */

static void empty(void)
{
    for (unsigned i = 0; i < expectations[SECTION_EMPTY].passes; i++) {
        begin(SECTION_EMPTY);
        end();
    }
}

/* Each section is passed unmarked first: pages are touched, pools are filled. */
static void mark(enum section section, int i)
{
    if (i >= 0) {
        begin(section);
    }
}

static void unmark(int i)
{
    if (i >= 0) {
        end();
    }
}

/* The passes from UNMARKED to zero are not marked. */
enum { UNMARKED = -3 };

static int passes(enum section section)
{
    return (int)expectations[section].passes;
}

static void warm_calls(void)
{
    static char bytes[24 * KIB];
    mote_value text = {.type = MOTE_BYTES, .of.bytes = {bytes, sizeof(bytes)}};
    mote_value part = {.type = MOTE_BYTES, .of.bytes = {bytes, 8 * KIB}};
    mote_value result;
    struct guest guest;
    mote_func nothing;
    mote_func sum;
    mote_func echo;

    open_guest(&guest, "echo", NULL);
    nothing = find(&guest, "nothing");
    sum = find(&guest, "sum_bytes");
    echo = find(&guest, "echo_bytes"); /* without a malloc, which would be a system call more */
    for (int i = UNMARKED; i < passes(SECTION_WARM); i++) {
        mark(SECTION_WARM, i);
        call(&guest, nothing, NULL, 0, NULL);
        unmark(i);
    }
    for (int i = UNMARKED; i < passes(SECTION_WARM_BYTES); i++) {
        mark(SECTION_WARM_BYTES, i);
        call(&guest, sum, &text, 1, &result);
        unmark(i);
    }
    for (int i = UNMARKED; i < passes(SECTION_RESULT_OF_BYTES); i++) {
        must("mote_reset", mote_reset(guest.sandbox));
        mark(SECTION_RESULT_OF_BYTES, i);
        call(&guest, echo, &part, 1, &result);
        unmark(i);
    }
    close_guest(&guest);
}

static void resets(void)
{
    mote_value pages = {.type = MOTE_U32, .of.u32 = 64};
    struct guest guest;
    mote_func nothing;
    mote_func dirty;

    open_guest(&guest, "dirty", NULL);
    nothing = find(&guest, "nothing");
    dirty = find(&guest, "dirty");
    for (int i = UNMARKED; i < passes(SECTION_RESET); i++) {
        call(&guest, nothing, NULL, 0, NULL);
        mark(SECTION_RESET, i);
        must("mote_reset", mote_reset(guest.sandbox));
        unmark(i);
    }
    for (int i = UNMARKED; i < passes(SECTION_FRESH); i++) {
        mark(SECTION_FRESH, i);
        must("mote_reset", mote_reset(guest.sandbox));
        call(&guest, nothing, NULL, 0, NULL);
        unmark(i);
    }
    for (int i = UNMARKED; i < passes(SECTION_FRESH_DIRTY); i++) {
        call(&guest, dirty, &pages, 1, NULL);
        mark(SECTION_FRESH_DIRTY, i);
        must("mote_reset", mote_reset(guest.sandbox));
        call(&guest, dirty, &pages, 1, NULL);
        unmark(i);
    }
    close_guest(&guest);
}

static void after_faults(void)
{
    mote_value result;
    struct guest guest;
    mote_func ud2;
    mote_func alive;

    open_guest(&guest, "faults", NULL);
    ud2 = find(&guest, "ud2");
    alive = find(&guest, "alive");
    for (int i = UNMARKED; i < passes(SECTION_FRESH_AFTER_FAULT); i++) {
        if (mote_call(guest.sandbox, ud2, &options, NULL, 0, NULL, 0) != MOTE_EFAULT) {
            must("ud2", MOTE_EPROTOCOL);
        }
        mark(SECTION_FRESH_AFTER_FAULT, i);
        must("mote_reset", mote_reset(guest.sandbox));
        call(&guest, alive, NULL, 0, &result);
        unmark(i);
    }
    close_guest(&guest);
}

/* Memory of one range is mapped by each odd call; the fresh call after it gives that back. */
static void mapping(void)
{
    mote_value pages = {.type = MOTE_U32, .of.u32 = 512};
    mote_value result;
    struct guest guest;
    mote_func nothing;
    mote_func map;

    open_guest(&guest, "dirty", NULL);
    nothing = find(&guest, "nothing");
    map = find(&guest, "dirty_mapped");
    for (int i = UNMARKED; i < passes(SECTION_MAPPED_FRESH); i++) {
        call(&guest, map, &pages, 1, &result);
        mark(SECTION_MAPPED_FRESH, i);
        must("mote_reset", mote_reset(guest.sandbox));
        call(&guest, nothing, NULL, 0, NULL);
        unmark(i);
        mark(SECTION_MAPPED_LATER, i);
        must("mote_reset", mote_reset(guest.sandbox));
        call(&guest, nothing, NULL, 0, NULL);
        unmark(i);
    }
    close_guest(&guest);
}

/* ---- the pool ---------------------------------------------------------------------- */

static void live_in_pool(struct guest *guest, mote_func func, const char *tenant)
{
    mote_sandbox_options of = {.size = sizeof(of), .tenant = tenant};

    must("mote_sandbox_new", mote_sandbox_new(&guest->sandbox, guest->image, NULL, &of, NULL));
    call(guest, func, NULL, 0, NULL);
    must("mote_sandbox_free", mote_sandbox_free(guest->sandbox));
    guest->sandbox = NULL;
}

static void in_turns(struct guest *one, struct guest *other, enum section section)
{
    mote_func funcs[] = {find(one, "nothing"), find(other, "nothing")};

    for (int i = UNMARKED; i < passes(section); i++) {
        mark(section, i);
        live_in_pool(i % 2 ? one : other, funcs[i % 2 == 0], i % 2 ? "odd" : "even");
        unmark(i);
    }
}

/* Its VMs are of another host than those of all other sections. */
static void pooled(void)
{
    mote_host_options with_pool = {
        .size = sizeof(with_pool), .shells_high = 1, .reuse = MOTE_REUSE_FREELY};
    mote_host *other = host;
    struct guest echo;
    struct guest dirty;

    must("mote_host_new", mote_host_new(&host, &with_pool, NULL));
    open_guest(&echo, "echo", NULL);
    must("mote_sandbox_free", mote_sandbox_free(echo.sandbox));
    open_guest(&dirty, "dirty", NULL);
    must("mote_sandbox_free", mote_sandbox_free(dirty.sandbox));
    in_turns(&echo, &echo, SECTION_POOLED);
    in_turns(&echo, &dirty, SECTION_POOLED_IMAGE);
    mote_image_unref(echo.image);
    mote_image_unref(dirty.image);
    must("mote_host_free", mote_host_free(host));
    host = other;
}

/* ---- host functions ------------------------------------------------------------------ */

static int fn_add(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    *result = (mote_value){.type = MOTE_I32, .of.i32 = args[0].of.i32 + args[1].of.i32};
    return 0;
}

static void grant_all(mote_policy *policy)
{
    static const struct {
        const char *name;
        const char *signature;
    } functions[] = {
        {"add", "(i32,i32)->i32"},
        {"greet", "(string)->string"},
        {"fail", "()->i32"},
        {"take", "(bytes)->void"},
        {"give", "(u32)->bytes"},
        {"mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64"},
    };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        must(functions[i].name,
             mote_policy_function(policy, "env", functions[i].name, functions[i].signature, fn_add,
                                  NULL, NULL, NULL));
    }
}

static void storm_section(struct guest *guest, enum section section, uint32_t times, int fresh)
{
    mote_func storm = find(guest, "storm");
    mote_value count = {.type = MOTE_U32, .of.u32 = times};
    mote_value result;

    for (int i = UNMARKED; i < passes(section); i++) {
        mark(section, i);
        if (fresh) {
            must("mote_reset", mote_reset(guest->sandbox));
        }
        call(guest, storm, &count, 1, &result);
        unmark(i);
    }
}

static void host_calls(void)
{
    struct guest guest;
    mote_policy *policy;

    must("mote_policy_new", mote_policy_new(&policy, host, NULL));
    grant_all(policy);
    open_guest(&guest, "hostcalls", policy);
    storm_section(&guest, SECTION_HOST_CALL, 1, 0);
    storm_section(&guest, SECTION_HOST_CALLS_5, 5, 0);
    storm_section(&guest, SECTION_FRESH_HOST_CALL, 1, 1);
    close_guest(&guest);
    mote_policy_unref(policy);
}

/* ---- calls in calls, and calls that wait -------------------------------------------- */

static struct guest nested;

static int fn_act(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    static mote_func echo;
    mote_value text = mote_string("text");
    mote_value back;

    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    if (echo.image == NULL) {
        echo = find(&nested, "echo");
    }
    call(&nested, echo, &text, 1, &back);
    return 0;
}

static int fn_pending(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

static void grant_nested(mote_policy *policy)
{
    static const struct {
        const char *name;
        const char *signature;
        mote_host_fn fn;
    } functions[] = {
        {"down", "(u32)->u32", fn_pending},
        {"around", "(string)->string", fn_pending},
        {"act", "(u32)->void", fn_act},
        {"wait", "(u32)->u32", fn_pending},
        {"wait_bytes", "(bytes,string)->bytes", fn_pending},
        {"wait_only", "()->void", fn_pending},
    };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        must(functions[i].name,
             mote_policy_function(policy, "env", functions[i].name, functions[i].signature,
                                  functions[i].fn, NULL, NULL, NULL));
    }
}

static void suspended_sections(void)
{
    mote_func wait = find(&nested, "wait");
    mote_value one = {.type = MOTE_U32, .of.u32 = 1};
    mote_value result;
    int rc;

    for (int i = UNMARKED; i < passes(SECTION_SUSPEND); i++) {
        mark(SECTION_SUSPEND, i);
        rc = mote_call(nested.sandbox, wait, &options, &one, 1, &result, 1);
        unmark(i);
        must("wait", rc == MOTE_PENDING ? MOTE_OK : MOTE_EPROTOCOL);
        mark(SECTION_RESUME, i);
        rc = mote_resume(nested.sandbox, NULL, &one, &result, 1);
        unmark(i);
        must("mote_resume", rc);
    }
}

static void nested_calls(void)
{
    mote_value one = {.type = MOTE_U32, .of.u32 = 1};
    mote_value result;
    mote_policy *policy;
    mote_func outer;

    must("mote_policy_new", mote_policy_new(&policy, host, NULL));
    grant_nested(policy);
    open_guest(&nested, "nested", policy);
    outer = find(&nested, "outer");
    for (int i = UNMARKED; i < passes(SECTION_NESTED); i++) {
        mark(SECTION_NESTED, i);
        call(&nested, outer, &one, 1, &result);
        unmark(i);
    }
    suspended_sections();
    close_guest(&nested);
    mote_policy_unref(policy);
}

static void cpu_time(void)
{
    struct guest guest;
    mote_policy *policy;
    mote_func nothing;

    must("mote_policy_new", mote_policy_new(&policy, host, NULL));
    must("mote_policy_set", mote_policy_set(policy, MOTE_OPT_CPU_TIME, 1, NULL));
    open_guest(&guest, "echo", policy);
    nothing = find(&guest, "nothing");
    for (int i = UNMARKED; i < passes(SECTION_CPU_TIME); i++) {
        mark(SECTION_CPU_TIME, i);
        call(&guest, nothing, NULL, 0, NULL);
        unmark(i);
    }
    close_guest(&guest);
    mote_policy_unref(policy);
}

/* ---- the watchdog ------------------------------------------------------------------ */

/* Another guest runs all the while, with a deadline, so that the watchdog is awake. */
static struct guest spinner;

static void *spin(void *argument)
{
    (void)argument;
    if (mote_call(spinner.sandbox, find(&spinner, "spin"), &options, NULL, 0, NULL, 0) !=
        MOTE_EINTERRUPTED) {
        printf("  the spinning guest was not interrupted\n");
    }
    return NULL;
}

static void start_spinning(pthread_t *thread)
{
    open_guest(&spinner, "faults", NULL);
    if (pthread_create(thread, NULL, spin, NULL) != 0) {
        must("pthread_create", MOTE_ESYSTEM);
    }
}

static void stop_spinning(pthread_t thread)
{
    mote_handle *handle = mote_sandbox_handle(spinner.sandbox);

    must("mote_interrupt", mote_interrupt(handle));
    pthread_join(thread, NULL);
    mote_handle_unref(handle);
    close_guest(&spinner);
}

void traced(const char *guests)
{
    mote_error error = MOTE_ERROR_INIT;
    pthread_t thread;

    folder = guests;
    must("mote_host_new", mote_host_new(&host, NULL, &error));
    start_spinning(&thread);
    usleep(20000);
    empty();
    warm_calls();
    resets();
    after_faults();
    host_calls();
    nested_calls();
    cpu_time();
    mapping();
    pooled();
    submitted_jobs(host, guests);
    counted_faults(host, guests);
    stop_spinning(thread);
    must("mote_host_free", mote_host_free(host));
    fflush(stdout);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a host, in steps. A step that fails must say a right error, and
 * must succeed when it is tried again and nothing fails any more; so each round
 * goes through all steps, whatever failed on the way.
 */
#include <dirent.h>
#include <errno.h>
#include <mote.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"
#include "steps.h"

#define MEGABYTE 0x100000u

static mote_host *host;
static mote_image *image, *program;
static mote_policy *policy;
static mote_sandbox *sandbox, *run;
static uint8_t payload[MEGABYTE];
static const uint8_t init[5000] = {3, 1, 4, 1, 5};
static int frees; /* of user data, less the grants */

/* ---- making things ---- */

static int make_host(void)
{
    return make_counting_host(&host);
}

static int open_image(void)
{
    return open_guest(&image, host, "seam");
}

static int open_program(void)
{
    return open_guest(&program, host, "hello_plain");
}

static int make_policy(void)
{
    return mote_policy_new(&policy, host, &error);
}

static int add(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    result->of.i32 = args[0].of.i32 + args[1].of.i32;
    return 0;
}

static int echo(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    *result = args[0];
    return 0;
}

static mote_func find(const char *name)
{
    mote_func func = {NULL, 0};
    if (mote_find(image, name, NULL, &func, NULL))
        seam_violation("no function %s", name);
    return func;
}

/* A nested call; where a failure hits it that does not end all, once more. */
static bool call_nested(const char *name, mote_value arg, mote_value *result)
{
    int status = 1;
    for (int i = 0; status && i < TRIES && mote_sandbox_state(sandbox) == MOTE_STATE_READY; i++)
        status = mote_call(sandbox, find(name), NULL, &arg, 1, result, 1);
    return !status;
}

/* What fails here ends the outer call, which says how. */
static int nest(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    mote_value bytes = {.type = MOTE_BYTES, .of.bytes = {payload, 100000}}, back;
    if (call_nested("echo", bytes, &back) && memcmp(back.of.bytes.data, payload, 100000) != 0)
        seam_violation("a nested echo gave other bytes");
    call_nested("nest", args[0], result);
    return 0;
}

static int later(void *user, mote_context *context, const mote_value *args, size_t nargs,
                 mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

static void count_free(void *user)
{
    (void)user;
    frees++;
}

static int grant(const char *name, const char *signature, mote_host_fn fn)
{
    int status =
        mote_policy_function(policy, "env", name, signature, fn, &frees, count_free, &error);
    frees -= status == 0;
    return status;
}

static int grant_add(void)
{
    return grant("add", "(i32,i32)->i32", add);
}

static int grant_echo(void)
{
    return grant("echo", "(bytes)->bytes", echo);
}

static int grant_dir(void)
{
    return mote_policy_dir(policy, "/usr", "/usr", MOTE_GRANT_READ, &error);
}

static int grant_file(void)
{
    return mote_policy_file(policy, guest_path("hello_plain"), "/program", &error);
}

static int grant_nest(void)
{
    return grant("nest", "(u32)->u32", nest);
}

static int grant_later(void)
{
    return grant("later", "(bytes)->bytes", later);
}

static int limit_cpu(void)
{
    return mote_policy_set(policy, MOTE_OPT_CPU_BUDGET, 60000000000u, &error);
}

static int64_t swallow(void *user, mote_sandbox *s, const void *data, size_t size)
{
    (void)user;
    (void)s;
    (void)data;
    return (int64_t)size;
}

static int grant_stream(void)
{
    static const mote_stream out = {.size = sizeof out, .write = swallow};
    return mote_policy_stream(policy, 1, &out, &error);
}

static int make_sandbox(void)
{
    static const char *const env[] = {"A=1", "B=2", NULL};
    mote_sandbox_options options = {
        .size = sizeof options, .env = env, .init_data = init, .init_data_size = sizeof init};
    return mote_sandbox_new(&sandbox, image, policy, &options, &error);
}

static int make_run(void)
{
    static const char *const args[] = {"hello", "there", NULL};
    mote_sandbox_options options = {.size = sizeof options, .args = args};
    return mote_sandbox_new(&run, program, policy, &options, &error);
}

/* ---- calls ---- */

static int call_once(mote_func func, const mote_value *args, size_t nargs, mote_value *result)
{
    mote_function_info info;
    mote_image_export(image, func.index, &info);
    return mote_call(sandbox, func, NULL, args, nargs, result, info.signature.nresults);
}

/* Calls an export; where a failure hits it, once more. */
static bool call(const char *name, const mote_value *args, size_t nargs, mote_value *result)
{
    mote_func func;
    int status = 1;
    if (mote_find(image, name, NULL, &func, NULL))
        seam_violation("no function %s", name);
    for (int i = 0; status && i < TRIES; i++) {
        status = call_once(func, args, nargs, result);
        if (status)
            check_failed_call(name, sandbox, status);
    }
    if (status)
        seam_violation("%s fails for ever: %s: %s", name, mote_error_name(status),
                       mote_sandbox_error(sandbox)->text);
    return !status;
}

static void expect_u32(const char *name, const mote_value *arg, uint32_t wanted)
{
    mote_value result;
    if (call(name, arg, arg != NULL, &result) && result.of.u32 != wanted)
        seam_violation("%s gave %u, not %u", name, result.of.u32, wanted);
}

static void expect_fresh(void)
{
    reset_at_last(sandbox);
    expect_u32("count", NULL, 1);
}

static void expect_bytes(const char *name, const mote_value *arg, const void *data, size_t size)
{
    mote_value result;
    if (!call(name, arg, arg != NULL, &result))
        return;
    if (result.of.bytes.size != size || memcmp(result.of.bytes.data, data, size) != 0)
        seam_violation("%s gave %zu other bytes", name, result.of.bytes.size);
}

static void call_host(void)
{
    mote_value args[2] = {{.type = MOTE_I32}, {.type = MOTE_I32}}, result;
    args[0].of.i32 = 20;
    args[1].of.i32 = 22;
    if (call("ask", args, 2, &result) && result.of.i32 != 42)
        seam_violation("ask gave %d", result.of.i32);
}

static void call_with_a_megabyte(void)
{
    mote_value arg = {.type = MOTE_BYTES};
    arg.of.bytes.data = payload;
    arg.of.bytes.size = sizeof payload;
    expect_bytes("echo", &arg, payload, sizeof payload);
}

static mote_value u32(uint32_t value)
{
    mote_value v = {.type = MOTE_U32};
    v.of.u32 = value;
    return v;
}

static void call_for_memory(void)
{
    mote_value pages = u32(20), depth = u32(300);
    expect_u32("map", &pages, 0 + 1 + 2 + 3 + 4 + 5 + 6 + 7);
    expect_u32("deep", &depth, 300);
    call("log", NULL, 0, NULL);
}

/* ---- without a VM ---- */

/* A failure leaves the sandbox as it is. */
static void park(mote_sandbox *s)
{
    mote_state state = mote_sandbox_state(s);
    int status = 1;
    for (int i = 0; status && i < TRIES; i++) {
        status = mote_sandbox_park(s);
        if (status)
            check_failure("park", status, mote_sandbox_error(s));
        if (mote_sandbox_state(s) != state)
            seam_violation("parking changes the state");
    }
    if (status)
        seam_violation("park fails for ever: %s", mote_sandbox_error(s)->text);
}

/* Mappings and all; a call that failed for good has been reset. */
static void park_and_go_on(void)
{
    mote_value pages = u32(20), before, after;
    expect_u32("map", &pages, 0 + 1 + 2 + 3 + 4 + 5 + 6 + 7);
    bool counted = call("count", NULL, 0, &before);
    park(sandbox);
    if (call("count", NULL, 0, &after) && counted && after.of.u32 != before.of.u32 + 1 &&
        !(seam_fired() && after.of.u32 == 1))
        seam_violation("a parked sandbox counted from %u to %u", before.of.u32, after.of.u32);
    expect_bytes("init", NULL, init, sizeof init);
    park(sandbox);
    expect_fresh();
}

/* ---- calls in calls, and calls that wait ---- */

static void call_back(void)
{
    mote_value depth = u32(3);
    expect_u32("nest", &depth, 4);
}

/* The answer is larger than what was asked, and than the mailbox is. */
static int suspend_and_resume(mote_value *result)
{
    mote_value arg = {.type = MOTE_BYTES, .of.bytes = {payload, 1000}};
    mote_value answer = {.type = MOTE_BYTES, .of.bytes = {payload, 200000}};
    int status = mote_call(sandbox, find("later"), NULL, &arg, 1, result, 1);
    if (status == MOTE_PENDING && mote_sandbox_state(sandbox) != MOTE_STATE_SUSPENDED)
        seam_violation("a call is pending and not suspended");
    if (status == MOTE_PENDING)
        park(sandbox);
    return status == MOTE_PENDING ? mote_resume(sandbox, NULL, &answer, result, 1) : status;
}

static void wait_for_an_answer(void)
{
    mote_value result;
    int status = 1;
    for (int i = 0; status && i < TRIES; i++) {
        status = suspend_and_resume(&result);
        if (status)
            check_failed_call("later", sandbox, status);
    }
    if (status)
        seam_violation("later fails for ever: %s", mote_sandbox_error(sandbox)->text);
    else if (result.of.bytes.size != 200000 || memcmp(result.of.bytes.data, payload, 200000) != 0)
        seam_violation("later gave %zu other bytes", result.of.bytes.size);
}

/* Left suspended: the reset ends it. */
static void wait_in_vain(void)
{
    mote_value arg = {.type = MOTE_BYTES, .of.bytes = {payload, 100000}}, result;
    int status = 0;
    for (int i = 0; status != MOTE_PENDING && i < TRIES; i++) {
        status = mote_call(sandbox, find("later"), NULL, &arg, 1, &result, 1);
        if (status != MOTE_PENDING)
            check_failed_call("later", sandbox, status);
    }
    expect_fresh();
}

/* ---- what goes wrong in the guest or its VM ---- */

static void crash_and_come_back(void)
{
    mote_func crash;
    if (mote_find(image, "crash", NULL, &crash, NULL))
        seam_violation("no function crash");
    int status = mote_call(sandbox, crash, NULL, NULL, 0, NULL, 0);
    if (status != MOTE_EFAULT && !seam_fired())
        seam_violation("a crash gave %s", mote_error_name(status));
    if (mote_sandbox_state(sandbox) != MOTE_STATE_POISONED)
        seam_violation("a crash does not poison: %s", mote_error_name(status));
    expect_fresh();
}

static void lose_the_vm_and_come_back(void)
{
    mote_func count;
    seam_break_next_run();
    if (mote_find(image, "count", NULL, &count, NULL))
        seam_violation("no function count");
    mote_value result;
    int status = mote_call(sandbox, count, NULL, NULL, 0, &result, 1);
    if (status != MOTE_ESTRANGE && !seam_fired())
        seam_violation("a lost VM gave %s", mote_error_name(status));
    if (mote_sandbox_state(sandbox) != MOTE_STATE_POISONED)
        seam_violation("a lost VM does not poison");
    expect_fresh();
    expect_bytes("init", NULL, init, sizeof init);
}

/* ---- snapshots ---- */

static mote_snapshot *snapshot, *opened;
static char folder[32], file[40];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/mote-seam-XXXXXX");
    if (!mkdtemp(folder))
        seam_violation("no folder for snapshots");
    snprintf(file, sizeof file, "%s/file", folder);
}

/* Two failures in a row may leave a temporary file. */
static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(folder);
}

static int take_snapshot(void)
{
    return mote_snapshot_take(&snapshot, sandbox, &error);
}

static int save_snapshot(void)
{
    return mote_snapshot_save(snapshot, file, &error);
}

static int open_snapshot(void)
{
    return mote_snapshot_open(&opened, image, NULL, file, &error);
}

static int restore(mote_snapshot *to)
{
    int status = mote_sandbox_restore(sandbox, to);
    if (status)
        error = *mote_sandbox_error(sandbox);
    return status;
}

static int restore_taken(void)
{
    return restore(snapshot);
}

static int restore_opened(void)
{
    return restore(opened);
}

/* The guest counts on from where it stood, from memory as from the file. */
static void snapshot_and_come_back(void)
{
    expect_fresh();
    again("snapshot_take", take_snapshot);
    again("snapshot_save", save_snapshot);
    again("snapshot_open", open_snapshot);
    again("sandbox_restore", restore_taken);
    expect_u32("count", NULL, 2);
    again("sandbox_restore", restore_opened);
    expect_u32("count", NULL, 2);
    expect_bytes("init", NULL, init, sizeof init);
    mote_snapshot_unref(snapshot);
    mote_snapshot_unref(opened);
}

static void run_program(void)
{
    int status = -1, failed = 1;
    for (int i = 0; failed && i < TRIES; i++) {
        failed = mote_run(run, NULL, &status);
        if (failed)
            check_failed_call("run", run, failed);
    }
    if (failed || status != 0)
        seam_violation("run: %s, status %d", mote_error_name(failed), status);
}

/* Calls would be on two threads: what they do in which order is nobody's to say. */
static int make_resident(void)
{
    mote_resident_options options = {sizeof options, 0, 0, 1u + (uint32_t)sched_getcpu()};
    return mote_resident_start(sandbox, &options, &error);
}

/* ---- the whole ---- */

static void use_sandbox(void)
{
    expect_u32("count", NULL, 1);
    expect_bytes("init", NULL, init, sizeof init);
    call_host();
    call_with_a_megabyte();
    expect_fresh();
    call_for_memory();
    expect_fresh();
    park_and_go_on();
    call_back();
    expect_fresh();
    wait_for_an_answer();
    wait_in_vain();
    crash_and_come_back();
    lose_the_vm_and_come_back();
    call_with_a_megabyte();
    snapshot_and_come_back();
    again("resident_start", make_resident);
    if (mote_resident_stop(sandbox))
        seam_violation("a resident sandbox does not stop");
    call_with_a_megabyte();
}

static void take_down(void)
{
    mote_handle *handle = mote_sandbox_handle(sandbox);
    int status = mote_sandbox_free(sandbox) | mote_sandbox_free(run);
    if (mote_interrupt(handle) != MOTE_ENOTFOUND)
        seam_violation("an interrupt found a call in a sandbox that is gone");
    mote_handle_unref(handle);
    mote_image_unref(image);
    mote_image_unref(program);
    mote_policy_unref(policy);
    if (status || mote_host_free(host))
        seam_violation("objects are left behind");
    check_nothing_allocated();
    if (frees)
        seam_violation("user data: %d frees too many", frees);
}

void scenario_run(void)
{
    memset(payload, 0x7e, sizeof payload);
    frees = 0;
    explain_outside(true);
    make_folder();
    explain_outside(false);
    again("host_new", make_host);
    again("image_open", open_image);
    again("image_open", open_program);
    again("policy_new", make_policy);
    again("policy_function", grant_add);
    again("policy_function", grant_echo);
    again("policy_function", grant_nest);
    again("policy_function", grant_later);
    again("policy_set", limit_cpu);
    again("policy_stream", grant_stream);
    again("policy_dir", grant_dir);
    again("policy_file", grant_file);
    again("sandbox_new", make_sandbox);
    use_sandbox();
    again("sandbox_new", make_run);
    park(run);
    run_program();
    take_down();
    explain_outside(true);
    remove_folder();
    explain_outside(false);
}

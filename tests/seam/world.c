/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program in a world of granted things: streams of every kind, a directory, a file, clocks,
 * randomness, large memory, a host function that answers later, a trace. Host calls that fail are
 * errors to the guest, which tries again; or they end the run, and then it is run once more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "explain.h"
#include "steps.h"

static mote_host *host;
static mote_image *image;
static mote_policy *policy;
static mote_sandbox *sandbox;
static char folder[64]; /* of the host, for the whole process */
static int pipe_ends[2], file = -1;
static int answered;
static unsigned long traced;
static bool callback_read;

/* ---- the host's side of it ---- */

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    static const char *const names[] = {"data/dir/moved", "data/dir", "data/file", "data/link",
                                        "data",           "granted",  ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove(in_folder(names[i]));
}

static void write_granted(void)
{
    int fd = open(in_folder("granted"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "a granted file", 14) != 14 || close(fd))
        seam_violation("%s cannot be written", folder);
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/mote-seam-XXXXXX");
    if (!mkdtemp(folder) || mkdir(in_folder("data"), 0700) ||
        symlink("dir/moved", in_folder("data/link")))
        seam_violation("%s cannot be made", folder);
    write_granted();
    atexit(remove_folder);
}

/* What a run that ended in the middle left behind. */
static void tidy(void)
{
    char rest[256];
    explain_outside(true);
    unlink(in_folder("data/dir/moved"));
    rmdir(in_folder("data/dir"));
    unlink(in_folder("data/file"));
    while (read(pipe_ends[0], rest, sizeof rest) > 0) {
    }
    answered = 0;
    callback_read = false;
    explain_outside(false);
}

static void open_ends(void)
{
    explain_outside(true);
    if (!folder[0])
        make_folder();
    file = open(in_folder("data/.."), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) || file < 0)
        seam_violation("no pipe or file");
    explain_outside(false);
}

static void close_ends(void)
{
    explain_outside(true);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    close(file);
    explain_outside(false);
}

/* ---- grants ---- */

static int make_host(void)
{
    return make_counting_host(&host);
}

static int open_image(void)
{
    return open_guest(&image, host, "seam_world");
}

static int make_policy(void)
{
    return mote_policy_new(&policy, host, &error);
}

static int set_options(void)
{
    static const struct {
        mote_option option;
        uint64_t value;
    } options[] = {
        {MOTE_OPT_MEMORY, 16ull << 30},
        {MOTE_OPT_CLOCK, MOTE_CLOCK_REAL},
        {MOTE_OPT_RANDOM, MOTE_RANDOM_REAL},
        {MOTE_OPT_DEADLINE, 60000000000u},
        {MOTE_OPT_CPU_TIME, 1},
    };
    int status = 0;
    for (size_t i = 0; !status && i < sizeof options / sizeof options[0]; i++)
        status = mote_policy_set(policy, options[i].option, options[i].value, &error);
    return status;
}

static int64_t take(void *user, mote_sandbox *s, const void *data, size_t size)
{
    (void)user;
    (void)s;
    (void)data;
    return (int64_t)size;
}

static int64_t give(void *user, mote_sandbox *s, void *data, size_t size)
{
    static const char text[] = "from a callback";
    (void)user;
    (void)s;
    if (callback_read || size < sizeof text)
        return 0;
    memcpy(data, text, sizeof text - 1);
    return sizeof text - 1;
}

static int grant_input(void)
{
    return mote_policy_input(policy, 0, "what the policy gives", 21, &error);
}

static int grant_capture(void)
{
    return mote_policy_capture(policy, 1, 1000, &error);
}

static int grant_callbacks(void)
{
    static const mote_stream stream = {.size = sizeof stream, .write = take, .read = give};
    int status = mote_policy_stream(policy, 2, &stream, &error);
    return status ? status : mote_policy_stream(policy, 3, &stream, &error);
}

static int grant_pipe_in(void)
{
    return mote_policy_fd(policy, 5, pipe_ends[1], MOTE_GRANT_WRITE, 0, &error);
}

static int grant_pipe_out(void)
{
    return mote_policy_fd(policy, 6, pipe_ends[0], MOTE_GRANT_READ, 0, &error);
}

static int grant_file_as_stream(void)
{
    return mote_policy_fd(policy, 7, file, MOTE_GRANT_READ | MOTE_GRANT_WRITE, 0, &error);
}

static int grant_dir(void)
{
    return mote_policy_dir(policy, in_folder("data"), "/data", MOTE_GRANT_READ | MOTE_GRANT_WRITE,
                           &error);
}

static int grant_file(void)
{
    return mote_policy_file(policy, in_folder("granted"), "/granted", &error);
}

static int wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

static int grant_wait(void)
{
    return mote_policy_function(policy, "env", "wait", "(u32)->u32", wait, NULL, NULL, &error);
}

static void trace(void *user, mote_sandbox *s, const mote_syscall_event *event)
{
    (void)user;
    (void)s;
    traced += event->name != NULL;
}

static int grant_trace(void)
{
    return mote_policy_trace(policy, trace, NULL, &error);
}

static int make_sandbox(void)
{
    static const char *const args[] = {"world", NULL};
    mote_sandbox_options options = {.size = sizeof options, .args = args};
    return mote_sandbox_new(&sandbox, image, policy, &options, &error);
}

/* ---- the run ---- */

/* The first question is answered, the second refused. */
static int go_on(mote_value *status)
{
    mote_value answer = {.type = MOTE_U32, .of.u32 = 42};
    if (mote_sandbox_state(sandbox) != MOTE_STATE_SUSPENDED)
        seam_violation("a run is pending and not suspended");
    if (answered++ == 0)
        return mote_resume(sandbox, NULL, &answer, status, 1);
    return mote_resume_fail(sandbox, NULL, 7, "not now", status, 1);
}

static int run_once(int *exit_status)
{
    mote_value value = {.type = MOTE_I32, .of.i32 = -1};
    tidy();
    int status = mote_run(sandbox, NULL, &value.of.i32);
    while (status == MOTE_PENDING)
        status = go_on(&value);
    *exit_status = value.of.i32;
    return status;
}

static void check_output(void)
{
    const void *data = NULL;
    size_t size = 0;
    int status = mote_sandbox_output(sandbox, 1, &data, &size);
    if (status || size != 8 || memcmp(data, "captured", 8) != 0)
        seam_violation("%s, %zu bytes captured", mote_error_name(status), size);
}

static void run_to_its_end(void)
{
    int exit_status = -1, status = 1;
    for (int i = 0; status && i < TRIES; i++) {
        status = run_once(&exit_status);
        if (status)
            check_failed_call("run", sandbox, status);
    }
    if (status || exit_status)
        seam_violation("run: %s, step %d", mote_error_name(status), exit_status);
    else
        check_output();
}

/* A run that is cancelled while it waits. */
static void cancel(void)
{
    int exit_status = -1, status = 0;
    for (int i = 0; status != MOTE_PENDING && i < TRIES; i++) {
        reset_at_last(sandbox);
        tidy();
        status = mote_run(sandbox, NULL, &exit_status);
        if (status == 0)
            seam_violation("the second run ends at step %d", exit_status);
        else if (status != MOTE_PENDING)
            check_failed_call("second run", sandbox, status);
    }
    status = mote_cancel(sandbox);
    if (status || mote_sandbox_state(sandbox) != MOTE_STATE_POISONED)
        seam_violation("cancel: %s", mote_error_name(status));
    reset_at_last(sandbox);
}

static void take_down(void)
{
    if (mote_sandbox_free(sandbox))
        seam_violation("the sandbox is left behind");
    mote_image_unref(image);
    mote_policy_unref(policy);
    if (mote_host_free(host))
        seam_violation("objects are left behind");
    check_nothing_allocated();
}

void world_run(void)
{
    open_ends();
    again("host_new", make_host);
    again("image_open", open_image);
    again("policy_new", make_policy);
    again("policy_set", set_options);
    again("policy_input", grant_input);
    again("policy_capture", grant_capture);
    again("policy_stream", grant_callbacks);
    again("policy_fd", grant_pipe_in);
    again("policy_fd", grant_pipe_out);
    again("policy_fd", grant_file_as_stream);
    again("policy_dir", grant_dir);
    again("policy_file", grant_file);
    again("policy_function", grant_wait);
    again("policy_trace", grant_trace);
    again("sandbox_new", make_sandbox);
    run_to_its_end();
    cancel();
    take_down();
    tidy();
    close_ends();
}

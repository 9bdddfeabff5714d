/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: sandboxes of two images take turns in one VM, and what fails costs a VM at most. The
 * pool's thread only destroys here, which asks nobody. */
#include <mote.h>
#include <string.h>

#include "explain.h"
#include "steps.h"

static mote_host *host;
static mote_image *images[2];
static mote_policy *policies[2]; /* the second one grants a file */
static mote_sandbox *sandbox;
static unsigned turn;

static int make_host(void)
{
    static const mote_host_options options = {
        .shells_high = 1, .shells_most = 2, .reuse = MOTE_REUSE_FREELY};
    return make_counting_host_with(&host, &options);
}

static int open_first(void)
{
    return open_guest(&images[0], host, "seam");
}

static int open_second(void)
{
    return open_guest(&images[1], host, "seam");
}

static int make_first_policy(void)
{
    return mote_policy_new(&policies[0], host, &error);
}

static int make_second_policy(void)
{
    return mote_policy_new(&policies[1], host, &error);
}

static int grant_file(void)
{
    return mote_policy_file(policies[1], guest_path("hello_plain"), "/file", &error);
}

/* ---- host functions: none of them is called ---- */

static int unused(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 1000;
}

static const struct {
    const char *name, *signature;
} imports[] = {{"add", "(i32,i32)->i32"},
               {"echo", "(bytes)->bytes"},
               {"nest", "(u32)->u32"},
               {"later", "(bytes)->bytes"}};
enum { IMPORTS = sizeof imports / sizeof imports[0] };

static unsigned granted;

static int grant_next(void)
{
    return mote_policy_function(policies[granted / IMPORTS], "env", imports[granted % IMPORTS].name,
                                imports[granted % IMPORTS].signature, unused, NULL, NULL, &error);
}

/* ---- sandboxes ---- */

static int make_sandbox(void)
{
    static const char init[5000] = "init";
    mote_sandbox_options options = {.size = sizeof options,
                                    .init_data = turn % 2 ? init : NULL,
                                    .init_data_size = turn % 2 ? sizeof init : 0,
                                    .tenant = turn % 3 ? "one" : "other"};
    return mote_sandbox_new(&sandbox, images[turn / 2 % 2], policies[turn / 3 % 2], &options,
                            &error);
}

/* Calls until it succeeds; what fails is reset. */
static mote_value call(const char *name, const mote_value *args, size_t nargs)
{
    mote_value result = {.type = MOTE_U32};
    mote_func func;
    int status = 1;
    if (mote_find(images[turn / 2 % 2], name, NULL, &func, NULL))
        seam_violation("no function %s", name);
    for (int i = 0; status && i < TRIES; i++) {
        status = mote_call(sandbox, func, NULL, args, nargs, &result, 1);
        if (!status)
            break;
        check_failed_call(name, sandbox, status);
        reset_at_last(sandbox);
    }
    if (status)
        seam_violation("%s fails for ever", name);
    return result;
}

static void live(void)
{
    mote_value pages = {.type = MOTE_U32, .of.u32 = 3};
    again("sandbox_new", make_sandbox);
    if (call("count", NULL, 0).of.u32 != 1)
        seam_violation("a sandbox of the pool is not fresh");
    call("map", &pages, 1);
    if (turn % 5 == 4) { /* its VM is lost, and none comes back */
        seam_break_next_run();
        mote_func func;
        mote_value result;
        mote_find(images[turn / 2 % 2], "count", NULL, &func, NULL);
        if (mote_call(sandbox, func, NULL, NULL, 0, &result, 1) != MOTE_ESTRANGE)
            seam_violation("a call of a lost VM succeeds");
    }
    if (mote_sandbox_free(sandbox))
        seam_violation("a sandbox stays");
}

void pooled_run(void)
{
    again("host_new", make_host);
    again("image_open", open_first);
    again("image_open", open_second);
    again("policy_new", make_first_policy);
    again("policy_new", make_second_policy);
    again("policy_file", grant_file);
    for (granted = 0; granted < 2 * IMPORTS; granted++)
        again("policy_function", grant_next);
    for (turn = 0; turn < 7; turn++)
        live();
    for (size_t i = 0; i < 2; i++) {
        mote_image_unref(images[i]);
        mote_policy_unref(policies[i]);
    }
    if (mote_host_free(host))
        seam_violation("objects are left behind");
    check_nothing_allocated();
}

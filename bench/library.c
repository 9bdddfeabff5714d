/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <stdio.h>
#include <string.h>

#include "bench.h"

static int failed(const char *what, const mote_error *error)
{
    fprintf(stderr, "\nmote_bench: %s: %s %s\n", what, error->text, error->remedy);
    return -1;
}

int library_failed(const struct library *library, const char *what)
{
    return failed(what, mote_sandbox_error(library->sandbox));
}

/* ---- the host functions ---- */

static int add(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    result->type = MOTE_I32;
    result->of.i32 = args[0].of.i32 + args[1].of.i32;
    return 0;
}

static int later(void *user, mote_context *context, const mote_value *args, size_t nargs,
                 mote_value *result)
{
    const struct library *library = user;
    (void)context;
    (void)args;
    (void)nargs;
    *result = (mote_value){.type = MOTE_U32, .of.u32 = 7};
    return library->suspend ? MOTE_PENDING : 0;
}

/* The rest of what the guest imports is never called. */
static const struct {
    const char *name, *signature;
} imports[] = {{"add", "(i32,i32)->i32"},
               {"greet", "(string)->string"},
               {"fail", "()->i32"},
               {"take", "(bytes)->void"},
               {"give", "(u32)->bytes"},
               {"mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64"}};

static int make_policy(struct library *library, uint64_t memory, mote_error *error)
{
    int status = mote_policy_new(&library->policy, library->host, error);
    if (!status && memory)
        status = mote_policy_set(library->policy, MOTE_OPT_MEMORY, memory, error);
    for (size_t i = 0; !status && i < sizeof imports / sizeof imports[0]; i++)
        status = mote_policy_function(library->policy, "env", imports[i].name, imports[i].signature,
                                      add, NULL, NULL, error);
    if (!status)
        status = mote_policy_function(library->policy, "env", "later", "()->u32", later, library,
                                      NULL, error);
    return status;
}

/* ---- life ---- */

int library_open_with(struct library *library, const char *guest, uint64_t memory,
                      const mote_host_options *options)
{
    char path[512];
    mote_error error = MOTE_ERROR_INIT;
    memset(library, 0, sizeof *library);
    snprintf(path, sizeof path, "%s/%s", MOTE_GUEST_DIR, guest);
    mote_source source = MOTE_SOURCE_PATH(path);
    int status = mote_host_new(&library->host, options, &error);
    if (!status)
        status = mote_image_open(&library->image, library->host, &source, NULL, &error);
    if (!status)
        status = mote_image_boot(library->image, &error);
    if (!status)
        status = make_policy(library, memory, &error);
    if (!status)
        return 0;
    failed(guest, &error);
    library_close(library);
    return -1;
}

int library_open(struct library *library, const char *guest, uint64_t memory)
{
    return library_open_with(library, guest, memory, NULL);
}

void library_close(struct library *library)
{
    library_free_sandbox(library);
    mote_policy_unref(library->policy);
    mote_image_unref(library->image);
    mote_host_free(library->host);
    memset(library, 0, sizeof *library);
}

int library_new_sandbox(struct library *library)
{
    mote_error error = MOTE_ERROR_INIT;
    int status = mote_sandbox_new(&library->sandbox, library->image, library->policy, NULL, &error);
    return status ? failed("mote_sandbox_new", &error) : 0;
}

void library_free_sandbox(struct library *library)
{
    mote_sandbox_free(library->sandbox);
    library->sandbox = NULL;
}

int library_find(struct library *library, const char *name, const char *signature)
{
    mote_error error = MOTE_ERROR_INIT;
    int status = mote_find(library->image, name, signature, &library->func, &error);
    return status ? failed("mote_find", &error) : 0;
}

int library_start(struct library *library, const char *guest, const char *function,
                  const char *signature)
{
    int status = library_open(library, guest, 0);
    if (status)
        return status;
    status = library_find(library, function, signature);
    if (!status)
        status = library_new_sandbox(library);
    if (status)
        library_close(library);
    return status;
}

int library_call_u32(struct library *library, uint32_t argument, mote_value *result,
                     size_t nresults)
{
    mote_value value = {.type = MOTE_U32, .of.u32 = argument};
    int status = mote_call(library->sandbox, library->func, NULL, &value, 1, result, nresults);
    return status ? library_failed(library, "mote_call") : 0;
}

static int64_t time_rounds(struct library *library, uint32_t n)
{
    mote_value done;
    uint64_t start = now_ns();
    int status = library_call_u32(library, n, &done, 1);
    uint64_t end = now_ns();
    return status || done.of.u32 != n ? -1 : (int64_t)(end - start);
}

int64_t library_time_storm(struct library *library, uint32_t n)
{
    int64_t none, all;
    do { /* once more where the empty call was held up longer than all the others take */
        none = time_rounds(library, 0);
        all = time_rounds(library, n);
    } while (none >= 0 && all >= 0 && all < none);
    return none < 0 || all < 0 ? -1 : all - none;
}

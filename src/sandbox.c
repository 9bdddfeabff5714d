/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <stddef.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "park.h"
#include "resident.h"
#include "signature.h"
#include "snapshot.h"

/* ---- grants ---- */

static int missing(const mote_function_info *import, mote_error *error)
{
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_EMISSING, 0,
                      "grant it with mote_policy_function, or let the guest import it weakly",
                      "the guest imports %s.%s %s, which the policy does not grant", import->module,
                      import->name, import->signature_text);
}

static int bind_import(mote_sandbox *sandbox, uint32_t index, mote_error *error)
{
    const mote_function_info *import = &sandbox->image->notes.imports.list[index];
    const struct mote__grant *grant =
        mote__policy_find(sandbox->policy, import->module, import->name);
    if (!grant)
        return import->weak ? 0 : missing(import, error);
    char text[512];
    mote_signature_format(&grant->signature, text, sizeof text);
    if (!mote__signature_equal(&grant->signature, &import->signature))
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                          "the guest imports %s.%s as %.150s, the policy grants %.150s",
                          import->module, import->name, import->signature_text, text);
    sandbox->imports[index] = grant;
    return 0;
}

static int bind_imports(mote_sandbox *sandbox, mote_error *error)
{
    uint32_t n = sandbox->image->notes.imports.count;
    sandbox->imports =
        mote__alloc_array(&sandbox->host->allocator, n, sizeof(struct mote__grant *));
    if (!sandbox->imports)
        return mote__fail_memory(error, "a sandbox");
    int status = 0;
    for (uint32_t i = 0; !status && i < n; i++)
        status = bind_import(sandbox, i, error);
    return status;
}

/* ---- options ---- */

static void free_strings(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        mote__free(list[i]);
    mote__free(list);
}

static int copy_strings(const mote_allocator *allocator, char ***out, const char *const *list)
{
    size_t n = 0;
    if (!list)
        return 0;
    while (list[n])
        n++;
    char **copy = mote__alloc_array(allocator, n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = mote__strdup(allocator, list[i]);
        if (!copy[i]) {
            free_strings(copy);
            return MOTE_ENOMEM;
        }
    }
    *out = copy;
    return copy ? 0 : MOTE_ENOMEM;
}

static int copy_init_data(mote_sandbox *sandbox, const mote_sandbox_options *options)
{
    if (options->init_data_size == 0)
        return 0;
    sandbox->init_data = mote__alloc(&sandbox->host->allocator, options->init_data_size);
    if (!sandbox->init_data)
        return MOTE_ENOMEM;
    memcpy(sandbox->init_data, options->init_data, options->init_data_size);
    sandbox->init_size = options->init_data_size;
    return 0;
}

static int take_options(mote_sandbox *sandbox, const mote_sandbox_options *options,
                        mote_error *error)
{
    if (!options)
        return 0;
    const mote_allocator *allocator = &sandbox->host->allocator;
    sandbox->user = options->user;
    int status = copy_strings(allocator, &sandbox->args, options->args);
    if (!status)
        status = copy_strings(allocator, &sandbox->env, options->env);
    if (!status)
        status = copy_init_data(sandbox, options);
    if (!status && options->tenant) {
        sandbox->tenant = mote__strdup(allocator, options->tenant);
        status = sandbox->tenant ? 0 : MOTE_ENOMEM;
    }
    return status ? mote__fail_memory(error, "the options of a sandbox") : 0;
}

/* ---- life ---- */

void mote__calls_clear(mote_sandbox *sandbox)
{
    for (size_t i = 0; i <= MOTE_MAX_DEPTH; i++)
        mote__buffer_wipe(&sandbox->calls[i].arguments);
    sandbox->depth = 0;
    sandbox->pending = NULL;
    sandbox->ended = 0;
    sandbox->calls[0].frame = 0;
    sandbox->calls[0].used = sizeof(struct mote_mailbox);
}

static int build(mote_sandbox *sandbox, const mote_sandbox_options *options, mote_error *error)
{
    sandbox->handle = mote__handle_new(&sandbox->host->allocator, sandbox->host->signal);
    if (!sandbox->handle)
        return mote__fail_memory(error, "a sandbox");
    mote__watchdog_add(&sandbox->host->watchdog, sandbox->handle);
    /* From a random start: unique, and no measure of what others do. */
    int status = mote__random(&sandbox->generation, sizeof sandbox->generation);
    if (status < 0)
        return mote__fail_system(error, status, "getrandom");
    if (!sandbox->snapshot)
        return 0; /* booting: the rest is made by boot.c */
    status = bind_imports(sandbox, error);
    if (!status)
        status = take_options(sandbox, options, error);
    if (!status && mote__fds_init(&sandbox->fds, sandbox->policy))
        status = mote__fail_memory(error, "the descriptors of a sandbox");
    if (!status)
        status = mote__sandbox_attach(sandbox, error);
    if (!status)
        mote__sandbox_write_info(sandbox);
    return status;
}

int mote__sandbox_create(mote_sandbox **out, mote_image *image, mote_policy *policy,
                         const mote_sandbox_options *options, struct mote__snapshot *snapshot,
                         mote_error *error)
{
    mote_sandbox *sandbox = mote__alloc(&image->host->allocator, sizeof *sandbox);
    if (!sandbox)
        return mote__fail_memory(error, "a sandbox");
    sandbox->host = image->host;
    sandbox->image = mote_image_ref(image);
    sandbox->policy = mote_policy_ref(policy);
    sandbox->snapshot = mote__snapshot_ref(snapshot);
    sandbox->personality = snapshot ? snapshot->personality : (struct mote__linux){0};
    mote__calls_clear(sandbox);
    mote__error_clear(&sandbox->error);
    sandbox->report.size = sizeof sandbox->report;
    mote__host_ref(image->host);
    atomic_init(&sandbox->entered, 1); /* nobody parks it before it is whole */
    if (snapshot)
        atomic_fetch_add(&image->host->crowd.sandboxes, 1);
    int status = build(sandbox, options, error);
    if (status) {
        mote__sandbox_destroy(sandbox);
        return status;
    }
    atomic_store_explicit(&sandbox->entered, 0, memory_order_release);
    *out = sandbox;
    return 0;
}

void mote__sandbox_destroy(mote_sandbox *sandbox)
{
    mote_host *host = sandbox->host;
    mote__resident_end(sandbox);
    if (sandbox->snapshot)
        atomic_fetch_sub(&host->crowd.sandboxes, 1);
    if (sandbox->state == MOTE_STATE_SUSPENDED && !mote__host_forked(host))
        mote__handle_end(sandbox->handle);
    mote__parked_free(sandbox);
    mote__sandbox_detach(sandbox);
    mote_handle_unref(sandbox->handle);
    mote__calls_clear(sandbox);
    for (size_t i = 0; i <= MOTE_MAX_DEPTH; i++)
        mote__free(sandbox->calls[i].arguments.data);
    mote__buffer_wipe(&sandbox->results);
    mote__free(sandbox->results.data);
    mote__free(sandbox->imports);
    mote__fds_free(&sandbox->fds);
    free_strings(sandbox->args);
    free_strings(sandbox->env);
    mote__free(sandbox->init_data);
    mote__free(sandbox->tenant);
    mote_policy_unref(sandbox->policy);
    mote__snapshot_unref(sandbox->snapshot);
    mote_image_unref(sandbox->image);
    mote__free(sandbox);
    mote__host_unref(host);
}

static int check_new(mote_sandbox **out, const mote_image *image, const mote_policy *policy,
                     const mote_sandbox_options *options, mote_error *error)
{
    if (!out || !image)
        return mote__fail_argument(error, "mote_sandbox_new: sandbox or image is NULL");
    int status = mote__host_check(image->host, error);
    if (status)
        return status;
    if (policy && policy->host != image->host)
        return mote__fail_argument(error,
                                   "mote_sandbox_new: image and policy are of different hosts");
    if (options->init_data_size && !options->init_data)
        return mote__fail_argument(error, "mote_sandbox_new: options.init_data is NULL");
    if (options->snapshot && options->snapshot->image != image)
        return mote__fail_argument(error, "mote_sandbox_new: the snapshot is of another image");
    return 0;
}

int mote_sandbox_new(mote_sandbox **out, mote_image *image, mote_policy *policy,
                     const mote_sandbox_options *given, mote_error *error)
{
    mote_sandbox_options options;
    int status = mote__options_copy(&options, sizeof options, given,
                                    MOTE__SIZE_UP_TO(mote_sandbox_options, init_data_size),
                                    "mote_sandbox_options", error);
    if (!status)
        status = check_new(out, image, policy, &options, error);
    if (!status && !options.snapshot)
        status = mote__image_boot(image, error);
    if (status)
        return status;
    if (policy)
        mote__policy_freeze(policy);
    return mote__sandbox_create(
        out, image, policy, &options,
        options.snapshot ? options.snapshot->state : atomic_load(&image->snapshot), error);
}

int mote_sandbox_free(mote_sandbox *sandbox)
{
    if (!sandbox)
        return 0;
    if (mote__host_forked(sandbox->host)) { /* only the thread that forked is left */
        if (atomic_load(&sandbox->entered) && mote__callback_is_mine(sandbox))
            return MOTE_EBUSY;
        mote__sandbox_destroy(sandbox);
        return 0;
    }
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    int cancel = sandbox->cancel;
    mote__sandbox_destroy(sandbox);
    mote__cancel_back(cancel);
    return 0;
}

/* ---- one thread at a time ---- */

int mote__sandbox_enter(mote_sandbox *sandbox)
{
    if (!sandbox)
        return MOTE_EINVAL;
    if (mote__host_forked(sandbox->host))
        return MOTE_EFORKED;
    uint32_t now = 0;
    while (!atomic_compare_exchange_strong(&sandbox->entered, &now, 1)) {
        if (now != MOTE__BEING_PARKED)
            return MOTE_EBUSY;
        mote__futex_wait(&sandbox->entered, now); /* not long */
        now = 0;
    }
    sandbox->cancel = mote__cancel_off();
    return 0;
}

void mote__sandbox_leave(mote_sandbox *sandbox)
{
    uint32_t entered = sandbox->orphans ? MOTE__LEFT_BEHIND : 0;
    int cancel = sandbox->cancel;
    atomic_store_explicit(&sandbox->entered, entered, memory_order_release);
    mote__cancel_back(cancel);
}

/* ---- questions ---- */

void *mote_sandbox_user(const mote_sandbox *sandbox)
{
    return sandbox ? sandbox->user : NULL;
}

mote_state mote_sandbox_state(const mote_sandbox *sandbox)
{
    return sandbox ? sandbox->state : MOTE_STATE_CLOSED;
}

const mote_error *mote_sandbox_error(const mote_sandbox *sandbox)
{
    return sandbox ? &sandbox->error : NULL;
}

const mote_report *mote_sandbox_report(const mote_sandbox *sandbox)
{
    return sandbox ? &sandbox->report : NULL;
}

mote_handle *mote_sandbox_handle(mote_sandbox *sandbox)
{
    if (!sandbox)
        return NULL;
    atomic_fetch_add(&sandbox->handle->references, 1);
    return sandbox->handle;
}
